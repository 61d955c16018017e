//! From values to the text of a plan. Whatever a server says stays inside its comment or its value.

use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, UndefinedBehavior, Value, escape_formatter};

/// Columns of a comment.
const WIDTH: usize = 118;

/// Renders a template of ours. A text that is put in loses its line breaks and other control characters: in a comment
/// they would end it.
///
/// # Panics
/// Where the template names something that `values` does not have: a mistake of ours that every test would show.
pub(super) fn render(template: &str, values: serde_json::Value) -> String {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    let lines = env.syntax().to_builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    env.set_syntax(lines.expect("these say nothing of the marks themselves"));
    env.add_filter("comment", comment);
    env.set_formatter(|out, state, value| match value.kind() {
        ValueKind::String if !value.is_safe() => {
            escape_formatter(out, state, &Value::from(plain(value.as_str().unwrap_or_default())))
        }
        _ => escape_formatter(out, state, value),
    });
    env.render_str(template, Serde(values)).expect("the template and its values belong together")
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Lines of a comment, so many columns in; those after the first of a list's entry (`- `) stand under its text.
fn comment(text: &str, indent: usize) -> Value {
    let start = format!("{:indent$}# ", "");
    let hang = if text.starts_with("- ") { "  " } else { "" };
    let mut lines = vec![start.clone()];
    for word in plain(&text.replace('\n', " ")).split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        if line.len() > start.len() + hang.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!("{start}{hang}{word}"));
        } else {
            if !line.ends_with(' ') {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    Value::from_safe_string(lines.join("\n"))
}

/// A YAML scalar that is this string whatever reads it: `no`, `1e3` and `0x50` are words only in quotes.
pub(super) fn quoted(text: &str) -> String {
    let simple = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@'));
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let address = text.parse::<std::net::Ipv4Addr>().is_ok();
    let special = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "rest", "nan", "inf"];
    if (word || address) && simple && !special.contains(&text.to_lowercase().as_str()) {
        text.to_string()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// `1.6 GiB`, for people.
pub(super) fn size(bytes: u64) -> String {
    let of = |unit: u32| bytes as f64 / 2f64.powi(unit as i32);
    match bytes {
        _ if bytes >= 1 << 40 => format!("{:.1} TiB", of(40)),
        _ if bytes >= 1 << 30 => format!("{:.1} GiB", of(30)),
        _ if bytes >= 1 << 20 => format!("{:.0} MiB", of(20)),
        _ => format!("{bytes} bytes"),
    }
}

/// `2026-11-22 07:34 UTC`, of seconds since the epoch.
pub(super) fn time(clock: i64) -> String {
    let at = jiff::Timestamp::from_second(clock).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(words: impl IntoIterator<Item = impl Into<String>>) -> String {
    let mut words: Vec<String> = words.into_iter().map(Into::into).collect();
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_stays_in_its_place() {
        let model = "DISK\nwipe: true\u{85}x";
        let text = render("# {{ model }}\n{{ model|comment(2) }}\n", serde_json::json!({ "model": model }));
        assert_eq!(text, "# DISK?wipe: true?x\n  # DISK wipe: true?x\n");
        for word in ["no", "123", "1e3", "0x50", "a: b", "~", "x #y", "-a", "rest", "", "2001:db8::", ".5", "a\nb"] {
            assert!(quoted(word).starts_with('"'), "{word}");
        }
        for word in ["vg0", "swap_1", "10.77.0.21", "/boot", "postgresql@15-main"] {
            assert_eq!(quoted(word), word);
        }
    }

    #[test]
    fn comments_are_wrapped() {
        let text =
            render("{{ text|comment(0) }}", serde_json::json!({ "text": format!("- {}", "word ".repeat(60)) }));
        assert!(text.lines().count() == 3 && text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert!(text.lines().nth(1).unwrap().starts_with("#   word"), "{text}");
    }
}
