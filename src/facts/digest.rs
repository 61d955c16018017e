//! A name for what was found.

use super::Facts;
use super::still::still;
use crate::host::sha256;

/// SHA-256, in hexadecimal, over everything in the facts but what changes by itself (see `facts/still.rs`). The order of
/// lists that have none is no difference.
///
/// It names these facts, so that a runbook can say from which it was made. Where two differ [`super::drift`] says in what.
pub fn digest(facts: &Facts) -> String {
    let still = Facts { format: facts.format, old: still(&facts.old), new: still(&facts.new) };
    sha256(serde_json::to_vec(&still).expect("facts are plain data"))
}
