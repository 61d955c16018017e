//! What the simulated servers know of the run that works on them: files, as on real ones, so that it is forgotten with the
//! memory and travels with the volumes.

use super::world::World;
use crate::host::{HostError, IN_MEMORY, KEPT, Server, Side, Trail};

impl World {
    fn seen(&self, server: Server) -> [Option<String>; 2] {
        [IN_MEMORY, KEPT].map(|path| self.read_file(server, path))
    }

    pub(super) fn compare(&self, on: Side, server: Server, trail: &Trail) -> Result<(), HostError> {
        for seen in self.seen(server).into_iter().flatten() {
            trail.may_act(&seen).map_err(|cause| HostError::Older { side: on, cause })?;
        }
        Ok(())
    }

    pub(super) fn tell(&mut self, on: Side, server: Server, trail: &Trail) {
        self.keep(on, server, &trail.text(false));
    }

    fn keep(&mut self, on: Side, server: Server, text: &str) {
        let _ = self.write_file(server, IN_MEMORY, text, 0o600);
        if on != Side::New {
            // a root file system that is read-only keeps what it has
            let _ = self.write_file(server, KEPT, text, 0o600);
        }
    }

    pub(super) fn part(&mut self, on: Side, server: Server, trail: &Trail, forget: bool) {
        self.keep(on, server, &trail.text(true));
        if forget {
            let _ = self.remove_file(server, KEPT);
        }
    }

    /// As `runner.sh` does before an act: whoever is not known must say who they are.
    pub(super) fn introduced(&mut self, on: Side, server: Server, trail: &Trail) -> Result<(), HostError> {
        let knows = |world: &World| world.read_file(server, IN_MEMORY).is_some_and(|seen| trail.knows(&seen));
        if !knows(self) {
            self.compare(on, server, trail)?;
            self.tell(on, server, trail);
        }
        let seen = self.read_file(server, IN_MEMORY).unwrap_or_default();
        // the first two lines say who, the third how far they are
        let who: String = seen.split_inclusive('\n').take(2).collect();
        let text = format!("{who}{} {}\n", trail.run(), trail.here());
        let _ = self.write_file(server, IN_MEMORY, &text, 0o600);
        let roots = self.machine(server).run.mounts.iter().map(|mount| mount.target.clone());
        let roots: Vec<String> =
            roots.filter(|target| target.starts_with("/run/replant/") && target.ends_with("/root")).collect();
        for root in roots {
            let kept = format!("{root}{KEPT}");
            if self.read_file(server, &kept).is_some() {
                let _ = self.write_file(server, &kept, &text, 0o600);
            }
        }
        Ok(())
    }
}
