use std::path::Path;

use super::{End, Failure, Talk, kept, plan, validate};
use crate::report;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Format {
    /// for Graphviz
    Dot,
    /// for Mermaid, as in Markdown on many sites
    Mermaid,
    /// a drawing that every browser shows
    Svg,
}

/// Of a plan the servers are read, as `plan` does; a runbook, or a migration's, is enough in itself.
pub(super) fn run(
    talk: &Talk,
    dir: &Path,
    what: &Path,
    format: Format,
    facts: Option<&Path>,
) -> Result<End, Failure> {
    let runbook = if let Some(runbook) = kept::of_name(dir, what)? {
        runbook
    } else if kept::is_runbook(what)? {
        kept::read(what)?
    } else {
        let loaded = validate::load(talk, what)?;
        match plan::of(talk, dir, &loaded, facts, false)? {
            Some((runbook, _)) => runbook,
            None => return Ok(End::Failed),
        }
    };
    let drawing = match format {
        Format::Dot => report::graph::dot(&runbook),
        Format::Mermaid => report::graph::mermaid(&runbook),
        Format::Svg => report::graph::svg(&runbook),
    };
    if talk.json {
        talk.data(&serde_json::json!({ "graph": drawing }));
    } else {
        talk.result(drawing.trim_end());
    }
    Ok(End::Good)
}
