use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::ssh::quote;
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Seen, Step, Undo, answered};

/// While old's services are down, a runner in old's memory starts them again if replant is not heard of for some time: its
/// machine may be lost, or asleep. Whatever replant asks or does on old is heard of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadMan {
    /// in memory: what it knows, and what is known of it; a boot forgets it
    pub dir: String,
    /// the unit that it runs as
    pub unit: String,
    /// seconds for which nobody is heard of
    pub seconds: u64,
    /// what takes the silence back, in this order
    pub back: Vec<Restored>,
}

/// One command that takes something back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// what must have been so when the runner was armed first; nothing: it is run in any case
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<WasSo>,
    /// the program and its arguments
    pub argv: Vec<String>,
}

/// What was so before anything was stopped. What was not so is not made so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WasSo {
    /// the file system of this mount point could be written to
    Writable(String),
    /// this device was in use as a swap
    Swapped(String),
}

/// `DIR SECONDS`
pub(crate) const WATCH: &str = include_str!("../scripts/dead-man.sh");

/// `DIR UNIT SECONDS`. As a unit of systemd's own it outlives the login that it was started by. What was found the first time
/// stays: later some of it is silent already.
pub(crate) const ARM: &str = r#"dir=$1 unit=$2
if [ ! -e "$dir/mounts" ]; then
  cat /proc/swaps >"$dir/swaps" && cat /proc/self/mountinfo >"$dir/mounts.part" && mv -f "$dir/mounts.part" "$dir/mounts" || exit
fi
systemctl stop "$unit" 2>/dev/null
: >"$dir/armed" && rm -f "$dir/cut" "$dir/fired" || exit
exec systemd-run --quiet --collect --unit="$unit" --property=StandardOutput=null --property=StandardError=null \
  --property=OOMScoreAdjust=-1000 --setenv=LC_ALL=C --setenv=PATH="$PATH" /bin/sh "$dir/dead-man.sh" "$dir" "$3"
"#;

/// `DIR UNIT`
pub(crate) const END: &str = r#"systemctl stop "$2" 2>/dev/null
rm -f "$1"/* && rmdir "$1"
"#;

/// How it stands, as one word: `DIR UNIT`
pub(crate) const STATE: &str = r#"if [ -e "$1/fired" ]; then echo fired
elif [ -e "$1/cut" ]; then echo cut
elif [ ! -e "$1/armed" ]; then echo none
elif [ "$(systemctl is-active "$2")" = active ]; then echo armed
else echo dead
fi"#;

/// One of the words of [`STATE`].
pub(super) fn state(on: &dyn Look, side: Side, dir: &str, unit: &str) -> Result<String, HostError> {
    let answer = answered(on, side, Query::run(["sh", "-c", STATE, "sh", dir, unit]))?;
    Ok(answer.stdout.trim().to_string())
}

impl Restored {
    /// A line of `back.sh`.
    fn line(&self) -> String {
        let command = quote(&self.argv);
        let quoted = |word: &String| quote(std::slice::from_ref(word));
        match &self.only {
            None => format!("always {command} ;\n"),
            Some(WasSo::Writable(target)) => format!("writable {} {command} ;\n", quoted(target)),
            Some(WasSo::Swapped(device)) => format!("swapped {} {command} ;\n", quoted(device)),
        }
    }
}

impl Step for DeadMan {
    fn title(&self) -> String {
        format!("old's services come back by themselves if replant is not heard of for {} s", self.seconds)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        Ok(match state(on, side, &self.dir, &self.unit)?.as_str() {
            // what comes next is the cut
            "armed" | "cut" => Seen::Present,
            "none" => Seen::Absent,
            "fired" => Seen::Partial("services have come back by themselves".into()),
            "dead" => Seen::Partial("its runner is gone".into()),
            word => {
                let cause = format!("`{word}` is no answer");
                return Err(HostError::Unclear { side, command: "how the dead-man stands".into(), cause });
            }
        })
    }

    fn apply(&self) -> Vec<Act> {
        let lines: String = self.back.iter().map(Restored::line).collect();
        vec![
            Act::put(format!("{}/dead-man.sh", self.dir), WATCH, 0o700),
            Act::put(format!("{}/back.sh", self.dir), lines, 0o600),
            Act::long(["sh", "-c", ARM, "sh", &self.dir, &self.unit, &self.seconds.to_string()]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["sh", "-c", END, "sh", &self.dir, &self.unit])])
    }
}
