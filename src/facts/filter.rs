//! LVM's filters: lvm.conf(5), `devices/filter`. A list of regular expressions, each with `a` or `r` before it and a
//! delimiter around it. Of a name the first pattern that matches counts; a device is accepted if one of its names is, and
//! rejected if none is and one is rejected.

use regex::Regex;

use super::parse::ParseError;

#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// whether it accepts, and what
    patterns: Vec<(bool, Regex)>,
}

impl Filter {
    /// As lvmconfig(8) prints it: `["a|^/dev/sda2$|", "r|.*|"]`, or one pattern alone.
    ///
    /// # Errors
    /// It is none that LVM would take.
    pub(crate) fn parse(value: &str) -> Result<Filter, ParseError> {
        Ok(Filter { patterns: strings(value)?.iter().map(|one| pattern(one)).collect::<Result<_, _>>()? })
    }

    /// Whether a device that has these names is looked at.
    pub(crate) fn accepts<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> bool {
        let first =
            |name: &str| self.patterns.iter().find(|(_, regex)| regex.is_match(name)).map(|(accept, _)| *accept);
        let mut rejected = false;
        for name in names {
            match first(name) {
                Some(true) => return true,
                Some(false) => rejected = true,
                None => {}
            }
        }
        !rejected
    }
}

/// The strings of a list; one that stands alone may have lost its quotes.
fn strings(value: &str) -> Result<Vec<String>, ParseError> {
    let value = value.trim();
    let Some(inside) = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|_| value != "[]")
    else {
        return Ok(Some(value.trim_matches('"').to_string())
            .filter(|one| !one.is_empty() && one != "[]")
            .into_iter()
            .collect());
    };
    let mut all = Vec::new();
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() || letter == ',' {
            continue;
        }
        if letter != '"' && letter != '\'' {
            return Err(ParseError(format!("not a list of patterns in quotes: `{value}`")));
        }
        let mut one = String::new();
        loop {
            match letters.next() {
                None => return Err(ParseError(format!("a quote is not closed: `{value}`"))),
                Some(end) if end == letter => break,
                // between double quotes a backslash protects another, or a quote
                Some('\\') if letter == '"' => match letters.next() {
                    Some(escaped @ ('"' | '\\')) => one.push(escaped),
                    Some(other) => one.extend(['\\', other]),
                    None => {}
                },
                Some(other) => one.push(other),
            }
        }
        all.push(one);
    }
    Ok(all)
}

/// `a|^/dev/sd|`, `r/disk/`, `a(/dev/md)`
fn pattern(text: &str) -> Result<(bool, Regex), ParseError> {
    let wrong = || ParseError(format!("not a pattern of LVM: `{text}`"));
    let mut letters = text.chars();
    let accept = match letters.next() {
        Some('a') => true,
        Some('r') => false,
        _ => return Err(wrong()),
    };
    let close = match letters.next().ok_or_else(wrong)? {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        other => other,
    };
    let expression = letters.as_str().strip_suffix(close).ok_or_else(wrong)?;
    Ok((accept, Regex::new(&translated(expression)).map_err(|_| wrong())?))
}

/// LVM's own expressions know `.`, `*`, `+`, `?`, `|`, `()`, `[]`, `^` and `$`, and a backslash before any letter means that
/// letter. What else means something to others is a letter here.
fn translated(expression: &str) -> String {
    let mut regex = String::new();
    let mut letters = expression.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '.' | '*' | '+' | '?' | '|' | '(' | ')' | '^' | '$' => regex.push(letter),
            '\\' => {
                if let Some(escaped) = letters.next() {
                    regex += &literal(escape(escaped));
                }
            }
            '[' => {
                regex.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    regex.push('^');
                }
                let mut before = false;
                while let Some(inside) = letters.next().filter(|inside| *inside != ']') {
                    match inside {
                        '\\' => regex += &letters.next().map(|escaped| literal(escape(escaped))).unwrap_or_default(),
                        // a range has two ends
                        '-' if before && letters.peek().is_some_and(|next| *next != ']') => regex.push('-'),
                        other => regex += &literal(other),
                    }
                    before = true;
                }
                regex.push(']');
            }
            other => regex += &literal(other),
        }
    }
    regex
}

fn escape(letter: char) -> char {
    match letter {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    }
}

fn literal(letter: char) -> String {
    if letter.is_alphanumeric() || letter == '/' {
        letter.to_string()
    } else {
        format!("\\x{{{:x}}}", u32::from(letter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepts(filter: &str, names: &[&str]) -> bool {
        Filter::parse(filter).unwrap().accepts(names.iter().copied())
    }

    #[test]
    fn the_first_pattern_that_matches_a_name_counts() {
        // of Red Hat's multipath manual
        let rhel4 = r#"["r/disk/","r/sd.*/","a/.*/"]"#;
        assert!(!accepts(rhel4, &["/dev/sdc", "/dev/disk/by-path/ip-10.0.0.2:3260-iscsi-iqn.x-lun-1"]));
        assert!(accepts(rhel4, &["/dev/md1", "/dev/disk/by-id/md-uuid-x"]));
        assert!(accepts(r#"["a|^/dev/(sd|md)|", "r|.*|"]"#, &["/dev/sdc"]));
        assert!(!accepts(r#"["a|^/dev/(sda|md)|", "r|.*|"]"#, &["/dev/sdc"]));
        assert!(!accepts(r#"["r|^/dev/sd|", "a|^/dev/sdc$|"]"#, &["/dev/sdc"]));
    }

    #[test]
    fn one_name_that_is_accepted_is_enough() {
        let by_id = r#"["a|^/dev/disk/by-id/|", "r|.*|"]"#;
        assert!(accepts(by_id, &["/dev/sdc", "/dev/disk/by-id/wwn-0x6"]));
        assert!(!accepts(by_id, &["/dev/sdc"]));
        // what matches nothing is accepted, but not beside a name that is rejected
        let some = r#"["r|^/dev/sdc|"]"#;
        assert!(accepts(some, &["/dev/md1"]));
        assert!(!accepts(some, &["/dev/sdc", "/dev/disk/by-id/wwn-0x6"]));
        assert!(accepts("", &["/dev/sdc"]) && accepts("[]", &["/dev/sdc"]));
    }

    #[test]
    fn expressions_are_lvms_own() {
        for (filter, name, accepted) in [
            ("r#^/dev/sd[a-c]$#", "/dev/sdb", false),
            ("r#^/dev/sd[^ab]$#", "/dev/sdb", true),
            ("r(/dev/sd(b|c)[0-9]*)", "/dev/sdc12", false),
            ("r{sdb+}", "/dev/sdbb", false),
            ("r[/dev/md.]", "/dev/md1", false),
            (r#"["r|/dev/sd\\d|"]"#, "/dev/sdd", false),
            ("r|/dev/sd{1}|", "/dev/sd", true),
            ("r|md1?$|", "/dev/md", false),
            (r#"["r|[]|"]"#, "/dev/md", true),
            ("r|[-x]|", "/dev/disk/by-id", false),
        ] {
            match Filter::parse(filter) {
                Ok(filter) => assert_eq!(filter.accepts([name]), accepted, "{filter:?}"),
                Err(_) => assert!(filter.contains("[]"), "{filter}"),
            }
        }
        for wrong in [r#"["x|y|"]"#, r#"["a|y"]"#, r#"["a"]"#, "[a|y|]", r#"["a|(|"]"#] {
            assert!(Filter::parse(wrong).is_err(), "{wrong}");
        }
    }
}
