//! What happens at night: old loses its power, the link goes away, new loses its power. Old serves on, and `apply` goes on.

use super::{Bench, Subject, migrate, rollback};
use crate::pair::{BOOT, Pair};
use crate::replant::{self, Running};
use crate::{Fallible, net, say, witness};
use std::time::Duration;

/// How long the link is away: longer than the plan lets old's writes wait, shorter than `replant` waits.
const AWAY: Duration = Duration::from_secs(60);

pub fn in_mid_copy(bench: &mut Bench) -> Fallible<()> {
    rollback::from_connected(bench, "mishaps", all)
}

fn all(bench: &mut Bench, subject: &Subject) -> Fallible<()> {
    let pair = &subject.pair;
    witness::wait_for(&pair.dir, net::OLD_CARD, witness::now(), BOOT)?;

    // Half of a mirror is on new, and the group misses it at boot: nobody is there to help.
    let (running, _) = on_its_way(pair, migrate::to_copy(pair)?)?;
    power_of_old(bench, pair)?;

    let (mut running, (name, ..)) = on_its_way(pair, running)?;
    let since = witness::now();
    say::step("the cable of new is pulled for a minute", || {
        pair.new.cable(false)?;
        std::thread::sleep(AWAY);
        pair.new.cable(true)
    })?;
    while running.poll()?.is_none() && witness::now() < since + AWAY.as_secs_f64() + 60.0 {
        std::thread::sleep(Duration::from_secs(1));
    }
    let silence = witness::longest_silence(&witness::acks(&pair.dir), since, witness::now());
    bench.checks.figure("link lost while copying: longest silence of the service", format!("{silence:.1} s"));
    bench.checks.that(
        &format!("old served on without the link, with {name} half copied"),
        silence < 30.0,
        format_args!("{silence:.1} s without a record"),
    );
    running.wait()?.successful("apply --until copy")?;
    mirrored(bench, pair, "after that everything is mirrored")?;

    // Its arrays, its exports, its hostname are forgotten: it is a rescue system.
    let since = witness::now();
    say::step("new loses its power, and boots into rescue again", || {
        pair.new.off()?;
        pair.new.on()?;
        pair.rescue.wait(BOOT)
    })?;
    migrate::to_copy(pair)?.wait()?.successful("apply --until copy")?;
    mirrored(bench, pair, "new lost its power: everything is mirrored again")?;
    let silence = witness::longest_silence(&witness::acks(&pair.dir), since, witness::now());
    bench.checks.figure("power of new lost: longest silence of the service", format!("{silence:.1} s"));
    rollback::as_found(bench, subject)?;
    rollback::whole_records(bench, pair)
}

/// Old loses its power in the middle of a copy, and gets it back.
pub fn power_of_old(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let pulled = witness::now();
    say::step("old loses its power, and gets it back", || {
        pair.old.off()?;
        pair.old.on()
    })?;
    let serves = witness::wait_for(&pair.dir, net::OLD_CARD, witness::now(), BOOT);
    if let Ok(ack) = &serves {
        bench.checks.figure("power of old lost in mid-copy, until it serves", format!("{:.0} s", ack.at - pulled));
    }
    bench.checks.found("old boots and serves by itself", serves.map(drop));
    pair.service.wait(BOOT)
}

fn mirrored(bench: &mut Bench, pair: &Pair, what: &str) -> Fallible<()> {
    let seen = pair.service.script("lvs --noheadings -o lv_name,copy_percent vg0/root vg0/var")?;
    bench.checks.that(what, seen.matches("100.00").count() == 2, &seen);
    Ok(())
}

/// Waits for the middle of a copy. An `apply` that has given up is started again, as a person would.
fn on_its_way(pair: &Pair, mut running: Running) -> Fallible<(Running, (String, u64, u64))> {
    loop {
        match migrate::until_mid_copy(&mut running, pair) {
            Ok(seen) => return Ok((running, seen)),
            Err(error) => match running.poll()? {
                Some(0) | None => return Err(error),
                Some(code) => {
                    say::line(format_args!("  it ended with {code}, and is started again"));
                    running = migrate::to_copy(pair)?;
                }
            },
        }
    }
}
