//! replant: move a whole running Linux server to a new one, with the old one always there to go back to.
//!
//! Read it like this: [`course`] is the migration top to bottom; [`step`] is one step; [`engine`] is the one loop that
//! carries a runbook out, in both directions. `ARCHITECTURE.md` has the floors.

#![warn(missing_docs, unreachable_pub)]

pub mod cli;
pub mod course;
pub mod draft;
pub mod engine;
pub mod facts;
pub mod family;
pub mod findings;
pub mod forecast;
pub mod host;
pub mod journal;
pub mod layout;
pub mod plan;
pub mod rehearsal;
pub mod report;
pub mod runbook;
pub mod secret;
pub mod sim;
pub mod step;
pub mod units;
