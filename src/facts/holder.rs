//! Processes that keep file systems from becoming read-only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A process that keeps a file system from becoming read-only.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// empty where the process belongs to none
    pub unit: String,
    /// the name of the process
    pub process: String,
    /// the mount point, as the server itself sees it
    pub target: String,
    /// of a file that has been deleted or replaced; empty: it has files open for writing
    pub deleted: String,
}

/// Services that end what they have started in units of their own.
const ENGINES: &[(&str, &[&str])] = &[
    ("docker.service", &["docker-"]),
    ("podman", &["libpod-"]),
    ("containerd.service", &["cri-containerd-", "nerdctl-"]),
    ("crio.service", &["crio-"]),
    ("libvirt", &["machine-qemu", "machine-lxc"]),
    ("virt", &["machine-qemu", "machine-lxc"]),
    ("lxc", &["lxc"]),
];

impl Holder {
    /// Its unit, or what it is called itself.
    pub fn name(&self) -> &str {
        if self.unit.is_empty() { &self.process } else { &self.unit }
    }

    /// Whether it ends when these units are stopped.
    pub fn ends_with(&self, stops: &[String]) -> bool {
        let engine = |stop: &String| {
            let of = ENGINES.iter().filter(|(engine, _)| stop.starts_with(engine));
            of.flat_map(|(_, names)| *names).any(|name| self.unit.starts_with(name))
        };
        stops.iter().any(|stop| *stop == self.unit || engine(stop))
    }

    /// For people: `nginx (nginx.service) has files open for writing on /var`.
    pub fn what(&self) -> String {
        let who = match self.unit.as_str() {
            "" => format!("`{}`", self.process),
            unit => format!("`{}` of {unit}", self.process),
        };
        match self.deleted.as_str() {
            "" => format!("{who} has files open for writing on {}", self.target),
            path => format!("{who} uses {path} on {}, which has been deleted or replaced", self.target),
        }
    }
}
