//! New boots what was copied, cut off from the network, and holds again: once killed and reset by hand, once as it should be, and
//! then the migration to its end.

use std::time::Duration;

use super::held::in_hold;
use super::migrate::{finish, plan_and_connect};
use super::{Bench, Subject, Ways};
use crate::pair::{BOOT, Pair};
use crate::shell::run;
use crate::{Fallible, fail, net, recipe, replant, say, witness};

pub fn all(bench: &mut Bench) -> Fallible<()> {
    let mut subject = bench.fresh("rehearsal", "full", "lio", Ways::Default)?;
    let outcome = scenes(bench, &mut subject);
    bench.pair = Some(subject);
    outcome
}

fn scenes(bench: &mut Bench, subject: &mut Subject) -> Fallible<()> {
    let plan = subject.pair.plan().display().to_string();
    plan_and_connect(bench, subject)?;
    replant::succeed(&subject.pair, &["apply", &plan, "--yes", "--no-input", "--until", "copy"])?;
    let since = witness::now();
    whole(bench, &subject.pair, &plan)?;
    killed(bench, &subject.pair, &plan)?;
    unseen(bench, &subject.pair, since)?;
    finish(bench, subject, "md")
}

/// From its beginning to its end.
fn whole(bench: &mut Bench, pair: &Pair, plan: &str) -> Fallible<()> {
    let ended = replant::attempt(pair, &["rehearse", plan])?;
    bench.checks.same("the copied system comes up with all that old has", &ended.code.to_string(), "0");
    let untouched = ended.output.contains("Nothing was written to new's volumes");
    bench.checks.that("nothing was written to new's volumes", untouched, &ended.output);
    bench
        .checks
        .figure("a rehearsal, from the command to copies in sync", format!("{:.0} s", ended.took.as_secs_f64()));
    let seen: serde_json::Value =
        serde_json::from_str(&fs_err::read_to_string(pair.dir.join(".replant/srv1/rehearsal.json"))?)?;
    bench.checks.figure("rehearsed: all was started after", format!("{} s", seen["seconds"]));
    bench.checks.figure("rehearsed: units", seen["units"].to_string());
    Ok(())
}

/// Killed while it is on, and new loses its power: what stands on its disks is what it was, and the next apply goes on.
fn killed(bench: &mut Bench, pair: &Pair, plan: &str) -> Fallible<()> {
    let report = pair.dir.join(".replant/srv1/rehearsal.json");
    fs_err::remove_file(&report)?;
    let mut running = replant::start(pair, &["rehearse", plan])?;
    running.until("the rehearsed system", || {
        let inside = "nsenter --target 1 --mount --root -- systemctl is-active rec.service";
        Ok(in_hold(pair, inside).is_ok_and(|state| state == "active").then_some(()))
    })?;
    running.signal("KILL")?;
    running.wait()?;
    let own = in_hold(pair, "nsenter --target 1 --mount --root --net -- ip -brief address show up")?;
    bench.checks.that("the rehearsed system has old's address", own.contains(net::OLD), &own);
    // what the rehearsed system writes to files of its own: on snapshots
    in_hold(
        pair,
        "nsenter --target 1 --mount --root -- sh -c 'echo x >/root/rehearsed; echo x >/var/rehearsed; sync'",
    )?;
    let sums = |prefix: &str| {
        let script = format!(
            "for v in root var; do blockdev --flushbufs /dev/mapper/{prefix}vg0-$v; \
             echo $v $(dd if=/dev/mapper/{prefix}vg0-$v bs=1M count={} 2>/dev/null | md5sum | cut -d' ' -f1); done",
            // all that was copied of the larger one; the rest of new's volumes is empty
            recipe::ROOT_MIB
        );
        in_hold(pair, &script)
    };
    let during = sums("replant-base-")?;
    say::step("new: reset, and into its hold again", || {
        pair.new.off()?;
        pair.new.on()?;
        let began = witness::now();
        while !in_hold(pair, "[ ! -p /run/replant/go ] || echo holds").is_ok_and(|answer| answer == "holds") {
            if witness::now() - began > BOOT.as_secs_f64() {
                fail!("new does not hold again");
            }
            std::thread::sleep(Duration::from_secs(2));
        }
        Ok(())
    })?;
    bench.checks.same("what is on new's volumes is what it was", &sums("")?, &during);
    let ended = replant::succeed(pair, &["apply", plan, "--yes", "--no-input", "--until", "copy"])?;
    bench.checks.figure("after a power cut in it, to copies in sync", format!("{:.0} s", ended.took.as_secs_f64()));
    Ok(())
}

/// Nothing of it reaches the network, and old serves all the time.
fn unseen(bench: &mut Bench, pair: &Pair, since: f64) -> Fallible<()> {
    let acks = witness::acks(&pair.dir);
    let from_new = acks.iter().filter(|ack| ack.card == net::NEW_CARD).count();
    bench.checks.same("no record came from new", &from_new.to_string(), "0");
    let neighbour = run(&["ip", "-n", &pair.namespace, "neigh", "show", net::OLD])?;
    bench.checks.that("old's address is old's card", neighbour.contains(net::OLD_CARD), &neighbour);
    let silence = witness::longest_silence(&acks, since, witness::now());
    bench.checks.that("old served all the time", silence < 10.0, format_args!("{silence:.1} s of silence"));
    bench.checks.figure("longest silence of the service while rehearsing", format!("{silence:.1} s"));
    Ok(())
}
