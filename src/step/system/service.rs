use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Seen, Step, Undo};

/// systemd units that run, or that are stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// as they are stopped; started the other way round
    pub units: Vec<String>,
    /// whether they run; otherwise they are stopped
    pub run: bool,
    /// one after the other; otherwise systemd is told of all at once, and has an order of its own
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_order: bool,
    /// of units that are stopped: the file in memory that names those that ran before, since only they are started again.
    /// A boot forgets it, and starts what it starts
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub record: String,
}

/// What a unit does, as one of three words. What is not loaded at all is `inactive` or `unknown`: systemctl(1)
const STATE: &str = r#"state() {
  case $(systemctl is-active -- "$1") in
    active|reloading|refreshing) echo runs ;;
    inactive|failed|unknown|'') echo dead ;;
    *) echo moves ;;
  esac
}
"#;

/// Writes down what runs, and then stops it: each is down before the next is told, where there is an order. What a socket
/// has woken meanwhile is stopped with its socket at the end. What does not run, or is not there, is stopped already.
const STOP: &str = r#"record=$1 order=$2; shift 2
mkdir -p "${record%/*}" && touch "$record" || exit
for unit do
  case $(state "$unit") in runs) line=$unit ;; moves) line="?$unit" ;; *) continue ;; esac
  grep -qxF -e "$line" "$record" || echo "$line" >>"$record" || exit
done
[ "$order" = together ] || for unit do
  [ "$(state "$unit")" = dead ] || systemctl stop "$unit" || exit
done
for unit do
  shift; [ "$(state "$unit")" = dead ] || set -- "$@" "$unit"
done
[ $# = 0 ] || exec systemctl stop "$@"
"#;

/// Starts what ran. One that does not start keeps no other from it; one that was still starting when it was stopped may
/// fail again.
const START: &str = r#"record=$1 code=0; shift
[ -e "$record" ] || exit 0
for unit do
  ! grep -qxF -e "$unit" "$record" || systemctl start "$unit" || code=$?
  ! grep -qxF -e "?$unit" "$record" || systemctl start --no-block "$unit"
done
[ $code = 0 ] && rm -f "$record"
exit $code
"#;

/// Starts every unit of a list in a file, and removes it: `RECORD`
pub(crate) const START_ALL: &str = r#"code=0
[ -e "$1" ] || exit 0
while read -r unit; do
  systemctl start "$unit" </dev/null || code=$?
done <"$1"
[ $code = 0 ] && rm -f "$1"
exit $code
"#;

/// Stops units: `RECORD in-order|together UNIT…`
pub(crate) fn stop_script() -> String {
    STATE.to_string() + STOP
}

/// Starts what [`stop_script`] has stopped: `RECORD UNIT…`
pub(crate) fn start_script() -> &'static str {
    START
}

impl Step for Service {
    fn title(&self) -> String {
        format!("{} {}", if self.run { "start" } else { "stop" }, self.units.join(", "))
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let mut argv = vec!["systemctl".to_string(), "is-active".into()];
        argv.extend(self.units.iter().cloned());
        // one word a unit on standard output; the exit code only says whether all are active: systemctl(1)
        let mut queries = vec![Query::run(argv)];
        queries.extend((!self.record.is_empty()).then(|| Query::file(&self.record)));
        let answers = on.look(side, &queries)?;
        let words: Vec<&str> = answers.iter().take(1).flat_map(|answer| answer.stdout.lines()).collect();
        if words.len() != self.units.len() {
            let said = answers.first().map_or("", |answer| answer.stderr.trim());
            let cause = format!("{} units, {} answers: {said}", self.units.len(), words.len());
            return Err(HostError::Unclear { side, command: "systemctl is-active".into(), cause });
        }
        let moving = words.iter().any(|word| matches!(*word, "activating" | "deactivating" | "reloading"));
        let running = words.iter().filter(|word| **word == "active").count();
        if let Some(record) = answers.get(1).filter(|_| !self.run) {
            if !record.success() {
                let cause = format!("exit code {}: {}", record.code, record.stderr.trim());
                return Err(HostError::Unclear { side, command: format!("read {}", self.record), cause });
            }
            // what is absent, failed or was never started is as stopped as anything can be
            let dead = words.iter().all(|word| matches!(*word, "inactive" | "failed" | "unknown"));
            return Ok(match record.file() {
                None => Seen::Absent,
                Some(_) if dead => Seen::Present,
                Some(_) => Seen::Partial(words.join(", ")),
            });
        }
        let good = if self.run { running } else { words.len() - running };
        Ok(match good {
            _ if moving => Seen::Partial(words.join(", ")),
            good if good == words.len() => Seen::Present,
            0 => Seen::Absent,
            _ => Seen::Partial(words.join(", ")),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![if self.run { self.start() } else { self.stop() }]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![if self.run { self.stop() } else { self.start() }])
    }

    fn patience(&self) -> std::time::Duration {
        std::time::Duration::from_secs(180)
    }
}

impl Service {
    /// As they were stopped, the other way round.
    fn start(&self) -> Act {
        let units = self.units.iter().rev().cloned();
        if self.record.is_empty() {
            return long(["systemctl", "start"], units);
        }
        let words = ["sh", "-c", start_script(), "sh", &self.record];
        long(words, units)
    }

    /// One act: between two there would be a way to the server and back, while services are down.
    fn stop(&self) -> Act {
        let units = self.units.iter().cloned();
        if self.record.is_empty() {
            return long(["systemctl", "stop"], units);
        }
        let order = if self.in_order { "in-order" } else { "together" };
        long(["sh", "-c", &stop_script(), "sh", &self.record, order], units)
    }
}

fn long<const N: usize>(words: [&str; N], units: impl Iterator<Item = String>) -> Act {
    let argv = words.iter().map(|word| word.to_string()).chain(units).collect();
    Act::Run { argv, stdin: None, long: true }
}
