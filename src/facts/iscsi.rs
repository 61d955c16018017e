//! iSCSI sessions of the initiator: iscsiadm(8) `-m session -P 3`. It has no machine-readable form; passwords are
//! printed as stars by it, and nothing of that part is kept.

use super::parse::{ParseError, number};
use crate::host::{Output, Query};

/// Answers [`parse_answer`].
pub fn sessions_query() -> Query {
    Query::run(["iscsiadm", "-m", "session", "-P", "3"])
}

/// iscsiadm(8), exit status: no objects found.
const NO_OBJECTS: i32 = 21;

#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Session {
    /// the target's name
    pub target: String,
    /// `10.77.0.22:3260`
    pub portal: String,
    pub sid: u64,
    /// `LOGGED IN`, `TRANSPORT WAIT`, …
    pub connection: String,
    /// `LOGGED_IN`, `FAILED`, `FREE`
    pub state: String,
    /// seconds until a command fails when the connection is lost: `node.session.timeo.replacement_timeout`
    pub recovery_timeout: Option<u64>,
    pub luns: Vec<Lun>,
}

#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Lun {
    pub lun: u64,
    /// kernel name of the disk, `sdc`; none for a controller (tgt's LUN 0)
    pub disk: Option<String>,
    /// `running`, `transport-offline`
    pub state: Option<String>,
}

/// No sessions, told by the exit code, is an answer.
pub fn parse_answer(output: &Output) -> Result<Vec<Session>, ParseError> {
    match output.code {
        0 => parse_sessions(&output.stdout),
        NO_OBJECTS => Ok(Vec::new()),
        code => Err(ParseError(format!("iscsiadm exited with {code}: {}", output.stderr.trim()))),
    }
}

pub fn parse_sessions(text: &str) -> Result<Vec<Session>, ParseError> {
    let mut sessions: Vec<Session> = Vec::new();
    let mut target = None;
    for line in text.lines() {
        let (key, value) = match line.trim().split_once(':') {
            Some((key, value)) => (key.trim(), value.trim()),
            None => continue,
        };
        match key {
            "Target" => target = value.split_whitespace().next().map(str::to_string),
            // one target has as many of these as it has sessions
            "Current Portal" => sessions.push(Session {
                target: target.clone().ok_or_else(|| ParseError::new("a portal before any target"))?,
                portal: value.split(',').next().unwrap_or_default().to_string(),
                ..Session::default()
            }),
            _ => {}
        }
        let Some(session) = sessions.last_mut() else { continue };
        match key {
            "SID" => session.sid = number("SID", value)?,
            "iSCSI Connection State" => session.connection = value.to_string(),
            "iSCSI Session State" => session.state = value.to_string(),
            "Recovery Timeout" => session.recovery_timeout = value.parse().ok(),
            _ if key.starts_with("scsi") && key.ends_with("Lun") => {
                session.luns.push(Lun { lun: number("Lun", value)?, ..Lun::default() });
            }
            _ => {
                if let (Some(disk), Some(lun)) = (key.strip_prefix("Attached scsi disk "), session.luns.last_mut()) {
                    lun.disk = disk.split_whitespace().next().map(str::to_string);
                    lun.state = Some(value.to_string()).filter(|state| !state.is_empty());
                }
            }
        }
    }
    if sessions.is_empty() && !text.trim().is_empty() {
        return Err(ParseError::new("there is no session in it"));
    }
    Ok(sessions)
}
