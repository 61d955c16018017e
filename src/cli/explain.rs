use super::{End, Failure, Talk};
use crate::findings;

pub fn run(talk: &Talk, code: &str) -> Result<End, Failure> {
    let rules = findings::rules();
    let Some(rule) = rules.iter().find(|rule| rule.code.eq_ignore_ascii_case(code)) else {
        let near = rules.iter().min_by_key(|rule| strsim::damerau_levenshtein(rule.code, &code.to_uppercase()));
        let near = near.map_or("", |rule| rule.code);
        return Err(Failure::new(format!("there is no finding `{code}`"), format!("did you mean `{near}`?")));
    };
    if talk.json {
        talk.data(&serde_json::json!({
            "code": rule.code, "severity": rule.severity, "title": rule.title, "why": rule.why, "remedy": rule.remedy,
        }));
    } else {
        talk.result(findings::entry(rule));
    }
    Ok(End::Good)
}
