//! What people read: a runbook before, progress during, an account after. Texts come out of here; `cli` prints them,
//! and `LiveView` prints lines while the engine works.

mod account;
mod block;
mod data;
mod files;
pub mod graph;
pub(crate) mod ink;
mod live;
pub mod out;
pub mod pretty;
mod runbook;
mod screen;
mod status;
mod words;

pub use account::{Next, account, rollback, stopped};
pub(crate) use account::{stopped_going_back, taken_back};
pub(crate) use data::node_json;
pub use data::{Refused, refused_json, refused_schema, runbook_json, runbook_schema};
pub use files::{Changes, FileChange, changes};
pub(crate) use live::{LiveView, Manner};
pub(crate) use runbook::outline;
pub use runbook::{detail, findings, node, runbook};
pub use screen::To;
pub use status::{AtWork, Drift, Survey, Unknown, drift, status};
pub(crate) use status::{changes_on, status_json};
pub(crate) use words::brief_act;
pub use words::{about, act, bytes, duration};

use words::{sign, switching};
