use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ages::{Ages, OUTLIVED, ages_query, served};
use crate::facts::{Lv, Pv, dm, lvm};
use crate::host::{Act, HostError, Look, Query, Side, Text};
use crate::step::{Compared, Mark, Progress, Seen, Step, Touched, Undo, parsed};

/// A logical volume mirrored onto the new server's array, while it is in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// the volume group, as vgs(8) prints it
    pub vg: String,
    /// the volume's name within the group, as lvs(8) prints it
    pub lv: String,
    /// the kind of mirror
    pub how: How,
    /// the disk that new offers
    pub device: String,
    /// LVM's UUID of that disk, as pvs(8) prints it
    pub pv_uuid: String,
    /// bytes to copy: those of the volume
    pub size: u64,
    /// MiB of a region, the unit of which the mirror remembers whether both sides have it
    pub region: u32,
    /// a file in old's memory that says when this copy began: seconds since the boot, as in /proc/uptime
    #[serde(default)]
    pub since: String,
}

/// The kinds of mirrors: lvmraid(7), lvconvert(8)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// needs a free extent for its metadata on each side; survives a lost link by itself
    Raid1,
    /// for a full group: its log is kept in memory
    CoreLog,
}

/// For a raid1 that is there already but lost its leg for a while: take the leg back in, which copies what changed only.
/// The copy began when it was made, not when it is refreshed.
pub(crate) const RAID1: &str = r#"if [ "$(lvs --noheadings -o segtype "$1" | tr -d ' ')" = raid1 ]; then lvchange --refresh "$1" && lvchange --monitor y "$1"
else mkdir -p "${4%/*}" && cat /proc/uptime >"$4" && lvconvert --yes --type raid1 --mirrors 1 --regionsize "$3" "$1" "$2"; fi"#;

/// A core log remembers nothing: a mirror that is there but not sound is taken apart and begun again. One that dmeventd
/// does not watch, too: `lvchange --monitor y` reloads its table, and that begins the copy again as well. lvconvert(8) has
/// the new one watched, and starts dmeventd where its socket is there.
pub(crate) const CORE_LOG: &str = r#"if [ "$(lvs --noheadings -o segtype "$1" | tr -d ' ')" = mirror ]; then lvconvert --yes --mirrors 0 "$1" "$2" || exit; fi
systemctl start dm-event.socket 2>/dev/null
mkdir -p "${4%/*}" && cat /proc/uptime >"$4" &&
lvconvert --yes --background --type mirror --mirrors 1 --mirrorlog core --regionsize "$3" "$1" "$2""#;

/// Takes the leg on new out of a mirror. Where that disk is missing it cannot be named; then what is missing leaves all
/// mirrors of the group, and only what is mirrored: vgreduce(8).
pub(crate) const UNMIRROR: &str = r#"if pvs --noheadings -o pv_uuid,pv_missing 2>/dev/null | grep "$3" | grep -qv missing; then lvconvert --yes --mirrors 0 "$1" "$2"
else vgreduce --removemissing --mirrorsonly --force "${1%%/*}"
if [ "$(lvs --noheadings -o segtype "$1" | tr -d ' ')" = raid1 ]; then lvconvert --yes --mirrors 0 "$1"; fi; fi"#;

impl Mirror {
    fn name(&self) -> String {
        format!("{}/{}", self.vg, self.lv)
    }

    /// What marks the beginning of this copy in the kernel's log.
    fn mark_line(&self) -> String {
        format!("replant: mirror of {} begins", self.name())
    }
}

/// What mirrors are judged by: one look for all of them.
pub(super) struct State {
    lvs: Vec<Lv>,
    pvs: Vec<Pv>,
    status: Vec<dm::Mapping>,
    log: String,
    pub(super) ages: Ages,
}

impl State {
    pub(super) fn read(on: &dyn Look, side: Side, mirrors: &[&Mirror]) -> Result<State, HostError> {
        let since: Vec<&str> = mirrors.iter().map(|mirror| mirror.since.as_str()).collect();
        let queries =
            [lvm::lvs_query(), lvm::pvs_query(), dm::status_query([]), Query::run(["dmesg"]), ages_query(&since)];
        let answers = on.look(side, &queries)?;
        let [lvs, pvs, status, log, ages] = answers.as_slice() else {
            let cause = format!("{} answers to {} questions", answers.len(), queries.len());
            return Err(HostError::Unclear { side, command: "lvs, pvs, dmsetup, dmesg".into(), cause });
        };
        Ok(State {
            lvs: parsed(side, "lvs", lvm::parse_lvs(&lvs.stdout))?,
            pvs: parsed(side, "pvs", lvm::parse_pvs(&pvs.stdout))?,
            status: parsed(side, "dmsetup status", dm::parse_status(&status.stdout))?,
            log: log.stdout.clone(),
            ages: Ages::parse(&ages.stdout),
        })
    }

    /// Whether the volume has a second leg, whatever it is worth.
    pub(super) fn mirrored(&self, mirror: &Mirror) -> bool {
        let theirs = |lv: &&Lv| lv.vg == mirror.vg && lv.name == mirror.lv && !lv.hidden;
        self.lvs.iter().find(theirs).is_some_and(|lv| matches!(lv.segtype.as_str(), "mirror" | "raid1"))
    }
}

/// Each of these mirrors as it is now. Where new does not answer, one that is otherwise in sync is neither whole nor
/// broken, as long as nobody knows.
pub(super) fn look(on: &dyn Look, side: Side, mirrors: &[&Mirror]) -> Result<Vec<Seen>, HostError> {
    judge(on, side, mirrors, |silence| match silence {
        HostError::Unreachable { .. } => {
            let what = "waiting for new to say since when it runs".into();
            Ok(Seen::Underway(Progress { what, bytes: None }))
        }
        error => Err(error),
    })
}

/// As [`look`], and new's silence is an error.
pub(super) fn prove(on: &dyn Look, side: Side, mirror: &Mirror) -> Result<Seen, HostError> {
    Ok(judge(on, side, &[mirror], Err)?.remove(0))
}

/// The whole predicate. New is asked only where its answer decides: going back must not wait for a server that is gone.
fn judge(
    on: &dyn Look,
    side: Side,
    mirrors: &[&Mirror],
    silent: impl Fn(HostError) -> Result<Seen, HostError>,
) -> Result<Vec<Seen>, HostError> {
    let state = State::read(on, side, mirrors)?;
    let mut seen: Vec<Seen> = mirrors.iter().map(|mirror| mirror.judge(&state)).collect();
    if !seen.contains(&Seen::Present) {
        return Ok(seen);
    }
    let served = match served(on) {
        Ok(seconds) => Ok(seconds),
        Err(silence) => Err(silent(silence)?),
    };
    for (mirror, seen) in mirrors.iter().zip(&mut seen).filter(|(_, seen)| **seen == Seen::Present) {
        match &served {
            Ok(served) if state.ages.outlives(&mirror.since, *served) => *seen = Seen::Partial(OUTLIVED.into()),
            Ok(_) => {}
            Err(unknown) => *seen = unknown.clone(),
        }
    }
    Ok(seen)
}

/// device-mapper's name of a volume: dashes are doubled in it.
pub(crate) fn dm_name(vg: &str, lv: &str) -> String {
    format!("{}-{}", vg.replace('-', "--"), lv.replace('-', "--"))
}

impl Step for Mirror {
    fn title(&self) -> String {
        let gib = self.size as f64 / (1u64 << 30) as f64;
        format!("mirror {}  {gib:.2} GiB", self.name())
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        Ok(look(on, side, &[self])?.remove(0))
    }

    fn apply(&self) -> Vec<Act> {
        let region = format!("{}m", self.region);
        let convert = match self.how {
            How::Raid1 => Act::run(["sh", "-c", RAID1, "sh", &self.name(), &self.device, &region, &self.since]),
            How::CoreLog => Act::run(["sh", "-c", CORE_LOG, "sh", &self.name(), &self.device, &region, &self.since]),
        };
        vec![Act::feed(["tee", "/dev/kmsg"], Text::new(self.mark_line() + "\n")), convert]
    }

    fn undo(&self) -> Undo {
        // The disk is always named: without it lvconvert(8) may keep the wrong leg.
        Undo::Acts(vec![Act::run(["sh", "-c", UNMIRROR, "sh", &self.name(), &self.device, &self.pv_uuid])])
    }

    fn mark(&self) -> Mark {
        Mark::Change
    }

    /// Without any progress: a link may be away for a while.
    fn patience(&self) -> Duration {
        Duration::from_secs(300)
    }

    /// lvconvert(8) returns when the volume is a mirror. It is plain again if the leg died before anybody looked.
    fn begun_by_its_acts(&self) -> bool {
        true
    }

    /// A freshly converted leg may report idle before its recovery begins.
    fn confirmations(&self) -> u32 {
        2
    }

    fn couples(&self) -> bool {
        true
    }

    fn bytes(&self) -> u64 {
        self.size
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        Touched::volume(&self.vg, &self.lv).into()
    }
}

impl Mirror {
    /// What old says of it: LVM, the kernel's own table, which legs there are, whether somebody watches them, and
    /// whether the kernel complained since the copy began. `100.00` alone proves nothing. [`look`] asks new as well.
    fn judge(&self, state: &State) -> Seen {
        let State { lvs, pvs, status, log, ages } = state;
        let Some(lv) = lvs.iter().find(|lv| lv.vg == self.vg && lv.name == self.lv) else {
            return Seen::Foreign(format!("there is no volume {}", self.name()));
        };
        let wanted = match self.how {
            How::Raid1 => "raid1",
            How::CoreLog => "mirror",
        };
        if lv.segtype == "linear" || lv.segtype == "striped" {
            return Seen::Absent;
        }
        if lv.segtype != wanted {
            return Seen::Foreign(format!("{} is of type {}", self.name(), lv.segtype));
        }
        let Some(pv) = pvs.iter().find(|pv| pv.uuid == self.pv_uuid && !pv.missing) else {
            return Seen::Partial("its leg on new is missing".into());
        };
        let leg = |n: u32| {
            let names = [format!("{}_mimage_{n}", self.lv), format!("{}_rimage_{n}", self.lv)];
            lvs.iter().find(|lv| lv.vg == self.vg && lv.hidden && names.contains(&lv.name))
        };
        let on_new = leg(1).is_some_and(|leg| leg.devices.iter().all(|device| *device == pv.path));
        if !on_new {
            return Seen::Partial("its second leg is not on new".into());
        }
        if !lv.health.is_empty() {
            return Seen::Partial(format!("its health is `{}`", lv.health));
        }
        let table = dm_name(&self.vg, &self.lv);
        let Some(kernel) = status.iter().find(|status| status.name == table) else {
            return Seen::Partial("the kernel has no such device".into());
        };
        let (health, done, total, whole) = match &kernel.target {
            dm::Target::Mirror(mirror) => (&mirror.health, mirror.synced, mirror.regions, mirror.whole()),
            dm::Target::Raid(raid) => (&raid.health, raid.synced, raid.sectors, raid.whole()),
            dm::Target::Other(kind, _) => {
                return Seen::Partial(format!("the kernel's table is {kind}, not a mirror"));
            }
        };
        // `a` is alive and not in sync yet; everything else but `A` is a leg in trouble
        if health.chars().any(|leg| leg != 'A' && leg != 'a') {
            return Seen::Partial(format!("the kernel says `{health}` of its legs"));
        }
        // Without a watcher a dead leg holds up all writes for good, or counts as written: lvm.conf(5), monitoring
        match lv.monitor.as_deref() {
            Some("monitored") => {}
            Some("pending") => {
                let what = format!("dmeventd begins to watch {}", self.name());
                return Seen::Underway(Progress { what, bytes: None });
            }
            _ => {
                let what = "dmeventd does not watch it: if the link broke, its writes could wait for good";
                return Seen::Partial(what.into());
            }
        }
        if ages.began(&self.since).is_none() {
            return Seen::Partial(format!("{} does not say when this copy began", self.since));
        }
        let since = log.rfind(&self.mark_line()).map_or(log.as_str(), |at| &log[at..]);
        let complaint = since.lines().find(|line| {
            line.contains("device-mapper: raid1:") && (line.contains("rror") || line.contains("ailed"))
                || line.contains("device-mapper: raid:") && line.contains("ailed")
        });
        if let Some(line) = complaint {
            return Seen::Partial(format!("the kernel complained since the copy began: {}", line.trim()));
        }
        let settled = lv.sync_action.as_deref().is_none_or(|action| action == "idle");
        if whole && settled && lv.sync_percent.as_deref() == Some("100.00") {
            return Seen::Present;
        }
        let done = self.size as f64 * (done as f64 / total.max(1) as f64);
        Seen::Underway(Progress {
            what: format!("copying {}", self.name()),
            bytes: Some(((done as u64).min(self.size), self.size)),
        })
    }
}
