use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::State;
use crate::host::{Act, HostError, Look, Query, Server, Side};
use crate::step::{Mark, Progress, Seen, Step, Undo};

/// What stands on originals or copies is read past what the kernel keeps of it in memory, all at once, and hashed. It goes on
/// behind our back: replant looks at it, and asks old for something each time, so that old knows of somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hashed {
    /// in memory: what is noted and found; a boot forgets it
    pub dir: String,
    /// where the script goes
    pub scripts: String,
    /// what is read
    pub halves: Vec<Half>,
    /// files that say that copies were found to differ; they go when this is taken back
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
}

/// An original, or a copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Half {
    /// the volume that it is of: `vg0/root`
    pub of: String,
    /// the server on whose disks it lies
    pub lies: Server,
    /// `/dev/mapper/NAME`
    pub device: String,
    /// the volume as device-mapper calls it on the server that reads: once it has been written to, the hash means nothing
    pub volume: String,
    /// of the volume on old, in bytes
    pub size: u64,
    /// `all`, or the MiB at which pieces of one MiB begin: `0,17,34`
    pub what: String,
    /// where not all was copied
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Chunks>,
    /// a file that says when its copy began; copied again, the hash means nothing
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// bytes that will be read, for people
    pub reads: u64,
}

/// The parts of a volume that were copied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chunks {
    /// a file that lists their numbers; where it is not there all was copied
    pub list: String,
    /// KiB of one
    pub size: u64,
}

pub(crate) const HASH: &str = include_str!("../scripts/hash.sh");

/// Ends what still reads, and forgets what was found: `DIR MARK...`
pub(crate) const END: &str = r#"dir=$1
shift
if [ -e "$dir/lock" ]; then
  flock -n "$dir/lock" true || { kill -s KILL -- "-$(cat "$dir/pid")" && flock -w 30 "$dir/lock" true; } || exit
  rm -f "$dir"/* && rmdir "$dir" || exit
fi
rm -f "$@""#;

impl Half {
    /// In what is noted: `vg0/root:new`
    pub(super) fn key(&self) -> String {
        format!("{}:{}", self.of, self.lies)
    }

    /// As device-mapper calls what is read.
    fn name(&self) -> &str {
        self.device.rsplit('/').next().unwrap_or_default()
    }
}

impl Step for Hashed {
    fn title(&self) -> String {
        let mut whose: Vec<&str> = Vec::new();
        let of = |server| self.halves.iter().any(|half| half.lies == server);
        whose.extend(of(Server::Old).then_some("originals"));
        whose.extend(of(Server::New).then_some("copies"));
        let mib = self.halves.iter().map(|half| half.reads).sum::<u64>() >> 20;
        format!("hash the {} ({}), {mib} MiB", whose.join(" and the "), self.halves.len())
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let files = self.halves.iter().filter_map(|half| half.since.as_ref()).chain(&self.marks);
        let state = State::read(on, side, &self.dir, files)?;
        if self.marks.iter().any(|mark| state.word(mark).is_some()) {
            return Ok(Seen::Partial("copies were found to differ from the originals".into()));
        }
        let mut read = 0;
        for half in &self.halves {
            let Some(began) = state.still(&half.key(), &half.volume, half.since.as_ref()) else {
                let of_another_time = || Seen::Partial("what is read has changed since it was begun".into());
                return Ok(if state.runs { of_another_time() } else { Seen::Absent });
            };
            read += state.sectors(half.name()).saturating_sub(began).saturating_mul(512).min(half.reads);
        }
        if state.runs {
            if side != Side::Old {
                // its services are down, and would come back by themselves if nobody were heard of for long
                on.ask(Side::Old, Query::file("/proc/uptime"))?;
            }
            let all = self.halves.iter().map(|half| half.reads).sum();
            return Ok(Seen::Underway(Progress { what: "hashing".into(), bytes: Some((read, all)) }));
        }
        let found = self.halves.iter().all(|half| state.hash(&half.key()).is_some());
        Ok(if found { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        let script = format!("{}/hash.sh", self.scripts);
        let mut argv = vec!["sh".to_string(), script.clone(), self.dir.clone()];
        for half in &self.halves {
            let (list, chunk) = half.only.as_ref().map_or(("-", 1024), |only| (only.list.as_str(), only.size));
            let since = half.since.as_deref().unwrap_or("-");
            let (size, chunk) = (half.size.to_string(), chunk.to_string());
            let of = [&half.key(), &half.device, &half.volume, &size, &half.what, list, &chunk, since];
            argv.extend(of.map(str::to_string));
        }
        vec![Act::put(&script, HASH, 0o700), Act::run(argv)]
    }

    fn undo(&self) -> Undo {
        let argv = ["sh", "-c", END, "sh", &self.dir].into_iter().chain(self.marks.iter().map(String::as_str));
        Undo::Acts(vec![Act::run(argv)])
    }

    /// Without any progress: a disk that does not answer is given up by its driver.
    fn patience(&self) -> Duration {
        Duration::from_secs(120)
    }

    fn begun_by_its_acts(&self) -> bool {
        true
    }
}
