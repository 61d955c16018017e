//! Every command that has ended, for whoever wants to know.

use std::time::Duration;

use super::{SshHosts, Traced, brief, quote};
use crate::host::{Act, HostError, Output, Side};

impl SshHosts {
    pub(super) fn trace_looks(
        &self,
        side: Side,
        commands: &[&[String]],
        asked: &Result<Vec<Output>, HostError>,
        took: Duration,
    ) {
        let Some(trace) = &self.trace else { return };
        for (at, argv) in commands.iter().enumerate() {
            let (ended, output) = match asked {
                Ok(all) => (Ok(all[at].code), format!("{}{}", all[at].stdout, all[at].stderr)),
                Err(error) => (Err(error), String::new()),
            };
            let (brief, command) = (brief(argv), quote(argv));
            trace(&Traced { side, job: None, brief: &brief, command: &command, ended, took, output: &output });
        }
    }

    pub(super) fn trace_act(
        &self,
        side: Side,
        job: &str,
        act: &Act,
        acted: &Result<String, HostError>,
        took: Duration,
    ) {
        let Some(trace) = &self.trace else { return };
        let (brief, command) = match act {
            Act::Run { argv, .. } => (brief(argv), quote(argv)),
            Act::Put { path, .. } => (format!("write {path}"), format!("write {path}")),
            Act::Remove { path } => (format!("rm -f {path}"), format!("rm -f {path}")),
            Act::Power { server, to, .. } => (format!("power {server} {to:?}"), format!("power {server} {to:?}")),
        };
        let (ended, output) = match acted {
            Ok(output) => (Ok(0), output.as_str()),
            Err(HostError::Failed { code, output, .. }) => (Ok(*code), output.as_str()),
            Err(error) => (Err(error), ""),
        };
        let (brief, command) = (self.secrets.scrub(&brief), self.secrets.scrub(&command));
        trace(&Traced { side, job: Some(job), brief: &brief, command: &command, ended, took, output });
    }
}
