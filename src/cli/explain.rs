use super::{End, Failure, Talk};
use crate::{findings, plan};

pub(super) fn run(talk: &Talk, code: &str) -> Result<End, Failure> {
    let code = code.to_uppercase();
    let rules = findings::rules();
    if let Some(rule) = rules.iter().find(|rule| rule.code == code) {
        if talk.json {
            talk.data(&serde_json::json!({
                "code": rule.code, "severity": rule.severity, "absolute": rule.absolute, "title": rule.title(), "why": rule.why(),
                "remedy": rule.remedy(),
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
    let known: Vec<&str> = known.collect();
    let help = match plan::suggest(&code, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "a code is `R` and four digits, as `plan` and `validate` print it; docs/findings.md has all of them"
            .into(),
    };
    Err(Failure::new(format!("there is no finding `{code}`"), help))
}
