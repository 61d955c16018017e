//! The migration from beginning to end.

use super::{Bench, Subject, Ways, migrated};
use crate::pair::{BOOT, DISK, Pair, WITHOUT_FIRST};
use crate::{Fallible, fail, net, picture, recipe, replant, say, witness};
use std::time::{Duration, Instant};

/// Full volume group, tgt: killed in the middle of the copy, brought to its end, looked at from every side.
pub fn whole(bench: &mut Bench) -> Fallible<()> {
    let mut subject = bench.fresh("migrate", "full", "tgt", Ways::Article)?;
    let outcome = (|| {
        plan_and_connect(bench, &mut subject)?;
        killed_in_mid_copy(bench, &subject.pair)?;
        finish(bench, &mut subject, "mirror")?;
        twice_is_once(bench, &subject.pair)?;
        without_first_disk(bench, &subject.pair)
    })();
    bench.pair = Some(subject);
    outcome
}

/// Free extents and the kernel's own target: the same end by other means.
pub fn raid1_lio(bench: &mut Bench) -> Fallible<()> {
    let mut subject = bench.fresh("raid1-lio", "free", "lio", Ways::Article)?;
    let outcome = (|| {
        plan_and_connect(bench, &mut subject)?;
        finish(bench, &mut subject, "raid")?;
        twice_is_once(bench, &subject.pair)
    })();
    bench.pair = Some(subject);
    outcome
}

/// The copy lies below LVM: new has a group of its own, and old's is not touched.
pub fn below(bench: &mut Bench) -> Fallible<()> {
    let mut subject = bench.fresh("below", "full", "lio", Ways::Below)?;
    let outcome = (|| {
        plan_and_connect(bench, &mut subject)?;
        killed_in_mid_copy(bench, &subject.pair)?;
        finish(bench, &mut subject, "md")?;
        twice_is_once(bench, &subject.pair)
    })();
    bench.pair = Some(subject);
    outcome
}

/// By the plan that `replant init` writes for the two servers: a person adds nothing but how they are switched, and takes
/// the one suggestion that the checks ask for.
pub fn drafted(bench: &mut Bench) -> Fallible<()> {
    let mut subject = bench.fresh("drafted", "full", "tgt", Ways::Default)?;
    let outcome = (|| {
        draft(&subject.pair)?;
        plan_and_connect(bench, &mut subject)?;
        finish(bench, &mut subject, "md")
    })();
    bench.pair = Some(subject);
    outcome
}

fn draft(pair: &Pair) -> Fallible<()> {
    let images = pair.images();
    let (key, old, new) = (images.key(), images.host_key("old")?, images.host_key("rescue")?);
    let ends = [net::OLD.to_string(), net::NEW.to_string()];
    let identity = key.display().to_string();
    let words = ["init", &ends[0], &ends[1], "--identity", &identity, "--out", "draft.yaml"];
    let keys = ["--old-host-key", old.as_str(), "--new-host-key", new.as_str()];
    replant::succeed(pair, &[&words[..], &keys[..]].concat())?;
    let mut draft = fs_err::read_to_string(pair.dir.join("draft.yaml"))?;
    for power in fs_err::read_to_string(pair.plan())?.split("  power:\n").skip(1) {
        let power = power.split("\n\n").next().unwrap_or_default();
        draft = draft.replacen("  power: { manual: {} }", &format!("  power:\n{power}"), 1);
    }
    Ok(fs_err::write(pair.plan(), draft.replace("        # grow: rest", "        grow: rest"))?)
}

/// A migrated pair, without looking at it on the way.
pub fn quickly(bench: &mut Bench) -> Fallible<Subject> {
    let mut subject = bench.fresh("migrate", "full", "tgt", Ways::Article)?;
    plan_and_connect(bench, &mut subject)?;
    finish(bench, &mut subject, "mirror")?;
    Ok(subject)
}

/// Validate, plan, and the first two stages.
pub fn plan_and_connect(bench: &mut Bench, subject: &mut Subject) -> Fallible<()> {
    let pair = &subject.pair;
    let plan = pair.plan().display().to_string();
    replant::succeed(pair, &["validate", &plan])?;
    replant::succeed(pair, &["plan", &plan, "--out", "srv1.runbook.json"])?;
    bench.checks.that("plan writes the runbook", pair.dir.join("srv1.runbook.json").exists(), "no file");
    say::step("planning has changed nothing", || {
        bench.checks.none("old is as before", &subject.old_before.differences(&picture::of_old(&pair.service)?, &[]));
        bench.checks.none("new is as before", &subject.new_before.differences(&picture::of_new(&pair.rescue)?, &[]));
        Ok(())
    })?;
    let ended = replant::succeed(pair, &["apply", &plan, "--yes", "--no-input", "--until", "connect"])?;
    bench.checks.figure("prepare and connect", format!("{:.0} s", ended.took.as_secs_f64()));
    let record = fs_err::read_to_string(pair.dir.join(".replant/srv1/old-vg0.lvm"))?;
    bench.checks.that("LVM's own record of vg0 is kept here", record.contains("\nvg0 {"), record);
    match plain_dd(pair) {
        Ok(rate) => bench.checks.figure("plain dd to the same iSCSI disk", rate),
        Err(error) => bench.checks.figure("plain dd to the same iSCSI disk", format!("not measured: {error}")),
    }
    if bench.keep_checkpoint && !subject.checkpoint {
        pair.save_checkpoint("connected")?;
        subject.checkpoint = true;
    }
    Ok(())
}

/// Zeros to the last 128 MiB of the disk that will hold the volumes: it is not yet a physical volume, and it is empty.
fn plain_dd(pair: &Pair) -> Fallible<String> {
    let script = "set -e
for d in /dev/disk/by-path/*-iscsi-*-lun-*; do case $d in *-part*) ;; *) echo $(blockdev --getsize64 $d) $d;; esac; done | sort -n | tail -n 1 | {
  read size disk
  [ -z \"$(wipefs -n $disk)\" ]
  dd if=/dev/zero of=$disk bs=1M count=128 seek=$((size / 1048576 - 128)) oflag=direct conv=fsync 2>&1 | tail -n 1
}";
    Ok(pair
        .service
        .script_within(script, Duration::from_secs(180))?
        .rsplit(',')
        .next()
        .unwrap_or_default()
        .trim()
        .to_string())
}

/// How far each mirrored volume is, as the kernel says: name, done, of how much, and the kind of mirror.
pub fn progress(pair: &Pair) -> Fallible<Vec<(String, u64, u64, String)>> {
    let script = "dmsetup status
for m in /sys/block/md3??/md; do
  [ -e $m/sync_completed ] || continue
  size=$(($(cat ${m%/md}/size))) done=$(sed 's/ //g' $m/sync_completed)
  case $done in none) [ $(cat $m/degraded) = 0 ] && done=$size/$size || done=0/$size ;; esac
  n=${m%/md}; n=${n##*/}
  echo \"$n: 0 $size md raid1 $done\"
done";
    let text = pair.service.script(script)?;
    Ok(text.lines().filter_map(parse_progress).collect())
}

/// `vg0-root: 0 1556480 mirror 2 253:3 253:4 123/760 1 AA 1 core` or `… raid raid1 2 Aa 4096/1556480 recover 0 0 -`.
fn parse_progress(line: &str) -> Option<(String, u64, u64, String)> {
    let (name, rest) = line.split_once(':')?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let kind = *words.get(2)?;
    if !["mirror", "raid", "md"].contains(&kind) {
        return None;
    }
    let (done, all) = words.iter().skip(3).find_map(|word| word.split_once('/'))?;
    Some((name.into(), done.parse().ok()?, all.parse().ok()?, kind.into()))
}

/// Waits until a volume is well on its way, but not done.
pub fn until_mid_copy(running: &mut replant::Running, pair: &Pair) -> Fallible<(String, u64, u64)> {
    let (name, done, all, _) = running.until("the middle of a copy", || {
        Ok(progress(pair)?.into_iter().find(|(_, done, all, _)| done * 100 > all * 20 && done * 100 < all * 85))
    })?;
    say::line(format_args!("  {name} is at {done} of {all}"));
    Ok((name, done, all))
}

/// SIGKILL in the middle of the copy: the kernel goes on by itself, and the next apply takes it up.
pub fn killed_in_mid_copy(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let plan = pair.plan().display().to_string();
    let mut running = replant::start(pair, &["apply", &plan, "--yes", "--no-input"])?;
    let (name, before, all) = until_mid_copy(&mut running, pair)?;
    running.signal("KILL")?;
    running.wait()?;
    std::thread::sleep(Duration::from_secs(3));
    // From here to the end of the copy it must never be less than it was.
    let mut again = replant::start(pair, &["apply", &plan, "--yes", "--no-input", "--until", "copy"])?;
    let mut lowest = u64::MAX;
    again.until("the end of that copy", || {
        let now = progress(pair)?.into_iter().find(|(other, ..)| *other == name);
        let Some((_, done, _, _)) = now else { return Ok(None) };
        lowest = lowest.min(done);
        Ok((done == all).then_some(()))
    })?;
    bench.checks.that(
        &format!("after SIGKILL the copy of {name} went on and did not start over"),
        lowest >= before,
        format_args!("{before} of {all} when killed, {lowest} afterwards"),
    );
    again.wait()?.successful("apply --until copy")?;
    Ok(())
}

/// Begins to copy, or goes on.
pub fn to_copy(pair: &Pair) -> Fallible<replant::Running> {
    replant::start(pair, &["apply", &pair.plan().display().to_string(), "--yes", "--no-input", "--until", "copy"])
}

/// The rest of the migration, and everything that must be true afterwards.
pub fn finish(bench: &mut Bench, subject: &mut Subject, kind: &str) -> Fallible<()> {
    copied(bench, &subject.pair, kind)?;
    cut_over(bench, subject, replant::unattended)
}

/// To the end of the copy.
pub fn copied(bench: &mut Bench, pair: &Pair, kind: &str) -> Fallible<()> {
    let plan = pair.plan().display().to_string();
    let mut kinds = Vec::new();
    let to_copy =
        replant::start(pair, &["apply", &plan, "--yes", "--no-input", "--until", "copy"])?.wait_and(|| {
            kinds.extend(progress(pair)?.into_iter().map(|(.., kind)| kind));
            Ok(())
        })?;
    to_copy.successful("apply --until copy")?;
    kinds.extend(progress(pair)?.into_iter().map(|(.., kind)| kind));
    bench.checks.that(
        &format!("volumes are copied by {kind}"),
        !kinds.is_empty() && kinds.iter().all(|seen| seen == kind),
        format_args!("{kinds:?}"),
    );
    let copy = ["mirror-vg0-root", "copy-vg0-root"].into_iter().find_map(|step| replant::times(pair, step));
    if let Some((began, done)) = copy {
        let mib = f64::from(recipe::ROOT_MIB);
        let (took, rate) = (done - began, mib * 1.048_576 / (done - began));
        bench.checks.figure("copy of root, while it is in use", format!("{mib} MiB in {took:.0} s, {rate:.1} MB/s"));
    }
    let begun = ["extend-vg0", "ram-disk"].into_iter().find_map(|step| replant::times(pair, step));
    if let Some((since, _)) = begun {
        let silence = witness::longest_silence(&witness::acks(&pair.dir), since, witness::now());
        bench.checks.figure("longest silence of the service while copying", format!("{silence:.1} s"));
    }
    Ok(())
}

/// From the end of the copy to a migrated server.
pub fn cut_over(
    bench: &mut Bench,
    subject: &mut Subject,
    runs: fn(&Pair, &[&str]) -> Fallible<replant::Ended>,
) -> Fallible<()> {
    let rest = runs(&subject.pair, &["apply", &subject.pair.plan().display().to_string()])?;
    bench.checks.figure("cutover, boot and grow", format!("{:.0} s", rest.took.as_secs_f64()));
    subject.migrated = true;
    migrated::check(bench, subject)
}

/// A second apply does nothing.
pub fn twice_is_once(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let plan = pair.plan().display().to_string();
    let before = replant::begun(pair);
    let ended = replant::succeed(pair, &["apply", &plan, "--yes", "--no-input"])?;
    let after = replant::begun(pair);
    bench.checks.that(
        "a second apply begins no step",
        before == after,
        format_args!("{} steps begun", after.saturating_sub(before)),
    );
    bench.checks.figure("a second apply", format!("{:.0} s", ended.took.as_secs_f64()));
    Ok(())
}

/// New starts from its other three disks; then the first is plugged in again while it serves.
fn without_first_disk(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let since = say::step("new: off, and on again with its first disk taken away", || {
        pair.service.script("sync")?;
        pair.new.off()?;
        pair.new.set_boot(WITHOUT_FIRST)?;
        let since = witness::now();
        pair.new.on()?;
        pair.service.wait(BOOT)?;
        Ok(since)
    })?;
    bench.checks.found(
        "it serves without its first disk",
        witness::wait_for(&pair.dir, net::NEW_CARD, since, BOOT).map(drop),
    );
    let degraded = pair.service.script("cat /sys/block/md*/md/degraded | sort | uniq -c")?;
    bench.checks.same(
        "both arrays miss one member",
        &degraded.split_whitespace().collect::<Vec<_>>().join(" "),
        "2 1",
    );
    say::step("the first disk is plugged in again", || {
        pair.plug_in_first()?;
        pair.new.set_boot(DISK)?;
        let script = "
udevadm settle
d=$(readlink -f /dev/disk/by-id/scsi-*NEW0 | head -n 1)
[ -b \"$d\" ] || d=$(lsblk -nd -o PATH,SERIAL | awk '$2 == \"NEW0\" {print $1}')
p=$(mdadm --detail --export /dev/md0 | sed -n 's/^MD_DEVICE_.*_DEV=//p' | head -n 1); n0=${p##*[a-z]}
p=$(mdadm --detail --export /dev/md1 | sed -n 's/^MD_DEVICE_.*_DEV=//p' | head -n 1); n1=${p##*[a-z]}
for pair in 0:$n0 1:$n1; do
  m=/dev/md${pair%:*} part=$d${pair#*:}
  grep -q ${part##*/} /proc/mdstat || mdadm $m --re-add $part 2>&1 || mdadm $m --add $part 2>&1
done
cat /proc/mdstat";
        pair.service.script(script)?;
        let began = Instant::now();
        loop {
            let text = pair.service.script("cat /sys/block/md*/md/degraded | tr -d '\\n'")?;
            if text == "00" {
                return Ok(());
            }
            if began.elapsed() > Duration::from_secs(240) {
                fail!("the arrays are not whole again: {text}");
            }
            std::thread::sleep(Duration::from_secs(3));
        }
    })?;
    bench.checks.that("both arrays are whole again", true, "");
    Ok(())
}
