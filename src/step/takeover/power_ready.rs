use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Server, Side};
use crate::step::{Mark, Seen, Step, Undo, switched_on};

/// Both servers can be switched when the time comes: their power controls answer, and say that they are on; or a person is
/// there to do it. Asked while services still run, for after the cut it would be too late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerReady {}

impl Step for PowerReady {
    fn title(&self) -> String {
        "both servers can be switched".into()
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, _side: Side) -> Result<Seen, HostError> {
        for server in [Server::Old, Server::New] {
            let answer = on.ask(switched_on(server), Query::Control(server))?;
            let why = answer.stderr.trim();
            let wrong = match answer.stdout.trim() {
                "on" | "by-hand" => continue,
                "nobody" => format!(
                    "{server} is switched by hand, and nobody is there to do it: go on from a terminal, without --no-input"
                ),
                "off" => format!(
                    "{server} cannot be switched: its power control says that it is off. Is it that of another machine? {why}"
                ),
                _ => format!(
                    "{server} cannot be switched: {why}. Mend its power control, or go on from a terminal, without \
                     --no-input, where a person can switch it"
                ),
            };
            return Ok(Seen::Foreign(format!("{wrong}. Services still run")));
        }
        Ok(Seen::Present)
    }

    fn apply(&self) -> Vec<Act> {
        Vec::new()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }
}
