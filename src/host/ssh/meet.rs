//! What a server knows of the run that works on it: asked, compared with the journal, and told.

use std::sync::PoisonError;

use super::SshHosts;
use super::script::{Answer, Before, Script};
use crate::host::{HostError, IN_MEMORY, KEPT, Look, Query, Side, Trail};

impl SshHosts {
    pub(super) fn trail(&self) -> Option<Trail> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn judge(&self, on: Side) -> Result<(), HostError> {
        let Some(trail) = self.trail() else { return Ok(()) };
        let beside = format!("/dev/shm/replant.{}/seen", self.migration);
        let all = self.look(on, &[IN_MEMORY, &beside, KEPT].map(Query::file))?;
        for seen in all.iter().filter_map(|answer| answer.file()) {
            trail.may_act(seen).map_err(|cause| HostError::Older { side: on, cause })?;
        }
        Ok(())
    }

    pub(super) fn tell(&self, on: Side) -> Result<(), HostError> {
        let Some(trail) = self.trail() else { return Ok(()) };
        // the rescue system's disk is its memory
        self.keep(on, &trail.text(false), if on == Side::New { "0" } else { "1" })
    }

    pub(super) fn leave(&self, on: Side, forget: bool) -> Result<(), HostError> {
        let Some(trail) = self.trail() else { return Ok(()) };
        let keep = match (on, forget) {
            (Side::New, _) => "0",
            (_, true) => "-",
            (_, false) => "1",
        };
        self.keep(on, &trail.text(true), keep)
    }

    fn keep(&self, on: Side, text: &str, where_: &str) -> Result<(), HostError> {
        self.plain(on, |before| Script::seen(&self.migration, text, where_, before), true)
    }

    pub(super) fn wait(&self, on: Side, step: &str, direction: &str) -> Result<(), HostError> {
        self.plain(on, |before| Script::wait(&self.migration, step, direction, before), false)
    }

    /// A script whose answer is that it has ended.
    fn plain(&self, on: Side, make: impl Fn(&Before) -> Script, bounded: bool) -> Result<(), HostError> {
        let limit = bounded.then_some(self.patience.look);
        match self.link(on)?.exchange(make, limit).map_err(|lost| lost.error)?.1 {
            Answer::Outputs(_) => Ok(()),
            Answer::Fault(cause) => {
                let help = "mend that there, then go on with the same command".into();
                Err(HostError::Refused { side: on, cause, help })
            }
            Answer::NotRoot | Answer::Another => unreachable!("the link makes an error of it"),
        }
    }
}
