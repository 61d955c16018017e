//! Everything that a tired person gets wrong, on real servers: each is refused with the reason, and changes nothing.

use super::{Bench, Ways};
use crate::pair::Pair;
use crate::{Fallible, net, picture, replant, say};

/// A mistake: how the servers are made ready for it, what is wrong in the plan, and what must be said.
struct Mistake {
    about: &'static str,
    /// on new, in rescue; and how it is taken back
    on_new: (&'static str, &'static str),
    plan: fn(&Pair, String) -> Fallible<String>,
    says: &'static [&'static str],
}

/// The path of a disk of new, by its serial number.
const DISK: &str = "disk() { lsblk -nd -o PATH,SERIAL | awk -v serial=$1 '$2 == serial {print $1}'; }\n";

const NOTHING: (&str, &str) = ("", "");

fn as_it_is(_: &Pair, plan: String) -> Fallible<String> {
    Ok(plan)
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        about: "a host that does not answer",
        on_new: NOTHING,
        plan: |_, plan| Ok(plan.replace(&format!("address: {}", net::NEW), "address: 10.77.0.99")),
        says: &["new does not answer", "10.77.0.99"],
    },
    Mistake {
        about: "the wrong host key",
        on_new: NOTHING,
        plan: |pair, plan| {
            let images = pair.images();
            Ok(plan.replace(&images.host_key("rescue")?, &images.host_key("old")?))
        },
        says: &["another host key", "ssh-keyscan"],
    },
    Mistake {
        about: "old and new swapped",
        on_new: NOTHING,
        plan: |pair, plan| {
            let images = pair.images();
            let (old_key, new_key) = (images.host_key("old")?, images.host_key("rescue")?);
            let swap = |text: String, a: &str, b: &str| text.replace(a, "\0").replace(b, a).replace('\0', b);
            Ok(swap(swap(plan, net::OLD, net::NEW), &old_key, &new_key))
        },
        says: &["R1003", "swapped"],
    },
    Mistake {
        about: "a user who is not root and has no sudo",
        on_new: (
            "cp -p /etc/passwd /run/; echo 'op:*:1234:1234::/run/op:/bin/sh' >>/etc/passwd; install -d -o 1234 /run/op /run/op/.ssh; install -o 1234 /root/.ssh/authorized_keys /run/op/.ssh/",
            "cp -p /run/passwd /etc/; rm -r /run/passwd /run/op",
        ),
        plan: |pair, plan| {
            let key = pair.images().host_key("rescue")?;
            let op =
                |line: &str| if line.contains(&key) { line.replace("user: root", "user: op") } else { line.into() };
            Ok(plan.lines().map(|line| op(line) + "\n").collect())
        },
        says: &["root", "sudo"],
    },
    Mistake {
        about: "a disk that is not there",
        on_new: NOTHING,
        plan: |_, plan| Ok(plan.replace("serial: NEW3", "serial: NEW9")),
        says: &["R1101", "NEW3"],
    },
    Mistake {
        about: "a disk that is in use",
        on_new: ("mkfs.ext4 -q $(disk NEW2); mount $(disk NEW2) /mnt", "umount /mnt; wipefs -qa $(disk NEW2)"),
        plan: |_, plan| Ok(plan.replace("serial: NEW2", "serial: NEW2, wipe: true")),
        says: &["R1104", "/mnt"],
    },
    Mistake {
        about: "a disk that holds data",
        on_new: ("mkfs.ext4 -q $(disk NEW1); udevadm settle", "wipefs -qa $(disk NEW1)"),
        plan: as_it_is,
        says: &["R1107", "ext4", "wipe: true"],
    },
    Mistake {
        about: "new lacks a tool",
        on_new: ("mv /sbin/mdadm /sbin/mdadm.away", "mv /sbin/mdadm.away /sbin/mdadm"),
        plan: as_it_is,
        says: &["R1005", "mdadm"],
    },
];

pub fn all(bench: &mut Bench) -> Fallible<()> {
    let subject = bench.fresh("refusals", "full", "tgt", Ways::Article)?;
    let pair = &subject.pair;
    let good = fs_err::read_to_string(pair.plan())?;
    let wrong = pair.dir.join("wrong.yaml");
    let outcome = (|| {
        for mistake in MISTAKES {
            pair.rescue.script(&format!("{DISK}{}", mistake.on_new.0))?;
            fs_err::write(&wrong, (mistake.plan)(pair, good.clone())?)?;
            let words = ["apply", &wrong.display().to_string(), "--yes", "--no-input"].map(String::from);
            refused(bench, pair, mistake.about, &words.each_ref().map(String::as_str), mistake.says)?;
            pair.rescue.script(&format!("{DISK}{}", mistake.on_new.1))?;
        }
        // A firewall that lets in what a person would try, and not the disks. ip-rule(8)
        let firewall = |what: &str| format!("ip rule {what} to {} ipproto tcp sport 3260 blackhole", net::OLD);
        pair.rescue.script(&firewall("add"))?;
        let told = replant::attempt(pair, &["plan", &pair.plan().display().to_string()])?.output;
        bench.checks.that("warned: a firewall before the iSCSI port", told.contains("R1502"), told);
        pair.rescue.script(&firewall("del"))?;
        // A runbook whose facts no longer hold.
        replant::succeed(pair, &["plan", &pair.plan().display().to_string(), "--out", "srv1.runbook.json"])?;
        pair.service
            .script("cp -p /etc/mdadm/mdadm.conf /run/kept; echo '# changed since' >>/etc/mdadm/mdadm.conf")?;
        let stale = ["apply", "srv1.runbook.json", "--yes", "--no-input"];
        refused(bench, pair, "a runbook whose facts no longer hold", &stale, &["mdadm.conf"])?;
        pair.service.script("cp -p /run/kept /etc/mdadm/mdadm.conf; rm /run/kept")?;
        say::step("a picture of both servers", || {
            let old = subject.old_before.differences(&picture::of_old(&pair.service)?, &[]);
            bench.checks.none("old is as it was found", &old);
            let new = subject.new_before.differences(&picture::of_new(&pair.rescue)?, &[]);
            bench.checks.none("new is as it was found", &new);
            Ok(())
        })
    })();
    bench.pair = Some(subject);
    outcome
}

fn refused(bench: &mut Bench, pair: &Pair, about: &str, words: &[&str], says: &[&str]) -> Fallible<()> {
    let ended = replant::attempt(pair, words)?;
    let missing: Vec<&&str> = says.iter().filter(|word| !ended.output.contains(**word)).collect();
    bench.checks.that(
        &format!("refused: {about}"),
        ended.code == 1 && missing.is_empty() && replant::begun(pair) == 0,
        format_args!("exit code {}, {missing:?} not said, {} steps begun", ended.code, replant::begun(pair)),
    );
    Ok(())
}
