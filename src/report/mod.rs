//! What people read: a runbook before, progress during, an account after. Texts come out of here; `cli` prints them,
//! and [`LiveView`] prints lines while the engine works.

mod account;
mod block;
mod data;
mod files;
pub mod graph;
pub mod ink;
mod live;
pub mod out;
pub mod pretty;
mod runbook;
mod screen;
mod status;
mod words;

pub use account::{Next, account, rollback, stopped, stopped_going_back, taken_back};
pub use data::{Refused, node_json, refused_json, refused_schema, runbook_json, runbook_schema};
pub use files::{Changes, FileChange, changes};
pub use live::{LiveView, Manner};
pub use runbook::{detail, findings, node, outline, runbook};
pub use screen::To;
pub use status::{AtWork, Drift, Survey, Unknown, changes_on, drift, status, status_json};
pub use words::{about, act, brief_act, bytes, duration};

use words::{sign, switching};
