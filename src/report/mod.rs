//! What people read: a runbook before, progress during, an account after. Texts come out of here; `cli` prints them,
//! and `LiveView` prints lines while the engine works.

mod account;
mod block;
mod boot;
mod data;
mod files;
pub mod graph;
pub(crate) mod ink;
mod live;
pub(crate) mod out;
pub mod pretty;
mod rehearsal;
mod runbook;
mod screen;
mod status;
mod words;

pub(crate) use account::{Next, account, rollback, stopped, stopped_going_back, taken_back};
pub(crate) use data::node_json;
pub use data::{Refused, refused_json, refused_schema, runbook_json, runbook_schema};
pub use files::{Changes, FileChange, changes};
pub(crate) use live::{LiveView, Manner};
pub(crate) use rehearsal::rehearsal;
pub use runbook::runbook;
pub(crate) use runbook::{detail, findings, node, outline};
pub(crate) use screen::To;
pub(crate) use status::{AtWork, Drift, Survey, Unknown, changes_on, drift, status, status_json};
pub(crate) use words::{about, act, brief_act, bytes, duration};

use words::{sign, switching};
