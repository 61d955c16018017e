//! The plan: every example validates, every fault is told as its snapshot says, and nothing makes it panic.
//!
//! `SNAPSHOTS=overwrite cargo test --test plan` rewrites the schema and the snapshots; look at the diff before you commit.

#[path = "plan/examples.rs"]
mod examples;
mod made;

#[path = "plan/fuzz.rs"]
mod fuzz;
#[path = "plan/schema.rs"]
mod schema;
#[path = "plan/values.rs"]
mod values;
