use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side, Text, secret_place};
use crate::step::{Mark, Seen, Step, Undo, answered};

/// A block device offered over iSCSI by the kernel's own target (LIO), through configfs: it needs no package.
/// One initiator name may log in, with CHAP, on one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LioExport {
    /// name of the target, an IQN: RFC 7143, section 4.2.7
    pub iqn: String,
    /// name of the backstore in configfs
    pub name: String,
    /// the block device that is offered: `/dev/disk/by-id/md-uuid-…`
    pub device: String,
    /// the SCSI serial number that old will recognise it by
    pub serial: String,
    /// the only address that it is offered on: `192.0.2.20:3260`
    pub portal: String,
    /// the only initiator name that may log in
    pub initiator: String,
    /// the CHAP account of old
    pub user: String,
    /// by which new proves itself to old
    #[serde(default)]
    pub back_user: String,
    /// where script and secret go on the server
    pub dir: String,
    /// what it offers to negotiate, `NAME=VALUE`: RFC 7143, section 13; the kernel's own where it says nothing
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
}

pub(crate) const EXPORT: &str = include_str!("../scripts/lio-export.sh");
pub(crate) const WITHDRAW: &str = include_str!("../scripts/lio-withdraw.sh");

/// Prints what stands in configfs for one export, one fact a line; nothing where there is none.
pub(crate) const LIO_STATE: &str = r#"c=/sys/kernel/config/target
b=$c/core/iblock_0/$2; t=$c/iscsi/$1/tpgt_1
[ ! -e "$b" ] || { echo "backstore $(cat "$b/enable") $(sed 's/.*: //' "$b/wwn/vpd_unit_serial") $(cat "$b/udev_path")"; }
[ ! -e "$t" ] || { echo "target $(cat "$t/enable")"; for a in "$t"/acls/*; do [ ! -e "$a" ] || echo "acl ${a##*/}
back $(cat "$a/auth/userid_mutual")"; done; ls "$t/np" | sed 's/^/portal /'; ls "$t/lun" | sed 's/^/lun /'; }"#;

impl Step for LioExport {
    fn title(&self) -> String {
        format!(
            "offer {} as {} to {} only",
            self.device.trim_start_matches("/dev/disk/by-id/"),
            self.iqn,
            self.initiator
        )
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let state = answered(on, side, Query::run(["sh", "-c", LIO_STATE, "sh", &self.iqn, &self.name]))?;
        let lines: Vec<&str> = state.stdout.lines().collect();
        if lines.is_empty() {
            return Ok(Seen::Absent);
        }
        let wanted = [
            format!("backstore 1 {} {}", self.serial, self.device),
            "target 1".into(),
            format!("acl {}", self.initiator),
            format!("back {}", self.back_user),
            format!("portal {}", self.portal),
            "lun lun_0".into(),
        ];
        let extra = lines.iter().find(|line| line.starts_with("acl ") && **line != wanted[2]);
        if let Some(extra) = extra {
            return Ok(Seen::Foreign(format!("target {} also has {extra}", self.iqn)));
        }
        Ok(match wanted.iter().find(|line| !lines.contains(&line.as_str())) {
            None => Seen::Present,
            Some(missing) => Seen::Partial(format!("target {} lacks `{missing}`", self.iqn)),
        })
    }

    fn apply(&self) -> Vec<Act> {
        let script = format!("{}/lio-export.sh", self.dir);
        let secret = format!("{}/lio-chap", self.dir);
        let back = format!("{}/lio-chap-back", self.dir);
        vec![
            Act::put(&script, EXPORT, 0o700),
            Act::Put { path: secret.clone(), text: Text(secret_place("chap")), mode: Some(0o600) },
            Act::Put { path: back.clone(), text: Text(secret_place("chap-back")), mode: Some(0o600) },
            Act::run(
                [
                    "sh",
                    &script,
                    &self.iqn,
                    &self.name,
                    &self.device,
                    &self.serial,
                    &self.portal,
                    &self.initiator,
                    &self.user,
                    &secret,
                    &self.back_user,
                    &back,
                ]
                .into_iter()
                .chain(self.parameters.iter().map(String::as_str)),
            ),
            Act::Remove { path: secret },
            Act::Remove { path: back },
        ]
    }

    fn undo(&self) -> Undo {
        let script = format!("{}/lio-withdraw.sh", self.dir);
        Undo::Acts(vec![Act::put(&script, WITHDRAW, 0o700), Act::run(["sh", &script, &self.iqn, &self.name])])
    }
}
