//! What power control needs to know of the servers' addresses: who answers there.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::SshHosts;
use crate::host::hardware::Whose;
use crate::host::local::{accepts, pause};
use crate::host::power::{Door, Means, PowerAction, PowerState, Request};
use crate::host::{HostError, Server, Side};

/// Between two looks at a machine that should be gone, and how many.
const GONE: (Duration, usize) = (Duration::from_secs(2), 10);

impl Means for SshHosts {
    fn controlled(&self, server: Server) -> bool {
        self.controls.controlled(server)
    }

    fn status(&self, server: Server) -> Result<PowerState, HostError> {
        self.controls.status(server)
    }

    fn turn(&self, server: Server, turn: PowerAction) -> Result<(), HostError> {
        self.controls.turn(server, turn)
    }

    fn door(&self, at: Side) -> Door {
        let Some(link) = self.links.get(&at) else { return Door::Silent };
        let door = link.door();
        // A connection is no promise, but without one nobody is there, and that is known sooner.
        let open = door.as_ref().map(|(address, port)| accepts(address, *port));
        if open == Some(false) {
            return Door::Silent;
        }
        let Some(machines) = &self.machines else {
            // Before there are facts nobody else can have come to answer there.
            return Door::Machine(at.server());
        };
        match link.whose(machines) {
            Ok(Whose::Of(server)) => Door::Machine(server),
            Ok(Whose::Mixed) => Door::Unknown("it has disks of both servers".into()),
            Ok(Whose::Neither) => Door::Unknown("by its hardware it is neither of the two servers".into()),
            // by a jump host it is all that can be known; otherwise something has just taken a connection
            Err(HostError::Unreachable { cause, .. }) if open == Some(true) => {
                match door.is_some_and(|(address, port)| accepts(&address, port)) {
                    true => Door::Unknown(format!("it takes connections, and lets nobody in: {cause}")),
                    false => Door::Silent,
                }
            }
            Err(HostError::Unreachable { .. }) => Door::Silent,
            Err(error) => Door::Unknown(error.to_string()),
        }
    }

    fn address(&self, of: Side) -> String {
        self.links.get(&of).map_or_else(|| of.to_string(), |link| link.remote.address.clone())
    }

    fn attended(&self) -> bool {
        self.confirm.is_some()
    }

    fn person(&self, request: &Request) -> bool {
        self.confirm.as_ref().is_some_and(|confirm| confirm(request))
    }

    fn now(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }

    fn wait(&self, so_often: usize) -> Result<bool, HostError> {
        let (time, often) = GONE;
        pause(time, &self.stop).map(|()| so_often < often)
    }
}
