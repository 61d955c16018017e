//! From what a plan says of a server's power to what switches it.

use std::time::Duration;

use crate::host::Server;
use crate::host::console::Consoles;
use crate::host::local::PowerControl;
use crate::plan::{At, Plan, Power};

/// What switches a server. A password is a secret's name: [`power_secret`].
pub(crate) fn power_control(plan: &Plan, server: Server) -> PowerControl {
    let words = |words: &[At<String>]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
    match said(plan, server) {
        Power::Manual { .. } => PowerControl::Manual,
        Power::Command { status, on, off, boot_disk, timeout, .. } => PowerControl::Command {
            status: words(status),
            on: words(on),
            off: words(off),
            boot_disk: boot_disk.as_deref().map(words),
            timeout: Duration::from_secs(timeout.as_ref().map_or(60, |timeout| timeout.as_secs())),
        },
        Power::Ipmi { host, user, .. } => {
            PowerControl::Ipmi { host: host.to_string(), user: user.to_string(), password: power_secret(server) }
        }
    }
}

/// How what each server's console has shown is read, where the plan says so.
pub(crate) fn consoles(plan: &Plan) -> Consoles {
    let words = |words: &Vec<At<String>>| words.iter().map(|word| word.to_string()).collect();
    let of = |server| Some((server, said(plan, server).console().map(words)?));
    [Server::Old, Server::New].into_iter().filter_map(of).collect()
}

pub(crate) fn power_secret(server: Server) -> String {
    format!("power-{server}")
}

fn said(plan: &Plan, server: Server) -> &Power {
    match server {
        Server::Old => &plan.old.power,
        Server::New => &plan.new.power,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::PowerTo;

    #[test]
    fn a_password_is_in_no_command() {
        let control =
            PowerControl::Ipmi { host: "192.0.2.110".into(), user: "ADMIN".into(), password: "power-old".into() };
        let commands: Vec<String> = control.switching(PowerTo::OwnDisks).iter().map(|argv| argv.join(" ")).collect();
        let tool = "ipmitool -I lanplus -H 192.0.2.110 -U ADMIN -E chassis";
        assert_eq!(
            commands,
            ["power off", "bootdev disk options=persistent", "power on"].map(|words| format!("{tool} {words}"))
        );
        assert!(PowerControl::Manual.switching(PowerTo::Off).is_empty());
    }
}
