//! What the system's ssh makes of a name that a person types: `~/.ssh/config` and known_hosts.

use std::path::PathBuf;

use crate::host::HostError;
use crate::host::local::apart;

/// What is configured for a name. A plan has an address, for which `Host` blocks of names do not count: so whatever they
/// say must go into the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Configured {
    /// what ssh connects to
    pub hostname: String,
    /// TCP; none: 22
    pub port: Option<u16>,
    /// none: the default
    pub user: Option<String>,
    /// file of a private key that exists; none: the default
    pub identity: Option<PathBuf>,
    /// `ProxyJump` or `ProxyCommand`, as it is configured
    pub by_way_of: Option<String>,
    /// `ssh-ed25519 AAAA…`, as known_hosts has it under this name
    pub host_key: Option<String>,
}

/// Looks the name up. `port`: as it was typed.
///
/// # Errors
/// There is no ssh, or it does not take its own configuration.
pub(crate) fn configured(name: &str, port: Option<u16>) -> Result<Configured, HostError> {
    let said = config(&["-G", "--", name])?;
    // what nobody has configured: the same name with no configuration at all
    let default = config(&["-G", "-F", "/dev/null", "--", name])?;
    let mut found = of(&said, &default);
    if found.hostname.is_empty() {
        found.hostname = name.to_string();
    }
    let port = port.or(found.port);
    let alias = value(&said, "hostkeyalias").map(str::to_string);
    let known = [alias, Some(name.to_string()), Some(found.hostname.clone())];
    let known = known.into_iter().flatten().map(|name| match port {
        Some(port) if port != 22 => format!("[{name}]:{port}"),
        _ => name,
    });
    found.host_key = known.into_iter().find_map(|name| host_key(&name));
    Ok(found)
}

fn config(args: &[&str]) -> Result<String, HostError> {
    let asked =
        apart(duct::cmd("ssh", args)).env("LC_ALL", "C").stdin_null().stderr_capture().stdout_capture().unchecked();
    let output = asked.run().map_err(|error| super::errors::no_openssh("ssh", error))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(HostError::Local(format!("ssh does not take its own configuration: {}", said.trim())))
        }
    }
}

fn value<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::trim)
}

fn of(said: &str, default: &str) -> Configured {
    // what differs from the default was configured
    let own = |name: &str| value(said, name).filter(|value| Some(*value) != self::value(default, name));
    let way = ["proxyjump", "proxycommand"].into_iter().find_map(own).filter(|way| *way != "none");
    let home = std::env::var("HOME").unwrap_or_default();
    let path =
        |path: &str| PathBuf::from(path.strip_prefix("~/").map_or(path.into(), |rest| format!("{home}/{rest}")));
    Configured {
        hostname: value(said, "hostname").unwrap_or_default().to_string(),
        port: own("port").and_then(|port| port.parse().ok()),
        user: own("user").map(String::from),
        identity: own("identityfile").map(path).filter(|path| path.exists()),
        by_way_of: way.map(String::from),
        host_key: None,
    }
}

/// ssh-keygen(1) -F finds hashed names, too.
fn host_key(name: &str) -> Option<String> {
    let said = apart(duct::cmd("ssh-keygen", ["-F", name])).stdin_null().stderr_null().unchecked().read().ok()?;
    best_key(&said)
}

/// An ed25519 key before others; a marked line (`@revoked`, `@cert-authority`) is no host key.
fn best_key(said: &str) -> Option<String> {
    let keys = said.lines().filter(|line| !line.starts_with(['#', '@']));
    let keys: Vec<String> = keys
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            Some(format!("{} {}", words.next()?, words.next()?))
        })
        .collect();
    keys.iter().find(|key| key.starts_with("ssh-ed25519 ")).or(keys.first()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_is_what_differs_from_the_default() {
        let default =
            "user me\nhostname old.example\nport 22\nidentityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ed25519\n";
        assert_eq!(of(default, default), Configured { hostname: "old.example".into(), ..Configured::default() });
        let said = "user admin\nhostname 192.0.2.10\nport 2222\nidentityfile /proc/self/exe\nproxyjump gate\n";
        let found = of(said, default);
        assert_eq!((found.hostname.as_str(), found.port), ("192.0.2.10", Some(2222)));
        assert_eq!((found.user.as_deref(), found.by_way_of.as_deref()), (Some("admin"), Some("gate")));
        assert_eq!(found.identity, Some("/proc/self/exe".into()));
    }

    #[test]
    fn a_key_of_known_hosts() {
        let said = "# Host old.example found: line 3\n|1|abc=|def= ecdsa-sha2-nistp256 AAAAE2 note\n\
                    # Host old.example found: line 4\nold.example ssh-ed25519 AAAAC3\n@revoked old.example ssh-rsa AAAAB3\n";
        assert_eq!(best_key(said).as_deref(), Some("ssh-ed25519 AAAAC3"));
        assert_eq!(best_key("@revoked * ssh-rsa AAAAB3\n"), None);
    }
}
