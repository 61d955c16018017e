//! The way that is taken where the plan leaves it open: new waits in its own initramfs, and the copy lies below LVM.

use super::{Bench, Subject, Ways, migrate, migrated, mishaps, rollback};
use crate::pair::{BOOT, Pair};
use crate::shell::run;
use crate::{Fallible, fail, net, replant, say, witness};
use std::time::{Duration, Instant};

/// From beginning to end: what old boots with is not touched, and the downtime is held against a plain reboot of the same
/// machine.
pub fn whole(bench: &mut Bench) -> Fallible<()> {
    let mut subject = bench.fresh("held", "full", "lio", Ways::Default)?;
    let outcome = (|| {
        let boots = boots_with(&subject.pair)?;
        migrate::plan_and_connect(bench, &mut subject)?;
        bench.checks.same("what old boots with is as it was", &boots_with(&subject.pair)?, &boots);
        let script = "awk '/^MemTotal/ { t = $2 } /^MemAvailable/ { a = $2 } \
END { print int((t - a) / 1024) \" of \" int(t / 1024) \" MiB\" }' /proc/meminfo";
        bench.checks.figure("memory that the hold uses", in_hold(&subject.pair, script)?);
        migrate::killed_in_mid_copy(bench, &subject.pair)?;
        migrate::finish(bench, &mut subject, "md")?;
        parts(bench, &subject.pair);
        nothing_of_the_hold(bench, &subject.pair)?;
        migrate::twice_is_once(bench, &subject.pair)?;
        plain_reboot(bench, &subject.pair)
    })();
    bench.pair = Some(subject);
    outcome
}

/// Hashes of all that old boots with.
fn boots_with(pair: &Pair) -> Fallible<String> {
    let script = "{ find /boot /etc/initramfs-tools /etc/mdadm -type f | sort | xargs sha256sum
for d in $(lsblk -ndo PATH -x PATH | grep -E '^/dev/(sd|vd)'); do
  [ \"$(lsblk -ndo TRAN $d)\" = iscsi ] || dd if=$d bs=512 count=2048 2>/dev/null | sha256sum
done; } | sha256sum";
    Ok(pair.service.script(script)?.trim().to_string())
}

/// A command on new while it waits: it lets in whoever has the key of this migration, and nobody else.
pub fn in_hold(pair: &Pair, script: &str) -> Fallible<String> {
    let key = pair.dir.join(".replant/srv1/secrets/hold-client").display().to_string();
    let address = format!("root@{}", net::NEW);
    let options = ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"];
    let mut argv = vec!["ip", "netns", "exec", &pair.namespace, "ssh", "-F", "none", "-q", "-i", &key];
    argv.extend(options.iter().flat_map(|option| ["-o", option]));
    argv.extend([address.as_str(), script]);
    Ok(run(&argv)?.trim().to_string())
}

/// The migrated system boots with an initramfs of its own, and its keys are gone.
fn nothing_of_the_hold(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    // what gives new's card its name is the system's own
    let script = "ls /boot | grep -i replant
for i in /boot/initrd.img-*; do lsinitramfs $i | grep replant | grep -v '/systemd/network/.*\\.link$'; done; true";
    let left = pair.service.script_within(script, Duration::from_secs(180))?;
    bench.checks.same("nothing of the hold is left in /boot", left.trim(), "");
    Ok(())
}

/// What the downtime is made of.
fn parts(bench: &mut Bench, pair: &Pair) {
    let times = ["stop-services", "read-only-root", "old-off", "own-boot"].map(|step| replant::times(pair, step));
    let [Some(stop), Some(quiet), Some(off), Some(go)] = times else { return };
    let serves = witness::acks(&pair.dir).iter().find(|ack| ack.card == net::NEW_CARD).map_or(go.1, |ack| ack.at);
    let parts = [
        ("old falls silent", quiet.1 - stop.0),
        ("it is proven, and old switched off", off.1 - quiet.1),
        ("until new is let go on", go.0 - off.1),
        ("until new's first record", serves - go.0),
    ];
    let parts: Vec<String> = parts.iter().map(|(what, seconds)| format!("{what} {seconds:.0} s")).collect();
    bench.checks.figure("parts of the downtime", parts.join(", "));
}

/// How long the service is silent while the migrated server is simply rebooted.
fn plain_reboot(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let silence = say::step("new: a plain reboot", || {
        let since = witness::now();
        // the connection ends with the system
        let _ = pair.service.script("systemctl reboot");
        loop {
            std::thread::sleep(Duration::from_secs(2));
            let last = witness::acks(&pair.dir).last().map_or(0.0, |ack| ack.at);
            let silence = witness::longest_silence(&witness::acks(&pair.dir), since, last);
            if silence > 15.0 {
                return Ok(silence);
            }
            if witness::now() - since > BOOT.as_secs_f64() {
                fail!("it does not come back from a reboot");
            }
        }
    })?;
    bench.checks.figure("a plain reboot of new, in the same run", format!("{silence:.0} s"));
    if let Some((downtime, ..)) = witness::handover(&witness::acks(&pair.dir), net::OLD_CARD, net::NEW_CARD) {
        bench.checks.figure("downtime against a plain reboot", format!("{:.2}", downtime / silence));
    }
    Ok(())
}

/// A person switches old: the tables go back and the sessions are logged out before it is off, so that nothing hangs while they
/// walk. Then back: they switch it on again.
pub fn by_hand(bench: &mut Bench) -> Fallible<()> {
    let mut subject = bench.fresh("held-by-hand", "full", "lio", Ways::Default)?;
    let outcome = (|| {
        old_has_no_power_control(&subject.pair)?;
        migrate::plan_and_connect(bench, &mut subject)?;
        migrate::copied(bench, &subject.pair, "md")?;
        migrate::cut_over(bench, &mut subject, replant::attended)?;
        parts(bench, &subject.pair);
        plain_reboot(bench, &subject.pair)?;
        rollback::back_to_old(bench, &subject, replant::attended)
    })();
    bench.pair = Some(Subject { migrated: false, ..subject });
    outcome
}

fn old_has_no_power_control(pair: &Pair) -> Fallible<()> {
    let text = fs_err::read_to_string(pair.plan())?;
    let Some((before, (_, after))) =
        text.split_once("  power:\n").and_then(|(before, rest)| Some((before, rest.split_once("\n\n")?)))
    else {
        fail!("the plan says nothing of power");
    };
    Ok(fs_err::write(pair.plan(), format!("{before}  power: {{ manual: {{}} }}\n\n{after}"))?)
}

/// How long the link is away: longer than old's writes wait for it.
const AWAY: Duration = Duration::from_secs(60);

/// What happens at night. Whoever loses its power, and whenever: old serves on, and `apply` goes on; or new serves.
pub fn mishaps(bench: &mut Bench) -> Fallible<()> {
    let mut subject = bench.fresh("held-mishaps", "full", "lio", Ways::Compared)?;
    let outcome = (|| {
        migrate::plan_and_connect(bench, &mut subject)?;
        power_cut_in_the_hold(bench, &subject.pair)?;
        old_loses_its_power(bench, &subject.pair)?;
        cable_out(bench, &subject.pair)?;
        power_cut_behind_go(bench, &mut subject)?;
        rollback::back_to_old(bench, &subject, replant::unattended)
    })();
    bench.pair = Some(Subject { migrated: false, ..subject });
    outcome
}

fn power_cut_in_the_hold(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let began = Instant::now();
    say::step("new loses its power in the hold, and gets it back", || {
        pair.new.off()?;
        pair.new.on()?;
        while in_hold(pair, "true").is_err() {
            if began.elapsed() > BOOT {
                fail!("it does not hold again");
            }
            std::thread::sleep(Duration::from_secs(2));
        }
        Ok(())
    })?;
    bench.checks.figure(
        "power of new lost in the hold, until it holds again",
        format!("{:.0} s", began.elapsed().as_secs_f64()),
    );
    Ok(())
}

fn old_loses_its_power(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let mut running = migrate::to_copy(pair)?;
    migrate::until_mid_copy(&mut running, pair)?;
    mishaps::power_of_old(bench, pair)?;
    if running.wait()?.code != 0 {
        say::line("  it had given up, and is started again");
        migrate::to_copy(pair)?.wait()?.successful("apply --until copy")?;
    }
    Ok(())
}

/// What new's disks were written, in sectors: Documentation/admin-guide/iostats.rst.
const SENT: &str = "for d in $(lsblk -ndo NAME,TRAN | awk '$2 == \"iscsi\" {print $1}'); do awk '{print $7}' /sys/block/$d/stat; done |
awk '{ sum += $1 } END { print sum + 0 }'";
/// What old's own volumes were written.
const WRITTEN: &str =
    "for m in /sys/block/md3??; do awk '{print $7}' $m/stat; done | awk '{ sum += $1 } END { print sum + 0 }'";

fn cable_out(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let number = |script: &str| -> Fallible<u64> { Ok(pair.service.script(script)?.trim().parse().unwrap_or(0)) };
    let since = witness::now();
    let written = number(WRITTEN)?;
    say::step("the cable of new is pulled for a minute, with all in sync", || {
        pair.new.cable(false)?;
        std::thread::sleep(AWAY);
        pair.new.cable(true)
    })?;
    let silence = witness::longest_silence(&witness::acks(&pair.dir), since, witness::now());
    bench.checks.figure("link lost: longest silence of the service", format!("{silence:.1} s"));
    bench.checks.that(
        "old served on without the link",
        silence < 20.0,
        format_args!("{silence:.1} s without a record"),
    );
    let legs = pair.service.script("cat /sys/block/md3??/md/degraded | tr -d '\\n'")?;
    bench.checks.that("md has given up what did not answer", legs.contains('1'), legs);
    let (sent, meanwhile) = (number(SENT)?, number(WRITTEN)? - written);
    migrate::to_copy(pair)?.wait()?.successful("apply --until copy")?;
    let mib = |sectors: u64| format!("{:.1} MiB", sectors as f64 / 2048.0);
    let (again, whole) = (number(SENT)?.saturating_sub(sent), pair.service.script("cat /sys/block/md3??/size")?);
    let whole: u64 = whole.lines().filter_map(|line| line.trim().parse::<u64>().ok()).sum();
    bench.checks.figure(
        "sent after a lost link, against written meanwhile",
        format!("{} against {}, of {}", mib(again), mib(meanwhile), mib(whole)),
    );
    bench.checks.that(
        "only what had changed was sent again",
        again < whole / 4,
        format_args!("{} of {}", mib(again), mib(whole)),
    );
    Ok(())
}

fn power_cut_behind_go(bench: &mut Bench, subject: &mut Subject) -> Fallible<()> {
    let pair = &subject.pair;
    let plan = pair.plan().display().to_string();
    let mut running = replant::start(pair, &["apply", &plan, "--yes", "--no-input"])?;
    running.until("new is let go on", || Ok(replant::recorded(pair, "own-boot", "began").then_some(())))?;
    std::thread::sleep(Duration::from_secs(6));
    say::step("new loses its power on its way up, and gets it back", || {
        pair.new.off()?;
        pair.new.on()
    })?;
    if running.wait()?.code != 0 {
        say::line("  it had given up, and is started again");
        replant::succeed(pair, &["apply", &plan, "--yes", "--no-input"])?;
    }
    subject.migrated = true;
    if let Some((began, done)) = replant::times(pair, "hash-old") {
        bench.checks.figure("both copies hashed whole, in the downtime", format!("{:.0} s", done - began));
    }
    migrated::check(bench, subject)
}
