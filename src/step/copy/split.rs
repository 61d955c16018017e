use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mirror::{self, How, Mirror};
use crate::host::{Act, HostError, Look, Side};
use crate::step::{Compared, NO_ARCHIVE, Seen, Step, Touched, Undo, lvs};

/// One volume's mirror cut in two: its leg on new becomes a volume of its own, and old's is whole and plain again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// the volume group, as vgs(8) prints it
    pub vg: String,
    /// the volume's name within the group, as lvs(8) prints it
    pub lv: String,
    /// the name of the leg on new, until it is there
    pub leg: String,
    /// the disk that new offers, by its UUID: `/dev/disk/by-id/lvm-pv-uuid-…`
    pub device: String,
    /// the mirror that is cut
    #[serde(default)]
    pub mirror: Option<Mirror>,
}

impl Step for Split {
    fn title(&self) -> String {
        format!("split {}/{}: new's leg becomes {}", self.vg, self.lv, self.leg)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = lvs(on, side)?;
        let find = |name: &str| all.iter().find(|lv| lv.vg == self.vg && lv.name == name && !lv.hidden);
        Ok(match (find(&self.lv), find(&self.leg)) {
            (None, _) => Seen::Foreign(format!("there is no volume {}/{}", self.vg, self.lv)),
            (Some(_), Some(_)) => Seen::Present,
            (Some(_), None) => Seen::Absent,
        })
    }

    /// lvconvert(8) asks for 100 % in sync only, and that is what a raid1 without its second leg says, too.
    fn forbids(&self, on: &dyn Look, side: Side) -> Result<Option<String>, HostError> {
        let Some(mirror) = &self.mirror else { return Ok(None) };
        let why = match mirror::prove(on, side, mirror)? {
            Seen::Present => return Ok(None),
            Seen::Absent => "it is not mirrored".into(),
            Seen::Underway(on) => on.what,
            Seen::Partial(what) | Seen::Remains(what) | Seen::Foreign(what) => what,
        };
        Ok(Some(format!("{}/{} must not be split: {why}", self.vg, self.lv)))
    }

    fn apply(&self) -> Vec<Act> {
        let name = format!("{}/{}", self.vg, self.lv);
        let mut acts = Vec::new();
        if self.mirror.as_ref().is_some_and(|mirror| mirror.how == How::Raid1) {
            // the mark would stay on new's volume, and mean something again when that is mirrored one day
            let leg = format!("{}:n", self.device);
            acts.push(Act::run(["lvchange", "--config", NO_ARCHIVE, "--writemostly", &leg, &name]));
        }
        acts.push(Act::run([
            "lvconvert",
            "--yes",
            "--config",
            NO_ARCHIVE,
            "--splitmirrors",
            "1",
            "--name",
            &self.leg,
            &name,
            &self.device,
        ]));
        acts
    }

    fn undo(&self) -> Undo {
        let leg = format!("{}/{}", self.vg, self.leg);
        Undo::Acts(vec![Act::run(["lvremove", "--yes", "--config", NO_ARCHIVE, &leg])])
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        [Touched::volume(&self.vg, &self.lv), Touched::volume(&self.vg, &self.leg)].concat()
    }
}
