//! What happened: an append-only log of one migration. Its state is a fold over the log, and nothing else.
//!
//! One JSON object a line. A line is on the disk (one write, one `fdatasync(2)`) before the caller goes on, so nothing is
//! ever done on a server that the journal does not know of. A crash can tear the last line only, and what a torn line
//! was about to allow has not been done: it is cut off.

mod disk;
mod error;
mod line;
mod lock;
mod log;
mod migration;
mod state;

pub use disk::write_whole;
pub use error::Error;
pub use line::{Entry, Event, FORMAT, Header, Kind, Line, Outcome, Run};
pub use lock::{Lock, Who};
pub use log::{Journal, Store, Story};
pub use migration::Migration;
pub use state::{Impossible, RunRecord, State, Status};

#[cfg(test)]
mod tests;
