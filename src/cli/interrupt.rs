//! Ctrl-C. While a command only reads, one ends it at once. While it works on servers: once, nothing new is started;
//! twice, nothing is waited for. Nothing on a server is ended by either. An open question is ended by one, always.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Failure;
use crate::report::out;

#[derive(Clone, Default)]
pub(super) struct Interrupt {
    /// 0: go on; 1: start nothing new; 2: stop waiting
    pub level: Arc<AtomicU8>,
    /// for those who wait for a server: true at level 2
    pub leave: Arc<AtomicBool>,
    /// something is being done on a server: what runs there is waited for
    at_work: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Interrupt, Failure> {
        let interrupt = Interrupt::default();
        let shared = interrupt.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        std::thread::spawn(move || signals.forever().for_each(|_| shared.heard()));
        Ok(interrupt)
    }

    /// From here on servers are changed.
    pub(crate) fn work_begins(&self) {
        self.at_work.store(true, Ordering::SeqCst);
    }

    /// The person wants it to end.
    pub(super) fn wanted(&self) -> bool {
        self.level.load(Ordering::SeqCst) > 0
    }

    fn heard(&self) {
        let first = self.level.fetch_add(1, Ordering::SeqCst) == 0;
        if first && self.at_work.load(Ordering::SeqCst) {
            // who is asked hears of it from the one who asks
            if !out::asking() {
                out::tell(
                    "\ninterrupted: nothing new is started, and what is running ends first. Once more: stop waiting",
                );
            }
            return;
        }
        self.level.store(2, Ordering::SeqCst);
        self.leave.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_enough_where_nothing_is_changed() {
        let levels =
            |interrupt: &Interrupt| (interrupt.level.load(Ordering::SeqCst), interrupt.leave.load(Ordering::SeqCst));
        let reading = Interrupt::default();
        reading.heard();
        assert_eq!(levels(&reading), (2, true));
        let working = Interrupt::default();
        working.work_begins();
        working.heard();
        assert_eq!(levels(&working), (1, false));
        working.heard();
        assert_eq!(levels(&working), (2, true));
    }
}
