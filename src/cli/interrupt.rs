//! Ctrl-C: once, nothing new is started; twice, nothing is waited for. Nothing on a server is ended by either.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Failure;
use crate::report::out;

#[derive(Clone, Default)]
pub struct Interrupt {
    /// 0: go on; 1: start nothing new; 2: stop waiting
    pub level: Arc<AtomicU8>,
    /// for those who wait for a server: true at level 2
    pub leave: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub fn listen() -> Result<Interrupt, Failure> {
        let interrupt = Interrupt::default();
        let shared = interrupt.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        std::thread::spawn(move || {
            for _ in signals.forever() {
                if shared.level.fetch_add(1, Ordering::SeqCst) == 0 {
                    out::tell(
                        "\ninterrupted: nothing new is started; what is running ends first. Once more to stop waiting",
                    );
                } else {
                    shared.level.store(2, Ordering::SeqCst);
                    shared.leave.store(true, Ordering::SeqCst);
                }
            }
        });
        Ok(interrupt)
    }
}
