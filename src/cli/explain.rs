use super::{End, Failure, Talk};
use crate::{findings, plan};

pub fn run(talk: &Talk, code: &str) -> Result<End, Failure> {
    let code = code.to_uppercase();
    let rules = findings::rules();
    if let Some(rule) = rules.iter().find(|rule| rule.code == code) {
        if talk.json {
            talk.data(&serde_json::json!({
                "code": rule.code, "severity": rule.severity, "absolute": rule.absolute, "title": rule.title, "why": rule.why,
                "remedy": rule.remedy,
            }));
        } else {
            talk.result(findings::entry(rule));
        }
        return Ok(End::Good);
    }
    if let Some((code, title)) = plan::DIAGNOSTICS.iter().find(|(known, _)| *known == code) {
        if talk.json {
            talk.data(&serde_json::json!({ "code": code, "title": title }));
        } else {
            talk.result(format!("{code}: {title}\n\n`replant validate PLAN` shows the place in the file, and help."));
        }
        return Ok(End::Good);
    }
    let known = rules.iter().map(|rule| rule.code).chain(plan::DIAGNOSTICS.iter().map(|(code, _)| *code));
    let near = known.min_by_key(|known| strsim::damerau_levenshtein(known, &code)).unwrap_or_default();
    Err(Failure::new(format!("there is no finding `{code}`"), format!("did you mean `{near}`?")))
}
