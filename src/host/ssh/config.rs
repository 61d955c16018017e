//! All that is to be known of servers, to talk to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::host::console::Consoles;
use crate::host::hardware::Machines;
use crate::host::local::{Confirm, PowerControl};
use crate::host::{HostError, Server, Side};
use crate::secret::Secrets;

/// Where and how to log in.
#[derive(Debug, Clone, Default)]
pub struct Remote {
    /// a name, an address, or a `Host` of `~/.ssh/config`
    pub address: String,
    /// TCP; `None`: what ssh_config(5) says, else 22
    pub port: Option<u16>,
    /// as whom to log in
    pub user: String,
    /// file of a private key; `None`: those that ssh(1) tries by itself
    pub identity: Option<PathBuf>,
    /// another, of this migration's own, which a system of this side may want
    pub own_identity: Option<PathBuf>,
    /// if the user is not root: run everything by `sudo -n`
    pub sudo: bool,
    /// what this system is called in the migration's file of host keys: two systems can share an address
    pub host_key_alias: String,
    /// `ssh-ed25519 AAAA…`; with none, the user's own known_hosts is believed about `address`
    pub host_keys: Vec<String>,
}

/// For how long to wait for what.
#[derive(Debug, Clone)]
pub struct Patience {
    /// for a connection
    pub connect: Duration,
    /// between two signs of life; after four that are missing the link is lost
    pub alive: Duration,
    /// for the answer to a batch of questions: an LVM command hangs for as long as a disk of its does
    pub look: Duration,
    /// for an act that is not long
    pub act: Duration,
    /// for a lost link to come back while following long work
    pub reconnect: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        let seconds = Duration::from_secs;
        Patience {
            connect: seconds(10),
            alive: seconds(5),
            look: seconds(120),
            act: seconds(600),
            reconnect: seconds(120),
        }
    }
}

/// All that is to be known of a migration's servers.
#[derive(Default)]
pub struct SshConfig {
    /// name and identity, of `[a-z0-9._-]`: what the migration's directory on a server is called
    pub migration: String,
    /// the migration's own file of host keys, written from [`Remote::host_keys`]
    pub known_hosts: PathBuf,
    /// the systems that can be reached
    pub remotes: BTreeMap<Side, Remote>,
    /// what the two machines are known by; with it, nothing is asked of another one, and nothing done
    pub machines: Option<Machines>,
    /// a server that is not here is switched by hand
    pub power: BTreeMap<Server, PowerControl>,
    /// how what a machine's console has shown is read
    pub consoles: Consoles,
    /// where the secrets of texts and power controls come from
    pub secrets: Secrets,
    /// asks a person to switch a machine; with none, that is an error which says what to do
    pub confirm: Option<Confirm>,
    /// how long it waits before it gives up
    pub patience: Patience,
    /// is told of every command when it has ended
    pub trace: Option<Trace>,
    /// once true, everything that waits ends with [`HostError::Interrupted`]. Nothing on a server is ended by it.
    pub stop: Option<Arc<AtomicBool>>,
}

/// A command on a server that has ended.
pub struct Traced<'a> {
    /// where it ran
    pub side: Side,
    /// of an act
    pub job: Option<&'a str>,
    /// in passing: a script in it is cut short
    pub brief: &'a str,
    /// in full, quoted for sh(1)
    pub command: &'a str,
    /// its exit code; or why none is known
    pub ended: Result<i32, &'a HostError>,
    /// of questions: of all that were asked at once
    pub took: Duration,
    /// without secrets
    pub output: &'a str,
}

/// Who is told of every command. Commands of two servers end at the same time: it is called from several threads.
pub type Trace = Arc<dyn Fn(&Traced<'_>) + Send + Sync>;
