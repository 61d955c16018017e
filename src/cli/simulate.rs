use std::path::Path;

use super::{End, Failure, Talk, validate};

pub fn run(talk: &Talk, path: &Path) -> Result<End, Failure> {
    let _loaded = validate::load(talk, path)?;
    Err(Failure::new("wip", "wip"))
}
