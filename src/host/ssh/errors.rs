//! What ssh says when it does not work, and what to do about it.

use super::Remote;
use crate::family;
use crate::host::{HostError, Side};

/// The way a person would log in to the same place.
fn by_hand(remote: &Remote) -> String {
    let port = remote.port.map(|port| format!("-p {port} ")).unwrap_or_default();
    let identity = remote.identity.as_ref().map(|path| format!("-i {} ", path.display())).unwrap_or_default();
    format!("ssh {port}{identity}{}@{}", remote.user, remote.address)
}

/// What was said, without empty and decorative lines; `otherwise`, if nothing was.
pub(super) fn cause(said: &str, otherwise: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .map(|line| line.trim().trim_start_matches("ssh: ").trim_end_matches('\r'))
        .filter(|line| !line.is_empty() && !line.starts_with('@') && !line.starts_with("mux_client"))
        .collect();
    if lines.is_empty() {
        return otherwise.into();
    }
    lines[lines.len().saturating_sub(3)..].join("; ")
}

/// Why ssh ended with 255 before anything was run.
pub(super) fn login(side: Side, remote: &Remote, said: &str) -> HostError {
    let refused = |cause: String, help: String| HostError::Refused { side, cause, help };
    let address = &remote.address;
    let scan = format!("ssh-keyscan {}{address}", remote.port.map(|port| format!("-p {port} ")).unwrap_or_default());
    if said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        let shown = said.lines().find(|line| line.trim_start().starts_with("SHA256:")).map(str::trim);
        let cause = format!(
            "`{address}` shows another host key than the one known{}",
            shown.map(|key| format!(": {}", key.trim_end_matches('.'))).unwrap_or_default()
        );
        return refused(
            cause,
            if remote.host_keys.is_empty() {
                format!(
                    "it may be another machine, or a newly installed one. Compare the fingerprint on its console, \
                     then put its key (`{scan}`) into the plan as `host_key`, or mend your known_hosts \
                     (`ssh-keygen -R {address}`)"
                )
            } else {
                format!(
                    "it may be another machine, or another system on it. Compare the fingerprint on its console, then \
                     correct `host_key` in the plan (`{scan}` prints what it shows); if new's rescue system was booted \
                     again in the middle of a migration, add `--new-host-key KEY` to the command"
                )
            },
        );
    }
    if said.contains("host key is known for") || said.contains("Host key verification failed") {
        return refused(
            format!("the host key of `{address}` is not known"),
            format!(
                "`{scan}` prints its keys: compare them with the fingerprint on its console, then put one into the \
                 plan as `host_key`, or log in once by hand: `{}`",
                by_hand(remote)
            ),
        );
    }
    if said.contains("UNPROTECTED PRIVATE KEY FILE") || said.contains("Bad owner or permissions") {
        return refused(cause(said, ""), "ssh wants its files readable by you alone: `chmod 600` them".into());
    }
    if said.contains("Permission denied (") || said.contains("Too many authentication failures") {
        return refused(
            cause(said, ""),
            format!(
                "`{}` must log in without being asked for anything: add your public key to its authorized_keys, name \
                 the right `user` and `identity` in the plan, or load the key into your agent",
                by_hand(remote)
            ),
        );
    }
    if said.contains("Unable to negotiate") || said.contains("Bad configuration option") {
        return refused(cause(said, ""), format!("see what `{}` says", by_hand(remote)));
    }
    HostError::Unreachable { side, cause: cause(said, "the connection broke") }
}

/// There is no such program of OpenSSH here, or it cannot be run.
pub(super) fn no_openssh(tool: &str, error: std::io::Error) -> HostError {
    match error.kind() {
        std::io::ErrorKind::NotFound => HostError::NoTool {
            tool: tool.into(),
            help: family::said("install it where replant runs: {{install ssh}}"),
        },
        _ => HostError::Local(format!("failed to run `{tool}`: {error}")),
    }
}

/// `Please login as the user "ubuntu" rather than the user "root".`: who is named first.
fn other_user(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("as the user ")?;
    let name = rest.trim_start_matches(['"', '\'', '`']);
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(name.len());
    let name = name[..end].trim_end_matches('.');
    (!name.is_empty() && name != "NONE").then_some(name)
}

/// Why we were let in, and yet nothing was run.
pub(super) fn no_shell(side: Side, remote: &Remote, code: i32, said: &str) -> HostError {
    if remote.sudo && remote.user != "root" {
        let mut error = not_root(side, remote);
        if let HostError::Refused { cause, .. } = &mut error {
            *cause = format!("{cause} ({})", self::cause(said, &format!("`sudo -n` exited with {code}")));
        }
        return error;
    }
    if let Some(user) = other_user(said) {
        return HostError::Refused {
            side,
            cause: format!("the login of `{}` only says: {}", remote.user, self::cause(said, "")),
            help: format!(
                "log in as that user, with `sudo`: in the plan `ssh: {{ user: {user}, sudo: true }}` for {side}; `init` \
                 takes {user}@HOST"
            ),
        };
    }
    HostError::Refused {
        side,
        cause: format!(
            "the login of `{}` does not run `/bin/sh`: {}",
            remote.user,
            self::cause(said, &format!("it exited with {code}"))
        ),
        help: "give it an ordinary login shell, and no forced command".into(),
    }
}

pub(super) fn not_root(side: Side, remote: &Remote) -> HostError {
    let user = &remote.user;
    HostError::Refused {
        side,
        cause: format!("`{user}` is not root"),
        help: format!(
            "log in as root, or allow `sudo -n` for {user} (`{user} ALL=(ALL) NOPASSWD: ALL` in a file in \
             /etc/sudoers.d)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::other_user;

    #[test]
    fn whom_a_login_sends_elsewhere() {
        let said = "Please login as the user \"ubuntu\" rather than the user \"root\".";
        assert_eq!(other_user(said), Some("ubuntu"));
        assert_eq!(other_user("Please login as the user debian rather than root."), Some("debian"));
        assert_eq!(other_user("Please login as the user \"NONE\" rather than the user \"root\"."), None);
        assert_eq!(other_user("This account is currently not available."), None);
    }
}
