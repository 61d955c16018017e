use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::line::now;

/// Who is at work, for the one who has to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// login name
    pub user: String,
    /// of the machine on which replant runs
    pub host: String,
    /// process, on that machine
    pub pid: u32,
    /// when the lock was taken
    pub since: Timestamp,
}

impl Who {
    /// This process.
    pub fn me() -> Who {
        use std::os::unix::fs::MetadataExt;
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let user = variable("USER")
            .or_else(|| variable("LOGNAME"))
            .or_else(|| std::fs::metadata("/proc/self").ok().map(|me| format!("uid {}", me.uid())))
            .unwrap_or_else(|| "somebody".into());
        let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .map(|name| name.trim().to_owned())
            .or_else(|| variable("HOSTNAME"))
            .unwrap_or_else(|| "this machine".into());
        Who { user, host, pid: std::process::id(), since: now() }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{} (process {}, since {})", self.user, self.host, self.pid, self.since)
    }
}
