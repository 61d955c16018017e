//! Servers as they are typed where there is no plan yet.

use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;

use super::Failure;
use crate::draft::{self, Ends};
use crate::host::ssh::{Configured, configured};
use crate::plan::Ssh;
use crate::report::out;

/// Both servers, as they were typed.
pub(super) fn ends(
    name: Option<String>,
    old: &str,
    new: &str,
    identity: Option<&Path>,
    (old_key, new_key): (Option<String>, Option<String>),
) -> Result<Ends, Failure> {
    let ends = Ends { name, old: end("OLD", old, identity, old_key)?, new: end("NEW", new, identity, new_key)? };
    if ends.old.address == ends.new.address {
        return Err(Failure::new(
            format!("OLD and NEW are both at {}", ends.old.address),
            "in the rescue system new needs an address of its own; it takes over old's at the cutover",
        ));
    }
    Ok(ends)
}

/// `[USER@]HOST[:PORT]`; an IPv6 address with a port is in brackets.
fn end(
    what: &str,
    typed: &str,
    identity: Option<&Path>,
    host_key: Option<String>,
) -> Result<draft::TypedServer, Failure> {
    let bad = |why: &str| {
        Failure::new(
            format!("`{typed}` is no {what}: {why}"),
            "write [USER@]HOST[:PORT]: `192.0.2.10`, `admin@srv1.example.org:2222`, `[2001:db8::10]:22`",
        )
    };
    let (user, rest) = typed.rsplit_once('@').map_or((None, typed), |(user, rest)| (Some(user), rest));
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
    if user.is_some_and(|user| user.is_empty() || user.starts_with('-') || !user.chars().all(plain)) {
        return Err(bad("the user is not a plain name"));
    }
    let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, after)) => (host, after.strip_prefix(':').or(if after.is_empty() { None } else { Some(after) })),
        None if rest.parse::<IpAddr>().is_ok() => (rest, None),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(port)) if port > 0 => Some(port),
        Some(_) => return Err(bad("the port is not a number from 1 to 65535")),
    };
    // The plan will have an address, of which `Host` blocks of names say nothing: what they say goes into the plan.
    let configured = match host.parse::<IpAddr>() {
        Err(_) if !host.is_empty() && !host.starts_with('-') => configured(host, port)?,
        _ => Configured { hostname: host.to_string(), ..Configured::default() },
    };
    let address = address(&configured.hostname).map_err(|why| match &configured.by_way_of {
        Some(way) => bad(&format!(
            "{why}; ssh reaches it by way of `{way}`, and from there it may be known: write its address"
        )),
        None => bad(&why),
    })?;
    if let Some(way) = &configured.by_way_of {
        out::tell(&format!(
            "note: ~/.ssh/config reaches `{host}` by way of `{way}`. A plan has addresses: let a `Host {address}` there say so too."
        ));
    }
    let user = user.map(String::from).or(configured.user).unwrap_or("root".into());
    Ok(draft::TypedServer {
        host: host.to_string(),
        address,
        ssh: Ssh {
            sudo: (user != "root").into(),
            user: user.into(),
            port: port.or(configured.port).map(Into::into),
            identity: identity.map(Path::to_path_buf).or(configured.identity).map(Into::into),
            host_key: host_key.or(configured.host_key).map(Into::into),
        },
    })
}

/// A plan has addresses: a name could come to mean another server. So it is looked up once, and the servers are read as
/// they will be by `plan`.
fn address(host: &str) -> Result<IpAddr, String> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    if host.is_empty() || host.starts_with('-') {
        return Err("there is no host in it".into());
    }
    let mut found =
        (host, 0).to_socket_addrs().map_err(|error| format!("the name `{host}` is not known here ({error})"))?;
    found.next().map(|found| found.ip()).ok_or(format!("the name `{host}` has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_typed() {
        let of = |typed: &str| {
            end("OLD", typed, None, None).map(|end| {
                (end.ssh.user.to_string(), end.address.to_string(), end.ssh.port.map(|port| *port), *end.ssh.sudo)
            })
        };
        let is = |user: &str, address: &str, port, sudo| Some((user.to_string(), address.to_string(), port, sudo));
        assert_eq!(of("192.0.2.10").ok(), is("root", "192.0.2.10", None, false));
        assert_eq!(of("admin@192.0.2.10:2222").ok(), is("admin", "192.0.2.10", Some(2222), true));
        assert_eq!(of("2001:db8::10").ok(), is("root", "2001:db8::10", None, false));
        assert_eq!(of("root@[2001:db8::10]:22").ok(), is("root", "2001:db8::10", Some(22), false));
        assert_eq!(of("[2001:db8::10]").ok(), is("root", "2001:db8::10", None, false));
        for bad in
            ["", "@192.0.2.10", "-oProxyCommand=x@192.0.2.10", "192.0.2.10:0", "192.0.2.10:ssh", "[2001:db8::1]x"]
        {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
