//! Of each volume only what is in use is copied, while files come and go on it as fast as its disks allow.

use super::{Bench, Ways, migrate};
use crate::pair::{BOOT, Pair};
use crate::{Fallible, fail, net, replant, say, witness};
use std::time::{Duration, Instant};

/// Longer than old's writes wait for the link.
const AWAY: Duration = Duration::from_secs(30);

/// Where files come and go.
const BUSY: [&str; 2] = ["/", "/var"];

/// Makes files with their checksums, and removes others, until it is told to end.
const CHURN: &str = r#"cat >/root/churn.sh <<'END'
mkdir -p "$1/churn" && cd "$1/churn" || exit 1
n=0
while [ ! -e /run/churn-ends ]; do
  n=$((n + 1)); f=f$((n % 23))
  rm -f $f $f.sum
  head -c $((n % 13 * 150000 + 1)) /dev/urandom >$f
  sha256sum $f >$f.sum
  [ $((n % 7)) != 0 ] || sync -f .
done
END
systemd-run --quiet --unit churn-root sh /root/churn.sh /
systemd-run --quiet --unit churn-var sh /root/churn.sh /var"#;

/// What new's disks were written, in sectors: Documentation/admin-guide/iostats.rst.
const SENT: &str = "for d in $(lsblk -ndo NAME,TRAN | awk '$2 == \"iscsi\" {print $1}'); do awk '{print $7}' /sys/block/$d/stat; done |
awk '{ sum += $1 } END { print sum + 0 }'";
/// What the volumes were written since they lie on arrays.
const WRITTEN: &str =
    "for m in /sys/block/md3??; do awk '{print $7}' $m/stat; done | awk '{ sum += $1 } END { print sum + 0 }'";
/// What their file systems call free.
const FREE: &str = "stat -f -c '%S %f' / /var | awk '{ sum += $1 * $2 / 512 } END { printf \"%.0f\\n\", sum }'";
const SIZE: &str = "cat /sys/block/md3??/size | awk '{ sum += $1 } END { print sum + 0 }'";

pub fn under_load(bench: &mut Bench) -> Fallible<()> {
    let mut subject = bench.fresh("used", "full", "lio", Ways::Used)?;
    let outcome = (|| {
        migrate::plan_and_connect(bench, &mut subject)?;
        let pair = &subject.pair;
        pair.service.script(CHURN)?;
        copied(bench, pair)?;
        starts_over(bench, pair)?;
        link_lost(bench, pair)?;
        pair.service
            .script("touch /run/churn-ends; while systemctl -q is-active churn-root churn-var; do sleep 1; done")?;
        migrate::finish(bench, &mut subject, "md")?;
        whole_files(bench, &subject.pair)
    })();
    bench.pair = Some(subject);
    outcome
}

fn number(pair: &Pair, script: &str) -> Fallible<u64> {
    Ok(pair.service.script(script)?.trim().parse()?)
}

fn mib(sectors: u64) -> String {
    format!("{:.1} MiB", sectors as f64 / 2048.0)
}

fn to_copy(pair: &Pair) -> Fallible<()> {
    migrate::to_copy(pair)?.wait()?.successful("apply --until copy").map(drop)
}

fn copied(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let (free, before) = (number(pair, FREE)?, number(pair, SENT)?);
    to_copy(pair)?;
    let (sent, written, size) = (number(pair, SENT)? - before, number(pair, WRITTEN)?, number(pair, SIZE)?);
    let all = format!("{} of {}, {} free, {} written meanwhile", mib(sent), mib(size), mib(free), mib(written));
    bench.checks.figure("sent while what is in use was copied", &all);
    bench.checks.that("what is free was not sent", sent < size - free / 2 + written, &all);
    let told = pair.service.script("dmesg | sed -n 's/.*replant: \\(vg0.*are copied\\)$/\\1/p' | tr '\\n' ';'")?;
    bench.checks.figure("by old's kernel log", told.trim());
    let said = pair.service.script("dmesg | grep 'replant: all of' || true")?;
    bench.checks.none(
        "old's kernel log says of no volume that all of it is copied",
        &[said.trim().to_string()].into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>(),
    );
    Ok(())
}

/// What md knows of a leg is forgotten: the volume leaves its array and comes back to another, and the map is read again.
fn starts_over(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let before = number(pair, SENT)?;
    let since = witness::now();
    say::step("old forgets when the copy of var began", || {
        pair.service.script("rm /run/replant/srv1/steps/copy-vg0-var").map(drop)
    })?;
    to_copy(pair)?;
    let silence = witness::longest_silence(&witness::acks(&pair.dir), since, witness::now());
    bench.checks.figure("the copy of var starts over: longest silence of the service", format!("{silence:.1} s"));
    bench.checks.figure("sent for it, and written meanwhile", mib(number(pair, SENT)? - before));
    Ok(())
}

fn link_lost(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    say::step("the cable of new is pulled, with all in sync", || {
        pair.new.cable(false)?;
        std::thread::sleep(AWAY);
        pair.new.cable(true)
    })?;
    let legs = pair.service.script("cat /sys/block/md3??/md/degraded | tr -d '\\n'")?;
    bench.checks.same("md has given up what did not answer", &legs, "11");
    let (before, written) = (number(pair, SENT)?, number(pair, WRITTEN)?);
    to_copy(pair)?;
    let (sent, size) = (number(pair, SENT)? - before, number(pair, SIZE)?);
    let all = format!(
        "{} of {}, {} written while it was copied",
        mib(sent),
        mib(size),
        mib(number(pair, WRITTEN)? - written)
    );
    bench.checks.figure("sent after a lost link", &all);
    bench.checks.that("what did not change was not sent again", sent < size / 2, &all);
    Ok(())
}

/// Files that came and went in every moment of the copy are as they were written.
fn whole_files(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let began = Instant::now();
    witness::wait_for(&pair.dir, net::NEW_CARD, 0.0, BOOT)?;
    for dir in BUSY {
        let script = format!(
            "cd {dir}/churn && ls *.sum | wc -l && for s in *.sum; do sha256sum --quiet -c $s || exit 1; done && echo whole"
        );
        let said = pair.service.script_within(&script, Duration::from_secs(120))?;
        let mut words = said.split_whitespace();
        let files: u32 = words.next().unwrap_or_default().parse()?;
        bench.checks.that(
            &format!("files that came and went below {dir} are whole"),
            words.next() == Some("whole") && files > 15,
            &said,
        );
        if began.elapsed() > BOOT {
            fail!("it takes too long to read them");
        }
    }
    Ok(())
}
