//! The way back.

use super::{Bench, Subject, Ways, migrate, migrated};
use crate::pair::{BOOT, Pair};
use crate::{Fallible, net, picture, replant, say, witness};

/// New has served; it is given up, and old serves again as if nothing had been.
pub fn after_cutover(bench: &mut Bench) -> Fallible<()> {
    let subject = match bench.pair.take() {
        Some(subject) if subject.migrated && subject.pair.new.is_on() => subject,
        other => {
            bench.pair = other;
            migrate::quickly(bench)?
        }
    };
    let outcome = back_to_old(bench, &subject, replant::unattended);
    bench.pair = Some(Subject { migrated: false, ..subject });
    outcome
}

pub fn back_to_old(
    bench: &mut Bench,
    subject: &Subject,
    runs: fn(&Pair, &[&str]) -> Fallible<replant::Ended>,
) -> Fallible<()> {
    let pair = &subject.pair;
    let since = witness::now();
    let ended = runs(pair, &["rollback", "srv1"])?;
    bench.checks.figure("rollback after the cutover", format!("{:.0} s", ended.took.as_secs_f64()));
    bench.checks.that("new is switched off", !pair.new.is_on(), "it is on");
    bench.checks.that("old is switched on", pair.old.is_on(), "it is off");
    bench
        .checks
        .found("old acknowledges records again", witness::wait_for(&pair.dir, net::OLD_CARD, since, BOOT).map(drop));
    pair.service.wait(BOOT)?;
    bench.checks.same("old's host key", &migrated::host_key(pair)?, &pair.images().host_key("old")?);
    let now = say::step("a picture of old", || picture::of_old(&pair.service))?;
    let names = [
        "hostname",
        "volumes",
        "volume groups",
        "physical volumes",
        "LVM metadata",
        "mounts",
        "swaps",
        "units failed",
        "iSCSI sessions",
    ];
    bench.checks.none(
        "old's volumes, metadata, mounts and services are as before the migration",
        &subject.old_before.differences(&now, &names),
    );
    whole_records(bench, pair)
}

pub fn whole_records(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let verdict = pair.service.attempt(
        "systemctl stop rec; witness verify /var/lib/rec/stream; code=$?; systemctl start rec; exit $code",
        BOOT,
    )?;
    bench.checks.that("old's records are whole and in order", verdict.code == 0, verdict.stdout);
    Ok(())
}

/// A pair of which `prepare` and `connect` are done: from the checkpoint of a scenario before this one, or anew.
fn connected(bench: &mut Bench, name: &str) -> Fallible<Subject> {
    match bench.pair.take() {
        Some(subject) if subject.checkpoint => {
            subject.pair.restore_checkpoint("connected")?;
            Ok(subject)
        }
        other => {
            bench.pair = other;
            let mut subject = bench.fresh(name, "full", "tgt", Ways::Article)?;
            migrate::plan_and_connect(bench, &mut subject)?;
            Ok(subject)
        }
    }
}

/// A scenario on such a pair, which is not migrated after it.
pub fn from_connected(
    bench: &mut Bench,
    name: &str,
    run: impl FnOnce(&mut Bench, &Subject) -> Fallible<()>,
) -> Fallible<()> {
    let subject = connected(bench, name)?;
    let outcome = run(bench, &subject);
    bench.pair = Some(Subject { migrated: false, ..subject });
    outcome
}

/// Ctrl-C in the middle of the copy, then back.
pub fn mid_copy(bench: &mut Bench) -> Fallible<()> {
    from_connected(bench, "rollback-mid-copy", interrupted)
}

fn interrupted(bench: &mut Bench, subject: &Subject) -> Fallible<()> {
    let pair = &subject.pair;
    let plan = pair.plan().display().to_string();
    let since = witness::wait_for(&pair.dir, net::OLD_CARD, witness::now(), BOOT)?.at;
    let mut running = replant::start(pair, &["apply", &plan, "--yes", "--no-input"])?;
    migrate::until_mid_copy(&mut running, pair)?;
    running.signal("INT")?;
    let ended = running.wait()?;
    bench.checks.same("an interrupted apply exits with 130", &ended.code.to_string(), "130");
    other_hands(bench, pair)?;
    as_found(bench, subject)?;
    let silence = witness::longest_silence(&witness::acks(&pair.dir), since, witness::now());
    bench.checks.that("the service never stopped", silence < 15.0, format_args!("{silence:.1} s without a record"));
    bench.checks.figure("longest silence from apply to the end of the rollback", format!("{silence:.1} s"));
    Ok(())
}

/// What somebody else changes meanwhile is told from what the migration has changed.
fn other_hands(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    const BY_OTHERS: &str = "not by this migration";
    let status = || -> Fallible<String> { Ok(replant::succeed(pair, &["status", "srv1"])?.output) };
    let told = status()?;
    bench.checks.that("status: only this migration has changed the servers", !told.contains(BY_OTHERS), told);
    pair.service.script("cp -p /etc/fstab /run/kept; echo '# by hand' >>/etc/fstab")?;
    let told = status()?;
    let named = told.split_once(BY_OTHERS).is_some_and(|(_, list)| list.contains("/etc/fstab"));
    bench.checks.that("status: a file that somebody else has changed is named", named, told);
    pair.service.script("cp -p /run/kept /etc/fstab; rm /run/kept")?;
    Ok(())
}

/// Back before the cutover: everything that is ours is gone, and nothing else has changed.
pub fn as_found(bench: &mut Bench, subject: &Subject) -> Fallible<()> {
    let pair = &subject.pair;
    let ended = replant::succeed(pair, &["rollback", "srv1", "--yes", "--no-input"])?;
    bench.checks.figure("rollback before the cutover", format!("{:.0} s", ended.took.as_secs_f64()));
    let (old, new) = say::step("a picture of both servers", || {
        Ok((picture::of_old(&pair.service)?, picture::of_new(&pair.rescue)?))
    })?;
    bench.checks.none("old is as it was found", &subject.old_before.differences(&old, &[]));
    bench.checks.none("new is as it was found", &subject.new_before.differences(&new, &[]));
    Ok(())
}

/// Whoever changes their mind in the worst moment, twice: new's half of the group is cut off and old has logged out.
pub fn back_and_forth(bench: &mut Bench) -> Fallible<()> {
    from_connected(bench, "back-and-forth", killed_behind_the_cut)
}

fn killed_behind_the_cut(bench: &mut Bench, subject: &Subject) -> Fallible<()> {
    let pair = &subject.pair;
    let plan = pair.plan().display().to_string();
    let answers = ["--yes", "--no-input"];
    let apply = ["apply", &plan].into_iter().chain(answers);
    let mut running = replant::start(pair, &apply.clone().collect::<Vec<_>>())?;
    running.until("the logout behind the cut", || Ok(replant::recorded(pair, "logout-md1", "done").then_some(())))?;
    running.signal("KILL")?;
    running.wait()?;
    let mut running = replant::start(pair, &["rollback", "srv1", "--yes", "--no-input"])?;
    let undone = || Ok(replant::recorded(pair, "split-vg0", "undone").then_some(()));
    running.until("the group is one again, or counts as such", undone)?;
    running.signal("KILL")?;
    running.wait()?;
    replant::succeed(pair, &apply.chain(["--until", "copy"]).collect::<Vec<_>>())?;
    let mirrored = pair.service.script("lvs --noheadings -o segtype vg0/root vg0/var")?;
    bench.checks.same("mirrored again", &mirrored.split_whitespace().collect::<Vec<_>>().join(" "), "mirror mirror");
    as_found(bench, subject)?;
    whole_records(bench, pair)
}
