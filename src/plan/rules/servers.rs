//! Rules about the two servers.

use super::Found;
use crate::plan::diagnostics::Diagnostic;
use crate::plan::source::At;
use crate::plan::{Plan, Power, Secret, codes};

pub(super) fn two_servers_at_one_address(plan: &Plan, found: &mut Found) {
    let old = &plan.old.address;
    let storage = plan.transfer.iscsi.address.as_ref();
    for new in [Some(&plan.new.address), storage].into_iter().flatten() {
        if new == old {
            found.push(
                Diagnostic::error(codes::SAME_ADDRESS, format!("old and new have the same address `{new}`"))
                    .on(new, "new cannot be reached here")
                    .and(old, "this is old")
                    .help("in the rescue system new needs an address of its own; it takes over old's at the cutover"),
            );
        }
    }
    for address in [Some(old), Some(&plan.new.address), storage].into_iter().flatten() {
        if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
            let diagnostic =
                Diagnostic::error(codes::SAME_ADDRESS, format!("`{address}` is not the address of a server"));
            found.push(diagnostic.on(address, "not a server").help("write the address at which SSH answers"));
        }
    }
}

pub(super) fn commands_without_a_program(plan: &Plan, found: &mut Found) {
    for (server, power) in [("old", &plan.old.power), ("new", &plan.new.power)] {
        for (name, argv) in commands_of(power) {
            let Some(program) = argv.first().filter(|program| program.trim().is_empty()) else { continue };
            let message = format!("the `{name}` command of `{server}` has no program");
            found.push(
                Diagnostic::error(codes::EMPTY_COMMAND, message)
                    .on(program, "empty")
                    .help("the first word is the program to run"),
            );
        }
        for (_, argv) in commands_of(power) {
            // One word with spaces is a shell line, and no shell reads it.
            let [program] = argv.as_slice() else { continue };
            if program.trim().contains(' ') {
                let words: Vec<_> = program.split_whitespace().collect();
                let diagnostic =
                    Diagnostic::warning(codes::EMPTY_COMMAND, format!("`{program}` is taken for one word"));
                found.push(diagnostic.on(program, "one word").help(format!("write `[{}]`", words.join(", "))));
            }
        }
    }
}

fn commands_of(power: &Power) -> Vec<(&'static str, &Vec<At<String>>)> {
    let switch = match power {
        Power::Command { status, on, off, boot_disk, .. } => {
            [("status", Some(status)), ("on", Some(on)), ("off", Some(off)), ("boot_disk", boot_disk.as_ref())]
        }
        Power::Manual { .. } | Power::Ipmi { .. } => Default::default(),
    };
    let all = switch.into_iter().chain([("console", power.console())]);
    all.filter_map(|(name, argv)| Some((name, argv?))).collect()
}

pub(super) fn secrets_of_the_wrong_kind(plan: &Plan, found: &mut Found) {
    let mut secrets: Vec<&At<Secret>> = vec![&plan.transfer.iscsi.chap.secret];
    for power in [&plan.old.power, &plan.new.power] {
        let Power::Ipmi { password, .. } = power else { continue };
        secrets.push(password);
        if **password == Secret::Generated {
            let diagnostic = Diagnostic::error(codes::SECRET_KIND, "the password of a BMC cannot be generated");
            found.push(
                diagnostic
                    .on(password, "the BMC has one already")
                    .help("write where it is: `{ env: NAME }` or `{ file: PATH }`"),
            );
        }
    }
    for secret in secrets {
        let (what, help) = match &**secret {
            Secret::Env(name) if !is_variable(name) => (
                "this is not the name of an environment variable",
                "letters, digits and `_`: `{ env: BMC_PASSWORD }`",
            ),
            Secret::File(path) if path.as_os_str().is_empty() => {
                ("the file of the secret has no name", "write its path: `{ file: /root/bmc-password }`")
            }
            _ => continue,
        };
        found.push(Diagnostic::error(codes::SECRET_KIND, what).on(secret, "here").help(help));
    }
}

fn is_variable(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn sudo_and_root(plan: &Plan, found: &mut Found) {
    for ssh in [&plan.old.ssh, &plan.new.ssh] {
        match (ssh.user.as_str(), *ssh.sudo) {
            ("root", true) => found.push(
                Diagnostic::warning(codes::SUDO, "`root` needs no sudo")
                    .on(&ssh.sudo, "remove it")
                    .help("a rescue system often has no sudo at all"),
            ),
            ("root", false) | (_, true) => {}
            (user, false) => found.push(
                Diagnostic::warning(codes::SUDO, format!("`{user}` is probably not root"))
                    .on(&ssh.user, "everything is run as this user")
                    .help("add `sudo: true`, which runs every command through `sudo -n`"),
            ),
        }
    }
}
