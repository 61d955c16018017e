use std::sync::atomic::AtomicU8;
use std::time::Duration;

use super::clock::{Clock, Real};
use crate::journal::Who;
use crate::runbook::Stage;

/// Between two looks at real servers.
pub(crate) const POLL: Duration = Duration::from_secs(2);

/// How a run goes. None of it changes what a step does.
pub struct Options<'a> {
    /// steps at a time; 1: exactly in the order of the list
    pub parallelism: usize,
    /// steps at a time on one server
    pub per_server: usize,
    /// apply only: no step of a later stage
    pub until: Option<Stage>,
    /// for how long a server that does not answer is waited for
    pub link_patience: Duration,
    /// between two looks
    pub poll: Duration,
    /// What the person wants, at any time. 0: go on. 1: start nothing new; an act that is running ends, a step that only
    /// waits is left as it is. 2: stop waiting for acts too, which is for [`Hosts`](crate::host::Hosts) to hear: the same flag is given to it,
    /// and it answers [`HostError::Interrupted`](crate::host::HostError::Interrupted).
    pub stop: &'a AtomicU8,
    /// the time outside, or that of a simulation
    pub clock: &'a dyn Clock,
    /// who does this, for the journal
    pub by: String,
}

impl<'a> Options<'a> {
    /// As on the command line, if nothing else is said: four steps at a time, to the end.
    pub fn new(stop: &'a AtomicU8) -> Options<'a> {
        Options {
            parallelism: 4,
            per_server: 2,
            until: None,
            link_patience: Duration::from_secs(120),
            poll: POLL,
            stop,
            clock: &Real,
            by: Who::me().to_string(),
        }
    }
}
