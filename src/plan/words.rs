//! The words of a plan that have a form of their own: names, addresses, keys. One table, used three times: as patterns
//! for editors in the published schema, as the check, and as the explanation when the check fails.

use std::net::IpAddr;

use super::values::{Bytes, Duration, Fault, Grow, Limit, Size};

/// A `format` of the schema.
pub(super) struct Format {
    pub(super) name: &'static str,
    /// What a message calls it: `is not …`.
    pub(super) is_a: &'static str,
    /// For editors: it may accept more than `check`, never less.
    pub(super) pattern: &'static str,
    pub(super) example: &'static str,
    pub(super) check: fn(&str) -> Result<(), Fault>,
}

pub(super) const FORMATS: &[Format] = &[
    Format {
        name: "plan-name",
        is_a: "a name for a migration",
        pattern: "^[a-z0-9][a-z0-9._-]{0,40}$",
        example: "cs940",
        check: plan_name,
    },
    Format {
        name: "ip-address",
        is_a: "an IP address",
        pattern: "^[0-9a-fA-F.:]+$",
        example: "192.0.2.10",
        check: ip_address,
    },
    Format {
        name: "host-name",
        is_a: "a host name",
        pattern: "^[A-Za-z0-9.:-]{1,253}$",
        example: "cs940",
        check: host_name,
    },
    Format { name: "user-name", is_a: "a user name", pattern: "^[^\\s:@]{1,64}$", example: "root", check: user_name },
    Format {
        name: "host-key",
        is_a: "a public host key",
        pattern: "^[a-z0-9@.-]+ +[A-Za-z0-9+/]+=*( .*)?$",
        example: "ssh-ed25519 AAAA",
        check: host_key,
    },
    Format {
        name: "label",
        is_a: "a name",
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,35}$",
        example: "a",
        check: label,
    },
    Format {
        name: "disk-id",
        is_a: "a serial number or WWN",
        pattern: "^[!-~]([ -~]{0,126}[!-~])?$",
        example: "S1",
        check: disk_id,
    },
    Format {
        name: "array-name",
        is_a: "a name for an array",
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$",
        example: "md0",
        check: array_name,
    },
    Format {
        name: "lvm-name",
        is_a: "an LVM name",
        pattern: "^[A-Za-z0-9_+.][A-Za-z0-9_+.-]{0,126}$",
        example: "vg0",
        check: lvm_name,
    },
    Format { name: "absolute-path", is_a: "an absolute path", pattern: "^/", example: "/boot", check: absolute_path },
    Format {
        name: "unit-name",
        is_a: "a systemd unit",
        pattern: "^[A-Za-z0-9:_.\\\\@-]{1,255}$",
        example: "a.service",
        check: unit_name,
    },
    Format {
        name: "finding-code",
        is_a: "the code of a finding",
        pattern: "^R[0-9]{4}$",
        example: "R1203",
        check: finding_code,
    },
    Format {
        name: "object",
        is_a: "what a finding is about",
        pattern: "^\\S(.{0,126}\\S)?$",
        example: "disk a",
        check: object,
    },
    Format {
        name: "bytes",
        is_a: "a size",
        pattern: "^[0-9]+([KMGT]iB|[kMGT]?B)$",
        example: "2MiB",
        check: parses::<Bytes>,
    },
    Format {
        name: "size",
        is_a: "a size",
        pattern: "^(rest|[0-9]+([KMGT]iB|[kMGT]?B))$",
        example: "1GiB",
        check: parses::<Size>,
    },
    Format {
        name: "grow",
        is_a: "a size to grow to",
        pattern: "^(rest|\\+?[0-9]+([KMGT]iB|[kMGT]?B))$",
        example: "+1GiB",
        check: parses::<Grow>,
    },
    Format {
        name: "duration",
        is_a: "a duration",
        pattern: "^([0-9]+d)?([0-9]+h)?([0-9]+min)?([0-9]+s)?$",
        example: "5min",
        check: parses::<Duration>,
    },
    Format {
        name: "limit",
        is_a: "a duration",
        pattern: "^(off|([0-9]+d)?([0-9]+h)?([0-9]+min)?([0-9]+s)?)$",
        example: "5min",
        check: parses::<Limit>,
    },
];

/// The formats of values that have a type of their own; the others are strings, right or wrong.
pub(super) const TYPED: [&str; 6] = ["ip-address", "bytes", "size", "grow", "duration", "limit"];

/// The entry of the table.
pub(super) fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// `nginx` as `nginx.service`.
pub(super) fn full_unit_name(unit: &str) -> String {
    if UNIT_TYPES.iter().any(|kind| unit.ends_with(kind)) { unit.to_owned() } else { format!("{unit}.service") }
}

/// What may be stopped, of the types in systemd.unit(5).
const UNIT_TYPES: [&str; 6] = [".service", ".socket", ".timer", ".path", ".target", ".scope"];

fn parses<T: std::str::FromStr<Err = Fault>>(text: &str) -> Result<(), Fault> {
    text.parse::<T>().map(|_| ())
}

/// Only such characters, beginning with a letter or a digit, at most so long.
fn made_of(text: &str, allowed: impl Fn(char) -> bool, longest: usize, help: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::new("is empty", help));
    }
    if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
        let bad = if bad == ' ' { "a space".to_owned() } else { format!("`{}`", bad.escape_debug()) };
        return Err(Fault::new(format!("contains {bad}"), help));
    }
    if text.len() > longest {
        return Err(Fault::new(format!("is longer than {longest} characters"), help));
    }
    Ok(())
}

fn begins_alphanumeric(text: &str, help: &str) -> Result<(), Fault> {
    match text.chars().next() {
        Some(first) if !first.is_ascii_alphanumeric() => Err(Fault::new(format!("begins with `{first}`"), help)),
        _ => Ok(()),
    }
}

/// What a migration may be called.
pub(crate) fn plan_name(text: &str) -> Result<(), Fault> {
    let help =
        "1 to 41 of `a-z 0-9 . _ -`, the first a letter or a digit: it becomes a directory and a part of iSCSI names";
    made_of(text, |c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-'), 41, help)?;
    begins_alphanumeric(text, help)
}

/// GPT labels are 36 UTF-16 units long.
fn label(text: &str) -> Result<(), Fault> {
    let help = "1 to 36 of `A-Z a-z 0-9 . _ -`, the first a letter or a digit";
    made_of(text, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'), 36, help)?;
    begins_alphanumeric(text, help)
}

/// The name field of md's 1.x superblock has 32 bytes, of which `HOST:` takes its part (mdadm(8), --name).
fn array_name(text: &str) -> Result<(), Fault> {
    if let Some(short) = text.strip_prefix("/dev/md/").or_else(|| text.strip_prefix("/dev/")) {
        return Err(Fault::new("is a path", format!("write its name: `{short}`")));
    }
    let help = "1 to 32 of `A-Z a-z 0-9 . _ -`, the first a letter or a digit: `md0`";
    made_of(text, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'), 32, help)?;
    begins_alphanumeric(text, help)
}

fn ip_address(text: &str) -> Result<(), Fault> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    if let Some((address, prefix)) = text.split_once('/')
        && address.parse::<IpAddr>().is_ok()
        && prefix.parse::<u8>().is_ok()
    {
        return Err(Fault::new("is a network", format!("write the address alone: `{address}`")));
    }
    if text.chars().any(|c| c.is_ascii_alphabetic()) && !text.contains(':') {
        let help = "write the IP address: network cards and access lists are told by it, and a name could come to mean another server";
        return Err(Fault::new("is not an IP address", help));
    }
    Err(Fault::new("is not an IP address", "four numbers from 0 to 255: `192.0.2.10`; or IPv6: `2001:db8::10`"))
}

/// RFC 1123: labels of 1 to 63 letters, digits and hyphens, no hyphen at either end; an address is accepted too.
fn host_name(text: &str) -> Result<(), Fault> {
    let help =
        "RFC 1123: letters, digits and `-`, parts joined by `.`, each 1 to 63 long and without `-` at its ends";
    if text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    made_of(text, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'), 253, help)?;
    for part in text.split('.') {
        if part.is_empty() {
            return Err(Fault::new("has an empty part", help));
        }
        if part.len() > 63 {
            return Err(Fault::new("has a part of more than 63 characters", help));
        }
        if part.starts_with('-') || part.ends_with('-') {
            return Err(Fault::new("has a part that begins or ends with `-`", help));
        }
    }
    Ok(())
}

/// It becomes an argument of ssh and a word of configuration files: nothing that could be taken for something else.
fn user_name(text: &str) -> Result<(), Fault> {
    let help = "1 to 64 of `A-Z a-z 0-9 . _ - $`, not beginning with `-`";
    made_of(text, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '$'), 64, help)?;
    if text.starts_with('-') { Err(Fault::new("begins with `-`", help)) } else { Ok(()) }
}

/// A public host key, as it stands in a known_hosts file behind the names.
pub fn host_key(text: &str) -> Result<(), Fault> {
    let help = "as `ssh-keyscan ADDRESS` prints it, without the address: `ssh-ed25519 AAAA…`";
    if text.starts_with("SHA256:") || text.starts_with("MD5:") {
        return Err(Fault::new("is a fingerprint, not a key", help));
    }
    // It becomes a line of a known_hosts file.
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(Fault::new("is not one line", help));
    }
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let (Some(kind), Some(key)) = (words.next(), words.next()) else {
        return Err(Fault::new("is not a public host key", help));
    };
    let plain = kind.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '@' | '.' | '-'));
    if !plain || !["ssh-", "ecdsa-", "sk-"].iter().any(|start| kind.starts_with(start)) {
        return Err(Fault::new(format!("begins with `{kind}`, which is not a type of key"), help));
    }
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    if !key.starts_with("AAAA") || !key.trim_end_matches('=').chars().all(base64) {
        return Err(Fault::new("has no key after its type", help));
    }
    Ok(())
}

fn disk_id(text: &str) -> Result<(), Fault> {
    let help = "as `lsblk -o NAME,SERIAL,WWN` prints it";
    if text.starts_with("/dev/") {
        return Err(Fault::new("is a device path, which can change at every boot", help));
    }
    if text.trim() != text {
        return Err(Fault::new("begins or ends with a space", help));
    }
    made_of(text, |c| (' '..='~').contains(&c), 128, help)
}

/// lvm(8), VALID NAMES.
fn lvm_name(text: &str) -> Result<(), Fault> {
    let help = "lvm(8): 1 to 127 of `A-Z a-z 0-9 + _ . -`, not beginning with `-`";
    made_of(text, |c| c.is_ascii_alphanumeric() || matches!(c, '+' | '_' | '.' | '-'), 127, help)?;
    if text.starts_with('-') {
        return Err(Fault::new("begins with `-`", help));
    }
    if text == "." || text == ".." {
        return Err(Fault::new("is not a name that LVM takes", help));
    }
    if text == "snapshot" || text == "pvmove" || RESERVED.iter().any(|part| text.contains(part)) {
        return Err(Fault::new(
            "is a name that LVM keeps for itself",
            "name the volume as `lvs` (without `-a`) shows it",
        ));
    }
    Ok(())
}

/// lvm(8): these substrings belong to LVM's hidden volumes.
const RESERVED: [&str; 11] =
    ["_cdata", "_cmeta", "_corig", "_iorig", "_mimage", "_mlog", "_pmspare", "_rimage", "_rmeta", "_tdata", "_tmeta"];

fn absolute_path(text: &str) -> Result<(), Fault> {
    let help = "write the whole path, from `/`";
    if !text.starts_with('/') {
        return Err(Fault::new("is not an absolute path", help));
    }
    if text.chars().any(|c| c.is_control()) || text.split('/').any(|part| part == "..") {
        return Err(Fault::new("is not a plain path", help));
    }
    Ok(())
}

/// systemd.unit(5).
fn unit_name(text: &str) -> Result<(), Fault> {
    let help = "a systemd unit: `nginx`, `nginx.service`, `postgresql@15-main`";
    made_of(text, |c| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '\\' | '@'), 255, help)?;
    if text.starts_with('-') || text.starts_with('@') || text.starts_with('.') {
        return Err(Fault::new(format!("begins with `{}`", &text[..1]), help));
    }
    if let Some(kind) =
        [".mount", ".swap", ".automount", ".slice", ".device"].iter().find(|kind| text.ends_with(**kind))
    {
        let help = "name what writes; file systems and swap are taken care of";
        return Err(Fault::new(format!("is a `{kind}` unit, and only services are stopped"), help));
    }
    Ok(())
}

fn finding_code(text: &str) -> Result<(), Fault> {
    let digits = text.strip_prefix('R').unwrap_or_default();
    if digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(Fault::new("is not the code of a finding", "`R` and four digits, as `replant plan` prints it: `R1203`"))
}

fn object(text: &str) -> Result<(), Fault> {
    let help = "write it as the finding does: `disk a`, `vg0/var`, `/etc/fstab`";
    if text.trim() != text {
        return Err(Fault::new("begins or ends with a space", help));
    }
    made_of(text, |c| !c.is_control() && c != '\u{2028}' && c != '\u{2029}', 128, help)
}

/// What was probably meant by a word that is none of the candidates.
pub(crate) fn suggest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let near = |candidate: &&'a str| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), *candidate);
    let (distance, candidate) = candidates.iter().map(near).min_by_key(|(distance, _)| *distance)?;
    let longest = lower.chars().count().max(candidate.chars().count());
    // One slip in a short word, a third of a long one; and never a word that shares nothing.
    (distance <= (longest / 3).max(1) && distance < longest).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::FORMATS;

    #[test]
    fn every_example_is_of_its_form() {
        for format in FORMATS {
            assert_eq!((format.check)(format.example), Ok(()), "{}", format.name);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// An editor must not complain where we do not.
        #[test]
        fn a_pattern_is_never_stricter_than_its_check(text in "[a-zA-Z0-9 .:_/@+=-]{0,12}", start in "|R12|ssh-rsa AAAA|/|1|10GiB|2001:db8::|rest") {
            for format in FORMATS {
                for text in [&text, &format!("{start}{text}")] {
                    if (format.check)(text).is_ok() {
                        let schema = json!({ "pattern": format.pattern });
                        prop_assert!(jsonschema::is_valid(&schema, &json!(text)), "{}: `{text}`", format.name);
                    }
                }
            }
        }
    }
}
