//! A secret does not belong in a plan; if there is one all the same, no message may show it.
//!
//! So the text that messages quote has it overwritten, byte for byte, and every place remains what it was.

use super::source::{Source, Span};
use super::tree::{Kind, Node};

/// A key that contains one of these has a secret, or says where one is.
const KEYS: [&str; 4] = ["secret", "passw", "passphrase", "token"];

/// The text without the secrets of its tree.
pub(super) fn hide(tree: &Node, source: Source) -> Source {
    let mut spans = Vec::new();
    find(tree, false, &mut spans);
    overwrite(source, &spans)
}

/// The text without what follows such a key on its line: of a file that is not YAML, nothing more is known.
pub(super) fn hide_in_broken(source: Source) -> Source {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let lower = line.to_ascii_lowercase();
        let key = KEYS.iter().filter_map(|key| lower.find(key)).min();
        if let Some(colon) = key.and_then(|key| Some(key + lower[key..].find(':')?)) {
            let value = lower[colon + 1..].trim_start();
            let reference = value.strip_prefix('{').map_or(value, str::trim_start);
            if !["generated", "env:", "file:"].iter().any(|word| reference.starts_with(word)) && !value.is_empty() {
                spans.push(Span { start: (start + colon + 1) as u32, end: (start + line.len()) as u32 });
            }
        }
        start += line.len();
    }
    overwrite(source, &spans)
}

fn find(node: &Node, under_secret: bool, spans: &mut Vec<Span>) {
    match &node.value {
        Kind::List(items) => items.iter().for_each(|item| find(item, under_secret, spans)),
        Kind::Map(entries) => {
            for entry in entries {
                let key = entry.key.to_ascii_lowercase();
                let reference = matches!(&*key, "env" | "file") && matches!(entry.value.value, Kind::Text(_));
                let secret = KEYS.iter().any(|word| key.contains(word));
                find(&entry.value, (under_secret && !reference) || secret, spans);
            }
        }
        Kind::Text(text) if under_secret && text != "generated" => spans.extend([node.used, node.defined]),
        Kind::Number(_) if under_secret => spans.extend([node.used, node.defined]),
        Kind::Text(_) | Kind::Number(_) | Kind::Bool(_) | Kind::Null => {}
    }
}

fn overwrite(source: Source, spans: &[Span]) -> Source {
    let mut bytes = source.text.as_bytes().to_vec();
    for span in spans {
        bytes[span.range()].iter_mut().filter(|byte| !byte.is_ascii_whitespace()).for_each(|byte| *byte = b'*');
    }
    Source { text: String::from_utf8_lossy(&bytes).into(), ..source }
}
