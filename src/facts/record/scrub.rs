//! Configuration files are read whole, and some hold secrets: none of them may leave in a file that people attach to a
//! report.

/// What is put in the place of a secret.
const GONE: &str = "(scrubbed)";

/// Words that a key ends with whose value is a secret: `password=` of mount.cifs(8), `wpa-psk` of interfaces(5).
const KEYS: &[&str] =
    &["password", "passwd", "passphrase", "pass", "secret", "psk", "token", "pin", "apikey", "api_key"];

/// Beginnings of hashes that passwords can be guessed from: crypt(5), GRUB's password_pbkdf2.
const HASHES: &[&str] = &["$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$7$", "$y$", "$gy$", "grub.pbkdf2."];

/// The text without the values of such keys, without hashes of passwords, and without the password in `user:password@host`.
pub fn scrub(text: &str) -> String {
    let mut scrubbed = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        scrubbed += &in_urls(&hashes(&values(line)));
    }
    scrubbed
}

fn of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// Where a value ends: at a blank, a comma of mount options, a quote; a quoted one at its quote.
fn value_end(rest: &str) -> usize {
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].find(quote).map_or(rest.len(), |at| at + 2),
        _ => rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | '"' | '\'' | ';')).unwrap_or(rest.len()),
    }
}

fn values(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((at, key)) = next_key(rest) {
        let after = &rest[at + key..];
        let quoted = after.trim_start_matches(['"', '\'']);
        let trimmed = quoted.trim_start_matches([' ', '\t']);
        let sign = trimmed.starts_with('=') || trimmed.starts_with(':');
        // `wpa-psk SECRET`: only where the line begins with the key, or words of a sentence would go
        let first = rest.len() == line.len() && rest[..at].chars().all(|c| c.is_whitespace() || of_a_word(c));
        let blank = first && quoted.len() == after.len() && quoted.starts_with([' ', '\t']);
        if !sign && !blank {
            out += &rest[..at + key];
            rest = after;
            continue;
        }
        let value = if sign { trimmed[1..].trim_start_matches([' ', '\t']) } else { trimmed };
        // interfaces(5) and its kind: the value is the rest of the line
        let end = if sign { value_end(value) } else { value.trim_end().len() };
        let from = rest.len() - value.len();
        out += &rest[..from];
        if !value[..end].trim().is_empty() {
            out += GONE;
        }
        rest = &value[end..];
    }
    out + rest
}

/// The next key: where it begins and how many bytes it has.
fn next_key(text: &str) -> Option<(usize, usize)> {
    // of the same length, whatever the letters are
    let lower = text.to_ascii_lowercase();
    let ends = |at: usize| !lower[at..].chars().next().is_some_and(of_a_word);
    let all = KEYS.iter().flat_map(|key| lower.match_indices(key).map(|(at, key)| (at, key.len())));
    all.filter(|(at, len)| ends(at + len)).min_by_key(|(at, len)| (at + len, std::cmp::Reverse(*len)))
}

fn hashes(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = HASHES.iter().filter_map(|start| rest.find(start)).min() {
        let end = rest[at..]
            .find(|c: char| c.is_whitespace() || matches!(c, ':' | '"' | '\'' | ','))
            .unwrap_or(rest.len() - at);
        out += &rest[..at];
        out += GONE;
        rest = &rest[at + end..];
    }
    out + rest
}

/// `scheme://user:password@host`
fn in_urls(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out += before;
        let authority =
            after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'')).unwrap_or(after.len());
        rest = after;
        if let Some((login, _)) = after[..authority].rsplit_once('@')
            && let Some((user, _)) = login.split_once(':')
        {
            out += &format!("{user}:{GONE}");
            rest = &after[login.len()..];
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_nothing_else() {
        for (line, scrubbed) in [
            (
                "//nas/x /mnt cifs username=u,password=p4ss,uid=0 0 0\n",
                "//nas/x /mnt cifs username=u,password=(scrubbed),uid=0 0 0\n",
            ),
            ("    wpa-psk my secret\n", "    wpa-psk (scrubbed)\n"),
            ("wpa_passphrase = \"a b c\"\n", "wpa_passphrase = (scrubbed)\n"),
            ("\"password\": \"x\", \"user\": 1", "\"password\": (scrubbed), \"user\": 1"),
            ("password_pbkdf2 root grub.pbkdf2.sha512.10000.AB.CD\n", "password_pbkdf2 root (scrubbed)\n"),
            ("root:$y$j9T$abc$def:19000:0\n", "root:(scrubbed):19000:0\n"),
            ("proxy http://me:pw@host:3128/\n", "proxy http://me:(scrubbed)@host:3128/\n"),
            ("PASSWORD=\n", "PASSWORD=\n"),
            ("api_token: 12345", "api_token: (scrubbed)"),
            // kept
            ("systemd-ask-password-console.path loaded active waiting Dispatch Password Requests\n", ""),
            ("credentials=/root/.smb,uid=0", ""),
            ("UUID=0 / ext4 errors=remount-ro 0 1", ""),
            ("rd.luks.key=/keys/a", ""),
            ("/etc/fstab:# a passing remark: bypass = no", "/etc/fstab:# a passing remark: bypass = (scrubbed)"),
            ("http://host/a@b:c", ""),
        ] {
            let expected = if scrubbed.is_empty() { line } else { scrubbed };
            assert_eq!(scrub(line), expected);
            assert_eq!(scrub(&scrub(line)), expected, "twice");
        }
    }
}
