//! What must be true of a server that has been migrated. It is looked at from outside and over SSH; `replant` is not asked.

use super::{Bench, Subject};
use crate::pair::{BOOT, Pair};
use crate::shell::attempt;
use crate::{Fallible, net, recipe, say, witness};
use serde_json::Value;

pub fn check(bench: &mut Bench, subject: &Subject) -> Fallible<()> {
    let pair = &subject.pair;
    say::line("what came of it");
    let checks = &mut bench.checks;
    checks.that("old is switched off", !pair.old.is_on(), "it is on");
    checks.found("new acknowledges records", witness::wait_for(&pair.dir, net::NEW_CARD, 0.0, BOOT).map(drop));
    pair.service.wait(BOOT)?;

    let seen = host_key(pair)?;
    checks.same("it answers with old's host key", &seen, &pair.images().host_key("old")?);
    let ask = |script: &str| pair.service.script(script).map(|text| text.trim().to_string());
    checks.same("hostname", &ask("hostname")?, "srv1");
    checks.same("machine id", &ask("cat /etc/machine-id")?, "5eed5eed5eed4eed8eed5eed5eed5eed");
    checks.same(
        "the address is on the interface of the old name",
        &ask("ip -4 -o addr show ens3 | awk '{print $4}'")?,
        &format!("{}/24", net::OLD),
    );
    checks.same("and that interface is new's card", &ask("cat /sys/class/net/ens3/address")?, net::NEW_CARD);
    let cmdline = ask("cat /proc/cmdline")?;
    checks.that(
        "GRUB started it from its own disks",
        cmdline.contains("BOOT_IMAGE=") && cmdline.contains("root=/dev/mapper/vg0-root"),
        &cmdline,
    );

    for (array, level) in [("md0", "raid1"), ("md1", "raid10")] {
        let detail = ask(&format!(
            "mdadm --detail --export /dev/{array}; echo degraded=$(cat /sys/block/{array}/md/degraded)"
        ))?;
        let has = |line: &str| detail.lines().any(|other| other == line);
        let good = has(&format!("MD_LEVEL={level}"))
            && has(&format!("MD_DEVICES={}", recipe::NEW_DISKS))
            && has("degraded=0");
        checks.that(&format!("{array} is {level} over {} disks, and whole", recipe::NEW_DISKS), good, &detail);
    }
    let volumes = ask(
        "lvs -a --noheadings -o lv_name,segtype --separator ' ' vg0 | awk '{print $1,$2}' | sort -u | tr '\\n' ';'",
    )?;
    checks.same("the volumes are plain and complete", &volumes, "root linear;swap_1 linear;var linear;");
    checks.same(
        "one volume group, on md1",
        &ask("pvs --noheadings -o vg_name,pv_name --separator ' ' | awk '{print $1,$2}'")?,
        "vg0 /dev/md1",
    );

    let bytes = |text: &str| {
        text.split_whitespace().filter_map(|word| word.trim_end_matches('B').parse().ok()).max().unwrap_or(0u64)
    };
    let var_before = subject
        .old_before
        .text("volumes")
        .lines()
        .find(|line| line.split_whitespace().nth(1) == Some("var"))
        .map_or(0, bytes);
    let var = bytes(&ask("lvs --noheadings --units b -o lv_size vg0/var")?);
    let file_system = bytes(&ask("df -B1 --output=size /var | tail -n 1")?);
    checks.that(
        "/var has grown, volume and file system",
        var > 2 * var_before && file_system * 10 > var * 9,
        format_args!("{var_before} before, {var} now, file system {file_system}"),
    );

    let mounts =
        ask("findmnt -n -l --real -o TARGET,SOURCE,FSTYPE | awk '{print $1,$2,$3}' | sort -u | tr '\\n' ';'")?;
    checks.same(
        "mounted as in fstab",
        &mounts,
        "/ /dev/mapper/vg0-root ext4;/boot /dev/md0 ext4;/var /dev/mapper/vg0-var xfs;",
    );
    let swap = ask("swapon --noheadings --show=UUID")?;
    checks.same("swap is on, with its old UUID", &swap, &pair.old_layout()?.uuid("swap_1"));
    checks.same(
        "no unit failed that had not failed on old",
        &ask("systemctl --failed --no-legend --plain | awk '{print $1}'")?,
        subject.old_before.text("units failed"),
    );
    for (dir, _) in recipe::BALLAST {
        let outcome = ask(&format!("cd /{dir} && sha256sum --quiet -c SHA256SUMS && echo whole"));
        checks.same(&format!("checksums in /{dir}"), &outcome.unwrap_or_else(|error| error.to_string()), "whole");
    }
    records(bench, pair)
}

/// Not one acknowledged record may be missing, and the numbers go on where old stopped.
fn records(bench: &mut Bench, pair: &Pair) -> Fallible<()> {
    let checks = &mut bench.checks;
    let verdict = pair.service.attempt(
        "systemctl stop rec; witness verify /var/lib/rec/stream; code=$?; systemctl start rec; exit $code",
        std::time::Duration::from_secs(120),
    )?;
    checks.that("every record is whole and in order", verdict.code == 0, &verdict.stdout);
    let verdict: Value = serde_json::from_str(&verdict.stdout).unwrap_or_default();
    let acks = witness::acks(&pair.dir);
    let highest = acks.iter().map(|ack| ack.number).max().unwrap_or(0);
    let kept = verdict["last"].as_u64().unwrap_or(0);
    checks.that(
        "every acknowledged record is there",
        kept >= highest && verdict["first"] == 1,
        format_args!("acknowledged up to {highest}, kept {verdict}"),
    );
    checks.figure("records kept", format!("{kept}, the last acknowledged is {highest}"));
    match witness::handover(&acks, net::OLD_CARD, net::NEW_CARD) {
        Some((seconds, last, first)) => {
            // The last record of old may have been written without its acknowledgement having left.
            checks.that(
                "new goes on where old stopped",
                first == last + 1 || first == last + 2,
                format_args!("last from old {last}, first from new {first}"),
            );
            checks.figure(
                "downtime, last record of old to first of new",
                format!("{seconds:.0} s ({last} to {first})"),
            );
        }
        None => checks.that("both servers have acknowledged records", false, "no handover"),
    }
    Ok(())
}

/// The host key at the service's address, as anyone would see it.
pub fn host_key(pair: &Pair) -> Fallible<String> {
    let outcome =
        attempt(&["ip", "netns", "exec", &pair.namespace, "ssh-keyscan", "-T", "30", "-t", "ed25519", net::OLD])?;
    let line = outcome.stdout.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    Ok(line.split(' ').skip(1).collect::<Vec<_>>().join(" "))
}
