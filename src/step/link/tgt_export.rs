use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side, Text};
use crate::step::{Mark, Seen, Step, Undo};

/// A block device offered over iSCSI by tgtd, to one address and with CHAP. An address *and* a name on one target would
/// mean *or* in tgt, so it is the address only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TgtExport {
    /// name of the target, an IQN: RFC 7143, section 4.2.7
    pub iqn: String,
    /// `/dev/disk/by-id/md-uuid-…`
    pub device: String,
    /// the SCSI serial number that old will recognise it by
    pub serial: String,
    /// the only address that may log in
    pub initiator_address: String,
    /// account of old
    #[serde(default)]
    pub user: String,
    /// account by which new proves itself to old
    #[serde(default)]
    pub back_user: String,
    /// targets.conf(5) with the place of the CHAP secret
    pub conf: Text,
    /// where `conf` goes, mode 0600
    pub conf_path: String,
}

/// tgtd's answer as blocks, one per target: (name, lines).
pub(crate) fn targets(show: &str) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for line in show.lines() {
        match line.strip_prefix("Target ").and_then(|rest| rest.split_once(": ")) {
            Some((_, name)) => all.push((name.trim().to_string(), Vec::new())),
            None => {
                if let Some((_, lines)) = all.last_mut() {
                    lines.push(line.trim().to_string());
                }
            }
        }
    }
    all
}

pub(crate) fn show_targets() -> Query {
    Query::run(["tgtadm", "--lld", "iscsi", "--mode", "target", "--op", "show"])
}

impl Step for TgtExport {
    fn title(&self) -> String {
        format!(
            "offer {} as {} to {} only",
            self.device.trim_start_matches("/dev/disk/by-id/"),
            self.iqn,
            self.initiator_address
        )
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let answers = on.look(
            side,
            &[
                show_targets(),
                Query::run(["readlink", "-f", &self.device]),
                Query::run(["sh", "-c", super::daemon::TGTD_RUNS]),
            ],
        )?;
        let [show, device, runs] = answers.as_slice() else { return Ok(Seen::Absent) };
        if runs.stdout.trim().is_empty() {
            return Ok(Seen::Absent);
        }
        if !show.success() {
            return Err(HostError::Unclear {
                side,
                command: "tgtadm --op show".into(),
                cause: show.stderr.trim().into(),
            });
        }
        let all = targets(&show.stdout);
        let Some((_, lines)) = all.iter().find(|(name, _)| *name == self.iqn) else { return Ok(Seen::Absent) };
        let has =
            |key: &str, value: &str| lines.iter().any(|line| line.strip_prefix(key).map(str::trim) == Some(value));
        let backed = has("Backing store path:", &self.device) || has("Backing store path:", device.stdout.trim());
        // Without it tgtd acknowledges what is in new's memory only, and old takes it for copied: targets.conf(5), bsoflags
        let flags = lines.iter().filter_map(|line| line.strip_prefix("Backing store flags:"));
        let synced = flags.flat_map(str::split_whitespace).any(|flag| flag == "sync");
        let acl: Vec<&String> = lines.iter().skip_while(|line| *line != "ACL information:").skip(1).collect();
        let accounts = lines.iter().skip_while(|line| *line != "Account information:").skip(1);
        let accounts: Vec<&String> = accounts.take_while(|line| *line != "ACL information:").collect();
        let back = format!("{} (outgoing)", self.back_user);
        let missing = if !backed {
            "its device"
        } else if !synced {
            "writes that are on disk before they are acknowledged"
        } else if !has("SCSI SN:", &self.serial) {
            "its serial number"
        } else if !accounts.iter().any(|line| **line == self.user) {
            "its account"
        } else if !accounts.iter().any(|line| **line == back) {
            "the account by which it proves itself to old"
        } else if acl.len() != 1 || *acl[0] != self.initiator_address {
            "its address list"
        } else {
            return Ok(Seen::Present);
        };
        Ok(Seen::Partial(format!("target {} lacks {missing}", self.iqn)))
    }

    fn apply(&self) -> Vec<Act> {
        vec![
            Act::Put { path: self.conf_path.clone(), text: self.conf.clone(), mode: Some(0o600) },
            // --update instead of --execute: a half-made target is made again
            Act::run(["tgt-admin", "--conf", &self.conf_path, "--update", &self.iqn, "--force"]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![
            Act::run(["tgt-admin", "--conf", &self.conf_path, "--delete", &self.iqn, "--force"]),
            Act::Remove { path: self.conf_path.clone() },
        ])
    }
}
