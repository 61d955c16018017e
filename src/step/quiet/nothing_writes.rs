use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::writers::{self, Holder, Live, Writable, Writer};
use crate::host::{Act, HostError, Look, Side};
use crate::step::{Mark, Seen, Step, Undo, answered, parsed};

/// Nothing can write to what travels: as it is at this moment, not as it was when the migration was planned. What is
/// written to old after the cut is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NothingWrites {
    /// `vg0/root`
    pub volumes: Vec<String>,
    /// mount points of what travels
    pub targets: Vec<String>,
    /// what may still write, since the next steps end it; nothing may where there is none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yet: Option<Yet>,
}

/// What wrote when the migration was planned, and what will be stopped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Yet {
    /// units that will be stopped
    pub stops: Vec<String>,
    /// swaps that will be switched off
    pub swaps: Vec<String>,
    /// loop devices that could be written to already
    pub loops: Vec<String>,
    /// volumes that were in use already, and not as file systems
    pub raw: Vec<String>,
    /// what kept a file system from becoming read-only already
    pub holders: Vec<Holder>,
}

impl Yet {
    fn allows(&self, writer: &Writer, live: &Live, targets: &[String]) -> bool {
        match &writer.way {
            Writable::Mounted(number) => live.is_on(number, targets),
            Writable::Swap(path) => self.swaps.iter().any(|swap| live.same(swap, path)),
            Writable::Loop(path) => self.loops.contains(path),
            Writable::Raw(volume) | Writable::Open(volume) => self.raw.contains(volume),
        }
    }

    fn knows(&self, holder: &Holder) -> bool {
        let same = |known: &Holder| (&known.unit, &known.process) == (&holder.unit, &holder.process);
        holder.ends_with(&self.stops) || self.holders.iter().any(same)
    }
}

/// Everything that is asked, in one look.
pub(super) fn live(on: &dyn Look, side: Side) -> Result<Live, HostError> {
    let answer = answered(on, side, writers::query())?;
    let live = parsed(side, "what writes", writers::parse(&answer.stdout))?;
    match live.cut {
        false => Ok(live),
        true => Err(HostError::Unclear {
            side,
            command: "what writes".into(),
            cause: "dmsetup failed, or it took too long to go through all open files".into(),
        }),
    }
}

impl Step for NothingWrites {
    fn title(&self) -> String {
        match self.yet {
            Some(_) => "nothing writes to what travels but what will be stopped".into(),
            None => "nothing can write to what travels".into(),
        }
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let live = live(on, side)?;
        let mut found = live.writers(&self.volumes, &self.targets);
        let mut words = Vec::new();
        if let Some(yet) = &self.yet {
            found.retain(|writer| !yet.allows(writer, &live, &self.targets));
            let new = live.holders(&self.targets).into_iter().filter(|holder| !yet.knows(holder));
            words.extend(new.map(|holder| match holder.unit.as_str() {
                unit if unit.ends_with(".service") => {
                    format!("{} (`systemctl restart {unit}`, or plan again)", holder.what())
                }
                _ => format!("{} (end it, or plan again)", holder.what()),
            }));
        }
        // a superblock or a swap does not go by itself; who has a device or a file open for a moment, does
        let lasting: Vec<&Writer> = found.iter().filter(|writer| !matches!(writer.way, Writable::Open(_))).collect();
        if !lasting.is_empty() {
            let all = lasting.iter().map(|writer| format!("{} (`{}`)", writer.what, writer.help));
            let all = all.collect::<Vec<_>>().join("; ");
            return Ok(Seen::Foreign(format!("{all}: what is written after the cut would be lost")));
        }
        words.extend(found.iter().map(|writer| format!("{} (`{}`)", writer.what, writer.help)));
        Ok(if words.is_empty() { Seen::Present } else { Seen::Partial(words.join("; ")) })
    }

    fn apply(&self) -> Vec<Act> {
        Vec::new()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }

    /// While services are down nobody waits long for what should be over.
    fn patience(&self) -> Duration {
        Duration::from_secs(if self.yet.is_some() { 60 } else { 20 })
    }
}
