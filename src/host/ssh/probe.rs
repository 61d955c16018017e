//! How fast old can send to new, and whether it can at all: tried out for a moment, from memory to memory. It opens a port
//! on new, so it is no question; it changes nothing on either server, so it is no act.

use super::SshHosts;
use crate::host::{HostError, Output, Side};

/// What is run there: perl is part of every Debian, and of the rescue systems made from it.
const LISTEN: &str = include_str!("probe-listen.pl");
const SEND: &str = include_str!("probe-send.pl");

/// At most 3 s and 256 MiB, from old to a port of new.
#[derive(Debug, Clone)]
pub struct Probe {
    /// of new, as old reaches it
    pub address: std::net::IpAddr,
    /// TCP port on which new listens for that moment
    pub port: u16,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq)]
pub enum Probed {
    /// bytes per second
    Rate(u64),
    /// new listened, and old could not connect: why
    Blocked(String),
    /// why nothing is known
    Unknown(String),
}

impl SshHosts {
    /// Carries it out: new listens, old sends.
    ///
    /// # Errors
    /// A server that does not answer. All that can be wrong on the servers themselves is [`Probed::Unknown`].
    pub fn probe(&self, probe: &Probe) -> Result<Probed, HostError> {
        let word = uuid::Uuid::new_v4().simple().to_string();
        let run = |side, script: &str| {
            let words = ["perl", "-e", script, "--", &probe.address.to_string(), &probe.port.to_string(), &word];
            let argv = words.map(str::to_string);
            self.ask_all(side, &[&argv]).map(|mut all| all.remove(0))
        };
        std::thread::scope(|scope| {
            let sent = scope.spawn(|| run(Side::Old, SEND));
            let heard = run(Side::New, LISTEN);
            let sent = sent.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok(judge(&heard?, &sent?))
        })
    }
}

fn judge(heard: &Output, sent: &Output) -> Probed {
    for (side, output) in [(Side::New, heard), (Side::Old, sent)] {
        match output.code {
            0 => {}
            126 | 127 => return Probed::Unknown(format!("{side} has no perl")),
            code => {
                let said = output.stderr.lines().next().unwrap_or("no reason given");
                return Probed::Unknown(format!("the probe failed on {side} with exit code {code}: {said}"));
            }
        }
    }
    if let Some(why) = sent.stdout.trim().strip_prefix("blocked ") {
        return Probed::Blocked(why.into());
    }
    let numbers = heard.stdout.trim().split_once(' ');
    match numbers.and_then(|(bytes, took)| Some((bytes.parse::<f64>().ok()?, took.parse::<f64>().ok()?))) {
        Some((bytes, took)) if bytes > 0.0 => Probed::Rate((bytes / took) as u64),
        _ => Probed::Unknown("old reached something else at that port, or the connection broke".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_ends_say() {
        let said =
            |code, stdout: &str| Output { code, stdout: stdout.into(), stderr: "Address already in use\n".into() };
        assert_eq!(judge(&said(0, "268435456 2.00\n"), &said(0, "sent\n")), Probed::Rate(134_217_728));
        let blocked = judge(&said(0, "nobody\n"), &said(0, "blocked Connection timed out\n"));
        assert_eq!(blocked, Probed::Blocked("Connection timed out".into()));
        // who is not listened to cannot be said to be blocked
        let refused = said(0, "blocked Connection refused\n");
        for (heard, sent, says) in [
            (said(98, ""), &refused, "Address already in use"),
            (said(127, ""), &refused, "no perl"),
            (said(0, "nobody\n"), &said(0, "other\n"), "something else"),
            (said(0, "0 0.01\n"), &said(0, "sent\n"), "connection broke"),
        ] {
            let Probed::Unknown(why) = judge(&heard, sent) else { panic!("{heard:?}") };
            assert!(why.contains(says), "{why}");
        }
    }
}
