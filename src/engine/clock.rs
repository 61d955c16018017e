//! Time, as something that a simulation can move on.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What the engine knows of time: waiting for a link, patience, the time between two looks.
pub trait Clock: Sync {
    /// Since some fixed moment; never goes back.
    fn now(&self) -> Duration;
    /// Returns when `time` has passed, by this clock.
    fn sleep(&self, time: Duration);
}

/// The time outside.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Real;

impl Clock for Real {
    fn now(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
