use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::{Asked, Lies, State};
use crate::host::{Act, HostError, Look, Side};
use crate::step::copy::ages::{Ages, OUTLIVED, served};
use crate::step::{Compared, Mark, Progress, Seen, Step, Touched, Undo, dm_name};

/// A raid1 put beneath a live volume, with the disk that new offers as its second leg, in sync: md(4). LVM knows nothing of
/// it; a boot of old forgets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Beneath {
    /// the volume group, as vgs(8) prints it
    pub vg: String,
    /// the volume's name within the group, as lvs(8) prints it
    pub lv: String,
    /// of the volume, in bytes
    pub size: u64,
    /// of the array: `/dev/md300`
    pub number: u32,
    /// of the array, in md's form
    pub uuid: String,
    /// the disk that new offers
    pub leg: String,
    /// MiB in the RAM disk, where what md keeps of both legs begins
    pub at: u64,
    /// KiB for a bit of the bitmap: what is sent again after a lost link is counted in such pieces
    pub chunk: u64,
    /// mdadm.conf(5) of old
    pub conf: String,
    /// a file in old's memory that says when this copy began: seconds since the boot, as in /proc/uptime
    pub since: String,
    /// where the scripts go
    pub dir: String,
    /// bytes that the file system used when the facts were read: only what it uses is copied; `None`: all of the volume
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// the most that is copied in a second, in KiB; `None`: as fast as it goes
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
}

/// The link was dead for too long. It is back, or this would not be said: what has changed meanwhile is sent.
const GIVEN_UP: &str = "md has given up its leg on new";

/// Somebody has had LVM load the volume's table again. The copy starts over.
const BESIDE: &str = "the volume lies on its own disks, beside the array: what is written there is not copied";

pub(crate) const BENEATH: &str = include_str!("../scripts/below.sh");
pub(crate) const USED: &str = include_str!("../scripts/below-used.sh");
pub(crate) const BACK: &str = include_str!("../scripts/below-back.sh");

impl Beneath {
    /// As device-mapper calls it.
    pub(crate) fn volume(&self) -> String {
        dm_name(&self.vg, &self.lv)
    }

    fn name(&self) -> String {
        format!("{}/{}", self.vg, self.lv)
    }

    /// Stands in the place of `since` while the leg on new was let go.
    pub(super) fn rest(&self) -> String {
        format!("{}.rest", self.since)
    }

    /// The same, where nothing was written to new's disk meanwhile.
    pub(super) fn clean(&self) -> String {
        format!("{}.clean", self.since)
    }

    /// Lists the chunks that were copied, where not all were.
    pub(crate) fn bits(&self) -> String {
        format!("{}.bits", self.since)
    }

    fn sectors(&self) -> u64 {
        self.size / 512
    }

    /// The volume's table while the array is beneath it.
    pub(super) fn table(&self) -> String {
        format!("0 {} linear 9:{} 0", self.sectors(), self.number)
    }

    /// What marks the beginning of this copy in the kernel's log.
    fn mark_line(&self) -> String {
        format!("replant: copy of {} begins", self.volume())
    }

    pub(super) fn back(&self) -> Vec<Act> {
        let script = format!("{}/below-back.sh", self.dir);
        let argv = ["sh", &script, &self.volume(), &self.number.to_string()];
        let mut marks = vec![self.since.clone(), self.rest(), self.clean()];
        marks.extend(self.used.map(|_| self.bits()));
        let marks = marks.into_iter().map(|path| Act::Remove { path });
        [Act::put(&script, BACK, 0o700), Act::run(argv)].into_iter().chain(marks).collect()
    }
}

pub(super) fn read(on: &dyn Look, side: Side, copies: &[&Beneath]) -> Result<State, HostError> {
    let asked = copies.iter().map(|copy| Asked {
        volume: copy.volume(),
        number: copy.number,
        leg: &copy.leg,
        since: &copy.since,
    });
    State::read(on, side, &asked.collect::<Vec<_>>())
}

/// Each of these copies as it is now. Where new does not answer, one that is otherwise in sync is neither whole nor broken,
/// as long as nobody knows.
pub(super) fn look(on: &dyn Look, side: Side, copies: &[&Beneath]) -> Result<Vec<Seen>, HostError> {
    let state = read(on, side, copies)?;
    let lies = copies.iter().zip(&state.volumes);
    let mut seen: Vec<Seen> = lies.map(|(copy, lies)| copy.judge(lies, &state.log, &state.ages)).collect();
    if !seen.contains(&Seen::Present) {
        return Ok(seen);
    }
    let served = match served(on) {
        Err(HostError::Unreachable { .. }) => None,
        answer => Some(answer?),
    };
    for (copy, seen) in copies.iter().zip(&mut seen).filter(|(_, seen)| **seen == Seen::Present) {
        *seen = match served {
            None => underway("waiting for new to say since when it runs", None),
            Some(served) if state.ages.outlives(&copy.since, served) => Seen::Partial(OUTLIVED.into()),
            Some(_) => Seen::Present,
        };
    }
    Ok(seen)
}

fn underway(what: impl Into<String>, bytes: Option<(u64, u64)>) -> Seen {
    Seen::Underway(Progress { what: what.into(), bytes })
}

impl Beneath {
    /// What old's kernel says of it. [`look`] asks new as well.
    fn judge(&self, lies: &Lies, log: &str, ages: &Ages) -> Seen {
        let ours = self.table();
        if lies.tables.is_empty() {
            return Seen::Foreign(format!("there is no volume {}", self.name()));
        }
        if lies.tables != [ours.as_str()] {
            return match (lies.plain(&ours), lies.bare()) {
                (true, true) => Seen::Absent,
                (true, false) => Seen::Partial(BESIDE.into()),
                (false, _) => Seen::Foreign(format!("{} is not plain: {}", self.name(), lies.tables.join("; "))),
            };
        }
        let Some(array) = &lies.array else {
            return Seen::Foreign(format!(
                "{} lies on /dev/md{}, which the kernel does not show",
                self.name(),
                self.number
            ));
        };
        let in_sync = |state: &str| state.split(',').any(|word| word == "in_sync");
        if !lies.leg(self.number, "old").is_some_and(in_sync) {
            return Seen::Foreign(format!("old's own leg of {} is in trouble: look at old's disks", self.name()));
        }
        let running = lies.lun.as_deref() == Some("running");
        let leg = lies.leg(self.number, "new");
        if !running && lies.lun.is_some() {
            return underway(format!("waiting for the link: new's disk for {} does not answer", self.name()), None);
        }
        let Some(leg) = leg.filter(|_| running) else {
            return Seen::Partial("its leg on new is missing".into());
        };
        if leg.split(',').any(|word| word == "faulty") {
            return Seen::Partial(GIVEN_UP.into());
        }
        if ages.began(&self.since).is_none() {
            return Seen::Partial(format!("{} does not say when this copy began", self.since));
        }
        if let Some(line) = self.complaint(log) {
            return Seen::Partial(format!("the kernel complained since the copy began: {}", line.trim()));
        }
        let marked = leg.split(',').any(|word| word == "write_mostly");
        if in_sync(leg) && array.degraded == 0 && array.action == "idle" {
            return match marked {
                true => Seen::Present,
                false => Seen::Partial("old could read from its leg on new".into()),
            };
        }
        // md counts how far it is in the volume, whether or not it sends what it passes
        let bytes = array.done.map(|(done, all)| {
            let share = done as f64 / all.max(1) as f64;
            let all = self.bytes();
            (((all as f64 * share) as u64).min(all), all)
        });
        underway(format!("copying {}", self.name()), bytes)
    }

    fn complaint<'l>(&self, log: &'l str) -> Option<&'l str> {
        let since = log.rfind(&self.mark_line()).map_or(log, |at| &log[at..]);
        let array = format!("md/raid1:md{}:", self.number);
        let bad = |line: &&str| [" failure", " error", "redirecting"].iter().any(|word| line.contains(word));
        since.lines().filter(|line| line.contains(&array)).find(bad)
    }
}

impl Step for Beneath {
    fn title(&self) -> String {
        let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
        match self.used {
            None => format!("copy {} from below  {:.2} GiB", self.name(), gib(self.size)),
            Some(used) => {
                format!("copy what {} uses from below  {:.2} of {:.2} GiB", self.name(), gib(used), gib(self.size))
            }
        }
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        Ok(look(on, side, &[self])?.remove(0))
    }

    fn apply(&self) -> Vec<Act> {
        let script = format!("{}/below.sh", self.dir);
        let (volume, number) = (self.volume(), self.number.to_string());
        let (sectors, at, chunk) = (self.sectors().to_string(), self.at.to_string(), self.chunk.to_string());
        let rate = self.rate.map_or("-".into(), |rate| rate.to_string());
        let of = [&volume, &number, &sectors, &self.leg, &at, &chunk, &self.uuid, &self.conf, &self.since, &rate];
        let argv = ["sh", &script].into_iter().chain(of.map(String::as_str));
        let mut acts = vec![Act::put(&script, BENEATH, 0o700)];
        if self.used.is_some() {
            // What is written has its bit from the first act on, what was there before from the second on: then the leg is
            // taken in, as one that lacks what has a bit.
            let bits = format!("{}/below-used.sh", self.dir);
            acts.push(Act::put(&bits, USED, 0o700));
            acts.push(Act::run(argv.clone().chain(["track"])));
            acts.push(Act::long(["sh", &bits, &volume, &number, &sectors, &chunk, &self.since]));
        }
        acts.push(Act::run(argv));
        acts
    }

    fn undo(&self) -> Undo {
        Undo::Acts(self.back())
    }

    fn mark(&self) -> Mark {
        Mark::Change
    }

    /// Without any progress: a link may be away for a while.
    fn patience(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn begun_by_its_acts(&self) -> bool {
        true
    }

    fn goes_on_by_its_acts(&self, seen: &Seen) -> bool {
        matches!(seen, Seen::Partial(what) if what == GIVEN_UP || what == BESIDE)
    }

    /// A leg that was just added may be idle before its recovery begins.
    fn confirmations(&self) -> u32 {
        2
    }

    fn couples(&self) -> bool {
        true
    }

    fn bytes(&self) -> u64 {
        self.used.unwrap_or(self.size)
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        let legs = format!("/dev/mapper/replant-{}-", self.number);
        vec![
            Touched::one("array", &self.uuid).or_gone(),
            Touched::one("device", &self.uuid).or_gone(),
            Touched::beginning("device", legs).or_gone(),
        ]
    }
}
