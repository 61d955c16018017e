//! cutover: services stop, nothing writes any more, the mirror is cut in two while both halves are connected, and old is
//! switched off. Downtime begins with the first step and ends when new serves.

use super::book::{Book, Handle};
use super::connect::{Connected, portal};
use super::copy::{Copied, hash_file};
use super::method;
use super::prepare::Ready;
use super::text;
use crate::host::Side::{New, Old};
use crate::layout::Layout;
use crate::layout::needed_names;
use crate::runbook::Stage;
use crate::step::{
    ArrayWhole, File, Flushed, LetGo, Logout, NothingWrites, OldOff, PowerReady, Remount, SameBoot, Service,
    StillQuiet, SwapOff, WritesCounted,
};

pub struct Off {
    pub off: Handle,
    /// looked at until new serves: whoever switches old on again meanwhile lets it write
    pub quiet: Handle,
}

/// The journal writes to /var until the last moment; its sockets would start it again, so all go at once. systemd-journald.service(8)
const JOURNAL: [&str; 4] = [
    "systemd-journald-audit.socket",
    "systemd-journald-dev-log.socket",
    "systemd-journald.socket",
    "systemd-journald.service",
];

/// Of what must go on running, what may be started again when it uses files that an upgrade has replaced: the beginnings of
/// names. Not the network, and nothing that the mirrors depend on.
const RESTARTED: [&str; 10] = [
    "dbus",
    "systemd-logind",
    "systemd-udevd",
    "systemd-timesyncd",
    "systemd-resolved",
    "systemd-hostnamed",
    "systemd-machined",
    "polkit",
    "getty@",
    "serial-getty@",
];

pub fn write(book: &mut Book, layout: &Layout, ready: &Ready, link: &Connected, copied: &Copied) -> Off {
    book.stage(Stage::Cutover);
    let mut before = method::done(&copied.groups);
    before.extend(copied.boot.as_ref());
    before.push(&ready.initiator);
    let mut whole = Vec::new();
    for ((store, _), runs) in layout.arrays().zip(&ready.stores) {
        whole.push(book.step(
            format!("whole-{}", store.name),
            New,
            ArrayWhole { array: store.path.clone(), name: store.name.clone() },
            &[runs],
            "new must not take over on disks that are failing already",
        ));
    }
    before.extend(&whole);
    let sound = method::in_sync(
        book,
        &copied.groups,
        "all-in-sync",
        &before,
        "the last moment at which nothing has been stopped",
    );

    let volumes: Vec<String> = layout
        .groups
        .iter()
        .flat_map(|group| group.copied.iter().map(|volume| format!("{}/{}", group.vg, volume.lv)))
        .collect();
    let targets: Vec<String> = layout.mounts.iter().map(|mount| mount.target.clone()).collect();
    let mut yet = layout.yet.clone();
    yet.stops.extend(layout.stop.iter().cloned().chain(JOURNAL.map(str::to_string)));
    let known = book.step(
        "nothing-new-writes",
        Old,
        NothingWrites { volumes: volumes.clone(), targets: targets.clone(), yet: Some(yet) },
        &[&sound],
        "what was mounted or started since the plan was made would go on writing after the cut",
    );

    let switchable = book.step(
        "power-ready",
        Old,
        PowerReady {},
        &[&known],
        "a power control that does not answer must be noticed while services still run",
    );

    // ---- quiet ----------------------------------------------------------------------------------------------------
    let boot_target = layout.boot.as_ref().map(|boot| &boot.target);
    let mut quiet = switchable.clone();
    let mut silence = Vec::new();
    if !layout.stop.is_empty() {
        quiet = book.step(
            "stop-services",
            Old,
            Service { units: layout.stop.clone(), run: false, in_order: true, record: layout.ran("stop-services") },
            &[&quiet],
            "downtime begins: from here on nothing new is promised to anybody",
        );
        silence.push(quiet.clone());
    }
    quiet = book.step(
        "stop-journal",
        Old,
        Service {
            units: JOURNAL.map(str::to_string).to_vec(),
            run: false,
            in_order: false,
            record: layout.ran("stop-journal"),
        },
        &[&quiet],
        "it writes to the file systems that must fall silent",
    );
    silence.push(quiet.clone());
    for swap in &layout.swaps {
        let name = swap.trim_start_matches("/dev/mapper/").trim_start_matches('/').replace('/', "-");
        quiet = book.step(
            format!("swap-off-{name}"),
            Old,
            SwapOff { device: swap.clone() },
            &[&quiet],
            "what is in it must be in memory, for it is not copied",
        );
        silence.push(quiet.clone());
    }
    quiet = book.step(
        "let-go",
        Old,
        LetGo {
            targets: targets.iter().filter(|target| boot_target != Some(*target)).cloned().collect(),
            // the monitor of arrays is told of nothing any more
            spare: needed_names().filter(|name| *name != "mdadm").map(str::to_string).collect(),
            restart: RESTARTED.map(str::to_string).to_vec(),
            record: layout.ran("let-go"),
            dir: layout.run.clone(),
        },
        &[&quiet],
        "a file that is open for writing, or that an upgrade has replaced while it is in use, keeps a file system writable",
    );
    silence.push(quiet.clone());
    // Before the others: its hash is written to one of them.
    let same_boot = same_boot(layout);
    if let Some(same) = &same_boot {
        quiet = book.step(
            "boot-still-read-only",
            Old,
            Remount { target: same.target.clone(), last_resort: format!("{}/was-writable", layout.run) },
            &[&quiet],
            "somebody may have made it writable while the rest was copied",
        );
        silence.push(quiet.clone());
        quiet = book.step(
            "same-boot",
            Old,
            same.clone(),
            &[&quiet],
            "what was written to it after it was copied, a kernel update for one, is copied again",
        );
        silence.push(quiet.clone());
    }
    // those below first, `/` last
    for mount in layout.mounts.iter().rev() {
        if boot_target == Some(&mount.target) {
            continue; // it is
        }
        quiet = book.step(
            format!(
                "read-only-{}",
                if mount.target == "/" { "root" } else { mount.target[1..].trim() }.replace('/', "-")
            ),
            Old,
            Remount { target: mount.target.clone(), last_resort: format!("{}/was-writable", layout.run) },
            &[&quiet],
            "flushed and clean, so that both halves are as after a proper shutdown",
        );
        silence.push(quiet.clone());
    }
    let still = method::in_sync(
        book,
        &copied.groups,
        "still-in-sync",
        &[&quiet],
        "what was written last must be on both halves",
    );
    let mut last = still.clone();
    if let Some(same) = same_boot {
        last = book.step(
            "boot-unchanged",
            Old,
            SameBoot { check: true, ..same },
            &[&last],
            "the last moment at which it could have been written to",
        );
        silence.push(last.clone());
    }
    let counted = layout.ran("writes").replace(".ran", ".counted");
    let count = book.step(
        "count-writes",
        Old,
        WritesCounted { record: counted.clone(), volumes: volumes.clone() },
        &[&last],
        "one more of any, and something was written that is not on new",
    );
    let silent = book.step(
        "nothing-writes",
        Old,
        NothingWrites { volumes: volumes.clone(), targets: targets.clone(), yet: None },
        &[&count],
        "as it is now, in every mount namespace: what is written from here on is lost",
    );
    // The first look ends where the stopping begins: it is not asked again after.
    book.until(&sound, &still);
    book.until(&known, &still);
    for whole in whole.iter().chain([&switchable]) {
        book.until(whole, &still);
    }

    // A boot of old forgets this mark, and with it that old is silent.
    let mark = format!("/run/replant/{}/quiet", layout.name);
    let marked = book.step(
        "mark-quiet",
        Old,
        File::new(&mark, "nothing is written here any more\n"),
        &[&silent],
        "kept in memory: if old boots after the cut, it must be noticed that it has served again",
    );

    // ---- the cut --------------------------------------------------------------------------------------------------
    let volumes_cut = method::cut(book, layout, &copied.groups, &marked);
    let mut cut = volumes_cut.last.clone();
    if let Some(first) = &volumes_cut.first {
        for before in [&still, &count, &silent, &marked] {
            book.until(before, first);
        }
        // Silence that is broken after the cut must be noticed, and not made again: `still-quiet` looks.
        for silent in &silence {
            book.until(silent, first);
        }
    }
    for group in &layout.groups {
        let parted = method::part(book, group, &copied.groups, &volumes_cut, &cut);
        cut = parted.clone();
        for lun in group.moves.luns() {
            logout(book, &mut cut, layout, link, lun, &parted);
        }
    }
    if let Some(boot) = &layout.boot {
        let before = cut.clone();
        logout(book, &mut cut, layout, link, boot.lun, &before);
    }

    cut = book.step(
        "flush-old",
        Old,
        Flushed { mark: format!("{}/flushed", layout.run) },
        &[&cut],
        "its power is taken without a shutdown: what stays behind must be whole for the way back",
    );

    let mut units = layout.stop.clone();
    units.extend(JOURNAL.map(str::to_string));
    cut = book.step(
        "still-quiet",
        Old,
        StillQuiet { mark, units, read_only: targets, volumes, counted },
        &[&cut],
        "what old wrote after the cut would be lost",
    );
    let quiet_until_off = cut.clone();
    let off = book.step(
        "old-off",
        Old,
        OldOff {},
        &[&cut],
        "two servers must never be up with the same name and addresses",
    );
    book.fence(&off);
    Off { off, quiet: quiet_until_off }
}

/// The boot file system as it is compared while nothing writes, where it is one of its own.
fn same_boot(layout: &Layout) -> Option<SameBoot> {
    layout.boot.as_ref().map(|boot| SameBoot {
        target: boot.target.clone(),
        device: boot.device.clone(),
        lun: layout.luns[boot.lun].on_old.clone(),
        hash_file: hash_file(layout),
        size: boot.size,
        check: false,
        script: text::BOOT_COPY.into(),
        dir: layout.run.clone(),
    })
}

/// Logs out from one target.
fn logout(book: &mut Book, cut: &mut Handle, layout: &Layout, link: &Connected, at: usize, after: &Handle) {
    let lun = &layout.luns[at];
    let logout = book.step(
        format!("logout-{}", lun.name),
        Old,
        Logout { iqn: lun.iqn.clone(), portal: portal(layout), device: lun.on_old.clone() },
        &[&*cut, after],
        "new may use it only when old has let go of it",
    );
    book.until(&link.logins[at], &logout);
    book.until(after, &logout);
    *cut = logout;
}
