//! A machine that did not come up: what its console has shown, and how it comes back to where a person can go on.

use std::fmt::Write;

use crate::course::{Runbook, power_control};
use crate::engine::{Reason, Silent, Stopped};
use crate::host::local::PowerControl;
use crate::host::ssh::quote;
use crate::host::{PowerTo, Server};
use crate::journal::State;
use crate::step::StepKind;

/// Nothing, where no machine was waited for.
pub(super) fn did_not_come_up(stopped: &Stopped, runbook: &Runbook, state: &State) -> String {
    let Some(silent) = &stopped.silent else { return String::new() };
    let mut text = console(silent, matches!(stopped.reason, Reason::Link(_)));
    let begun =
        |kind: fn(&StepKind) -> bool| runbook.nodes.iter().any(|node| kind(&node.step) && state.ours(&node.id));
    let in_hold =
        begun(|step| matches!(step, StepKind::IntoHold(_))) && !begun(|step| matches!(step, StepKind::OldOff(_)));
    if silent.server == Server::New && in_hold && !state.rehearsing() {
        text += &into_rescue(stopped, runbook);
    }
    text
}

/// Where a link was lost it may be anything, and a console that nobody can read is no answer.
fn console(Silent { server, console }: &Silent, link: bool) -> String {
    match console {
        Some(Ok(lines)) => {
            let lines = lines.lines().map(|line| format!("    {line}\n"));
            format!("  the last lines of {server}'s console:\n{}", lines.collect::<String>())
        }
        Some(Err(why)) => format!("  {server}'s console cannot be read: {}\n", why.trim()),
        None if link => String::new(),
        None => format!(
            "  {server}'s console may tell why; with `console: [...]` in `power` of {server} its last lines are shown here\n"
        ),
    }
}

/// New was to wait in its own initramfs. As long as old serves, new's rescue system is all that either way takes.
fn into_rescue(stopped: &Stopped, runbook: &Runbook) -> String {
    let mut text = String::from("  help: nothing is lost, and old serves on. ");
    if matches!(stopped.reason, Reason::Gone(_)) {
        text += "If new's rescue system answers: see in its firmware that its own disks come first\n";
    } else {
        let _ = writeln!(text, "Boot new's rescue system again: {}", again(runbook));
    }
    text += "        From there `apply` has new boot from its own disks once more; `rollback` leaves both servers as they were found,\n\
             \x20       and an `apply` after it prepares new from the beginning. A rescue system with another host key by then:\n\
             \x20       `--new-host-key 'ssh-ed25519 AAAA...'`\n";
    text
}

/// How the rescue system is booted again, as far as the power control tells.
fn again(runbook: &Runbook) -> String {
    let control = power_control(&runbook.plan, Server::New);
    let off_on = || {
        let both = [PowerTo::Off, PowerTo::On].map(|to| control.switching(to)).concat();
        both.iter().map(|argv| format!("`{}`", quote(argv))).collect::<Vec<_>>().join(", ")
    };
    match &control {
        PowerControl::Manual => "switch it off, choose that it boots from its rescue system, switch it on".into(),
        PowerControl::Command { boot_disk: Some(boot_disk), .. } => {
            format!("take back what `{}` has set, then {}", quote(boot_disk), off_on())
        }
        PowerControl::Command { .. } => format!("choose that it boots from it, then {}", off_on()),
        PowerControl::Ipmi { host, user, .. } => format!(
            "`ipmitool -I lanplus -H {host} -U {user} -a chassis bootdev pxe`, or `cdrom`, by where it comes from; then {}",
            off_on().replace(" -E ", " -a ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU8;

    use super::super::{Next, stopped};
    use crate::course;
    use crate::engine::{self, Options};
    use crate::facts;
    use crate::journal::{Header, Journal};
    use crate::plan::{self, Method, NewBoot, Plan};
    use crate::sim::{Patient, Sim, World};

    /// What is said of the lab's pair where new does not come into its hold.
    fn told(plan: impl FnOnce(&mut Plan), world: impl FnOnce(&mut World)) -> String {
        let mut loaded = plan::load("plans/lab.yaml".as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
        (loaded.plan.copy.method, loaded.plan.new.boot) = (Some(Method::Below.into()), Some(NewBoot::Held.into()));
        plan(&mut loaded.plan);
        let sim = Sim::from_plan(&loaded.plan, None);
        let facts = facts::both(&sim).unwrap();
        let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap_or_else(|found| panic!("{found:#?}"));
        sim.change(world);
        let mut journal = Journal::nowhere(Header::new("srv1", ""));
        let (level, clock) = (AtomicU8::new(0), Patient::default());
        let options = Options { clock: &clock, ..Options::new(&level) };
        let result = engine::apply(&book.nodes, &mut journal, &sim, &options, &|_| {});
        let next = Next { go_on: "replant apply srv1.yaml".into(), go_back: "replant rollback srv1".into() };
        let why = result.expect_err("new does not come into its hold");
        assert!(!why.may_mend(), "it would be tried again and again before anybody hears of it");
        stopped(&why, &book, journal.state(), &next)
    }

    fn has(text: &str, all: &[&str]) {
        for part in all {
            assert!(text.contains(part), "no `{part}` in {text}");
        }
    }

    #[test]
    fn a_hold_that_does_not_answer_says_why_and_what_to_do() {
        let stuck = |world: &mut World| world.stuck = Some("replant: eth0 has no link".into());
        let text = told(|_| {}, stuck);
        has(
            &text,
            &[
                "s nothing has changed: waiting for it to boot\n",
                "  new's console may tell why; with `console: [...]` in `power` of new",
                "nothing is lost, and old serves on. Boot new's rescue system again: take back what \
                 `./power new boot-disk` has set, then `./power new off`, `./power new on`\n",
                "\nTo resume:  replant apply srv1.yaml\nTo go back: replant rollback srv1",
            ],
        );
        let console = |plan: &mut Plan| match &mut plan.new.power {
            plan::Power::Command { console, .. } => *console = Some(vec!["./console".to_string().into()]),
            other => panic!("{other:?}"),
        };
        let text = told(console, stuck);
        has(&text, &["  the last lines of new's console:\n", "    replant: eth0 has no link\n"]);
        assert!(!text.contains("may tell why"), "{text}");
        let text = told(console, |world| {
            stuck(world);
            world.console_fails = true;
        });
        has(&text, &["  new's console cannot be read: `./console` failed"]);
    }

    #[test]
    fn new_that_boots_its_rescue_system_again_says_so() {
        let text = told(|_| {}, |world| world.rescue_first = true);
        has(
            &text,
            &[
                "error: new was to boot from its own disks, and is where it was before: its rescue system answers",
                "see in its firmware that its own disks come first\n",
            ],
        );
        assert!(!text.contains("Boot new's rescue system again"), "it is there: {text}");
    }

    #[test]
    fn where_a_bmc_switches_it_is_the_bmc_that_is_told() {
        let bmc = |plan: &mut Plan| {
            plan.new.power = plan::Power::Ipmi {
                host: "192.0.2.110".to_string().into(),
                user: "ADMIN".to_string().into(),
                password: plan::Secret::Env("BMC".into()).into(),
                console: None,
            };
        };
        let text = told(bmc, |world| world.stuck = Some("grub rescue>".into()));
        has(
            &text,
            &[
                "`ipmitool -I lanplus -H 192.0.2.110 -U ADMIN -a chassis bootdev pxe`, or `cdrom`",
                "-a chassis power off`",
            ],
        );
        assert!(!text.contains(" -E "), "its password is in replant's environment, not in theirs: {text}");
    }
}
