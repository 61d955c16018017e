use std::path::Path;

use super::{End, Failure, Talk, kept};
use crate::forecast::Outlook;
use crate::report;

pub(super) fn run(talk: &Talk, dir: &Path, what: &Path, step: Option<&str>) -> Result<End, Failure> {
    let runbook = match kept::of_name(dir, what)? {
        Some(runbook) => runbook,
        None => kept::read(what)?,
    };
    let Some(step) = step else {
        let outlook = Outlook::of(&runbook);
        if talk.json {
            talk.data(&report::runbook_json(&runbook, &outlook, None));
        } else {
            talk.result(report::runbook(&runbook, &outlook));
            if talk.verbose {
                talk.result(report::detail(&runbook));
            }
        }
        return Ok(End::Good);
    };
    let Some(at) = runbook.nodes.iter().position(|node| node.id.0 == step) else {
        let ids: Vec<&str> = runbook.nodes.iter().map(|node| node.id.0.as_str()).collect();
        let help = crate::plan::suggest(step, &ids).map_or_else(
            || {
                format!(
                    "each line of `{}` ends with the id of its step",
                    talk.command(&["show", &what.to_string_lossy()])
                )
            },
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Failure::new(format!("the runbook has no step `{step}`"), help));
    };
    let node = &runbook.nodes[at];
    let changes = report::changes(&runbook).nth(at).unwrap_or_default();
    if talk.json {
        talk.data(&report::node_json(node, &changes));
    } else {
        talk.result(report::node(&runbook.plan, node, &changes));
    }
    Ok(End::Good)
}
