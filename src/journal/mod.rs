//! What happened: an append-only log of one migration. Its state is a fold over the log, and nothing else.
//!
//! One JSON object a line. A line is on the disk (one write, one `fdatasync(2)`) before the caller goes on, so nothing is
//! ever done on a server that the journal does not know of. A crash can tear the last line only, and what a torn line
//! was about to allow has not been done: it is cut off.

mod depot;
mod error;
mod line;
mod log;
mod state;
mod who;

pub(crate) use depot::write_whole;
pub use depot::{Depot, Lock, Migration};
pub use error::Error;
pub use line::{Entry, Event, FORMAT, Header, Kind, Line, Outcome, Run};
pub use log::{Journal, Ledger, Story};
pub use state::{Impossible, RunRecord, State, Status};
pub use who::Who;

#[cfg(test)]
mod tests;
