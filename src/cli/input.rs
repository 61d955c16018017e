//! Files that a person names: a plan or a runbook, and never more of it than can be one.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use serde::de::IgnoredAny;

use super::Failure;

/// The largest file that is read, in bytes: a runbook of ten thousand volumes has 100 MB.
const LARGEST: usize = 512 << 20;

/// The content of a file, or of standard input for `-`. A device without an end is left early.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let wanted = "a plan is wanted here, or a runbook saved by `replant plan PLAN --out FILE`. Is the path right?";
    let cannot = |cause: String| Failure::new(format!("cannot read `{}`: {cause}", path.display()), wanted);
    let mut bytes = Vec::new();
    let read = match path.to_str() {
        Some("-") => fill(std::io::stdin().lock(), &mut bytes),
        _ => {
            let file = std::fs::File::open(path).map_err(|error| cannot(error.to_string()))?;
            if file.metadata().is_ok_and(|there| there.is_dir()) {
                return Err(cannot("it is a directory".into()));
            }
            fill(file, &mut bytes)
        }
    };
    match read {
        Ok(None) => Ok(bytes),
        Ok(Some(why)) => Err(cannot(why.into())),
        Err(error) => Err(cannot(error.to_string())),
    }
}

/// Reads to the end, or says why not.
fn fill(mut from: impl Read, bytes: &mut Vec<u8>) -> std::io::Result<Option<&'static str>> {
    let mut part = vec![0; 1 << 16];
    loop {
        match from.read(&mut part) {
            Ok(0) => return Ok(None),
            Ok(length) => {
                if part[..length].contains(&0) {
                    return Ok(Some("it is no text, it has zero bytes"));
                }
                bytes.extend(&part[..length]);
                if bytes.len() > LARGEST {
                    return Ok(Some("it is larger than 512 MiB"));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a text is a runbook, and not a plan. A plan in YAML's flow form, or in JSON, begins with a brace too.
pub(crate) fn is_runbook(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Keys {
        format: Option<IgnoredAny>,
        nodes: Option<IgnoredAny>,
    }
    let text = str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let Some(first) = text.strip_prefix('{') else { return false };
    // as they are saved; whoever has sorted it has to wait until all of it is read
    first.trim_start().starts_with("\"format\":")
        || match serde_json::from_str::<Keys>(text) {
            Ok(keys) => keys.format.is_some() || keys.nodes.is_some(),
            // one that was cut off is a runbook still
            Err(_) => text.contains("\"format\":") || text.contains("\"nodes\":"),
        }
}
