//! cutover: services stop, nothing writes any more, the copies are cut off while both halves are connected, and old is
//! switched off. Where replant switches it, the loss of its power may be the cut. Downtime begins with the first step
//! that stops something and ends when new serves. Steps that need not wait for each other do not.

use super::book::{Book, Handle};
use super::connect::{Connected, portal};
use super::copy::{Copied, hash_file};
use super::guard::Guard;
use super::method::{self, Cut};
use super::ready::Ready;
use super::text;
use super::verify;
use crate::host::Side::{New, Old};
use crate::layout::{Group, Layout, Lun, needed_names};
use crate::runbook::Stage;
use crate::step::{
    ArrayWhole, File, Flushed, KernelThere, LetGo, Logout, NothingWrites, OldOff, PowerReady, Remount, SameBoot,
    Service, StepKind, StillQuiet, SwapOff, WritesCounted,
};

pub(super) struct Off {
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

pub(super) fn write(book: &mut Book, layout: &Layout, ready: &Ready, link: &Connected, copied: &Copied) -> Off {
    book.stage(Stage::Cutover);
    let asked = ask_before(book, layout, ready, copied);
    let mut last = asked.last.clone();
    let guard = Guard::arm(book, layout, &mut last);
    let quiet = fall_silent(book, layout, last);
    let mut silent = prove_silence(book, layout, copied, quiet);
    guard.complete(book, layout, &silent.holds);
    for look in &asked.looks {
        book.until(look, &silent.in_sync); // it ends where the stopping begins: it is not asked again after
    }
    let compared = verify::compare(book, layout, copied, &silent.proven);
    if let Some(compared) = &compared {
        silent.proven.push(compared.same.clone());
        silent.holds.extend(compared.steps.iter().chain([&compared.same]).cloned());
    }
    if layout.power_cuts {
        let mut all = silent.proven.clone();
        all.push(flush(book, layout, std::slice::from_ref(&silent.counted_by)));
        guard.hold(book, layout, &mut all);
        let off = switch_off(book, layout, &silent, &all);
        for read in compared.iter().flat_map(|compared| &compared.steps) {
            book.until(read, &off.off);
        }
        return off;
    }
    silent.holds.extend(guard.hold(book, layout, &mut silent.proven));
    let cut = cut(book, layout, copied, &silent);
    let parted = part(book, layout, link, copied, &cut);
    let flushed = flush(book, layout, &parted);
    switch_off(book, layout, &silent, &[flushed])
}

/// What is asked before anything is stopped.
struct Asked {
    looks: Vec<Handle>,
    last: Handle,
}

fn ask_before(book: &mut Book, layout: &Layout, ready: &Ready, copied: &Copied) -> Asked {
    let whole = arrays_are_whole(book, layout, ready);
    let mut before = method::done(&copied.groups);
    before.extend(copied.boot.as_ref());
    before.push(&ready.initiator);
    before.extend(&whole);
    let in_sync = method::in_sync(
        book,
        &copied.groups,
        "all-in-sync",
        &before,
        "the last moment at which nothing has been stopped",
    );
    let unchanged = boot_is_unchanged(book, layout, &in_sync).or_else(|| kernel_is_there(book, layout, &in_sync));
    let mut yet = layout.yet.clone();
    yet.stops.extend(layout.stop.iter().cloned().chain(JOURNAL.map(str::to_string)));
    let known = book.step(
        "nothing-new-writes",
        Old,
        NothingWrites { volumes: volumes(layout), targets: targets(layout), yet: Some(yet) },
        &[&in_sync].into_iter().chain(&unchanged).collect::<Vec<_>>(),
        "what was mounted or started since the plan was made would go on writing after the cut",
    );
    let switchable = book.step(
        "power-ready",
        Old,
        PowerReady {},
        &[&known],
        "a power control that does not answer must be noticed while services still run",
    );
    let looks = whole.into_iter().chain(unchanged).chain([in_sync, known, switchable.clone()]).collect();
    Asked { looks, last: switchable }
}

fn arrays_are_whole(book: &mut Book, layout: &Layout, ready: &Ready) -> Vec<Handle> {
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
    whole
}

/// `vg0/root`: all that are copied.
fn volumes(layout: &Layout) -> Vec<String> {
    let of = |group: &Group| -> Vec<String> {
        group.copied.iter().map(|volume| format!("{}/{}", group.vg, volume.lv)).collect()
    };
    layout.groups.iter().flat_map(of).collect()
}

/// Where file systems that move are mounted.
fn targets(layout: &Layout) -> Vec<String> {
    layout.mounts.iter().map(|mount| mount.target.clone()).collect()
}

/// Steps that make old fall silent.
struct Quiet {
    steps: Vec<Handle>,
    /// what the next one waits for
    last: Vec<Handle>,
}

impl Quiet {
    fn step(&mut self, book: &mut Book, id: impl Into<String>, step: impl Into<StepKind>, why: &str) {
        let done = self.beside(book, id, step, why);
        self.last = vec![done];
    }

    /// The next one waits for what this one waits for.
    fn beside(&mut self, book: &mut Book, id: impl Into<String>, step: impl Into<StepKind>, why: &str) -> Handle {
        let done = book.step(id, Old, step, &self.last.iter().collect::<Vec<_>>(), why);
        self.steps.push(done.clone());
        done
    }
}

fn fall_silent(book: &mut Book, layout: &Layout, after: Handle) -> Quiet {
    let mut quiet = Quiet { steps: Vec::new(), last: vec![after] };
    stop_services(book, layout, &mut quiet);
    let mut beside = swap_off(book, layout, &mut quiet);
    beside.extend(close_boot_beside(book, layout, &mut quiet));
    stop_journal(book, layout, &mut quiet);
    let_go(book, layout, &mut quiet);
    quiet.last.extend(beside);
    close_boot(book, layout, &mut quiet); // before the others: its hash is written to one of them
    read_only(book, layout, &mut quiet);
    quiet
}

fn stopped(layout: &Layout, id: &str, units: Vec<String>, in_order: bool) -> Service {
    Service { units, run: false, in_order, record: layout.ran(id) }
}

fn stop_services(book: &mut Book, layout: &Layout, quiet: &mut Quiet) {
    if !layout.stop.is_empty() {
        let step = stopped(layout, "stop-services", layout.stop.clone(), true);
        quiet.step(book, "stop-services", step, "downtime begins: from here on nothing new is promised to anybody");
    }
}

fn stop_journal(book: &mut Book, layout: &Layout, quiet: &mut Quiet) {
    let step = stopped(layout, "stop-journal", JOURNAL.map(str::to_string).to_vec(), false);
    quiet.step(book, "stop-journal", step, "it writes to the file systems that must fall silent");
}

fn swap_off(book: &mut Book, layout: &Layout, quiet: &mut Quiet) -> Vec<Handle> {
    let mut off = Vec::new();
    for swap in &layout.swaps {
        let name = swap.trim_start_matches("/dev/mapper/").trim_start_matches('/').replace('/', "-");
        let step = SwapOff { device: swap.clone() };
        let why = "what is in it must be in memory, for it is not copied";
        off.push(quiet.beside(book, format!("swap-off-{name}"), step, why));
    }
    off
}

fn let_go(book: &mut Book, layout: &Layout, quiet: &mut Quiet) {
    let boot = layout.boot.as_ref().map(|boot| &boot.target);
    let step = LetGo {
        targets: targets(layout).into_iter().filter(|target| boot != Some(target)).collect(),
        // the monitor of arrays is told of nothing any more
        spare: needed_names().filter(|name| *name != "mdadm").map(str::to_string).collect(),
        restart: RESTARTED.map(str::to_string).to_vec(),
        record: layout.ran("let-go"),
        dir: layout.run.clone(),
    };
    quiet.step(
        book,
        "let-go",
        step,
        "a file that is open for writing, or that an upgrade has replaced while it is in use, keeps a file system writable",
    );
}

const BOOT_CLOSED: &str = "somebody may have made it writable while the rest was copied";

/// Where new has booted with it already, nothing waits for it but the end.
fn close_boot_beside(book: &mut Book, layout: &Layout, quiet: &mut Quiet) -> Option<Handle> {
    let same = same_boot(layout).filter(|_| layout.start.is_first())?;
    Some(quiet.beside(book, "boot-still-read-only", remount(layout, &same.target), BOOT_CLOSED))
}

fn close_boot(book: &mut Book, layout: &Layout, quiet: &mut Quiet) {
    let Some(same) = same_boot(layout).filter(|_| !layout.start.is_first()) else { return };
    quiet.step(book, "boot-still-read-only", remount(layout, &same.target), BOOT_CLOSED);
    quiet.step(
        book,
        "same-boot",
        same,
        "what was written to it after it was copied, a kernel update for one, is copied again",
    );
}

/// Those below first, `/` last.
fn read_only(book: &mut Book, layout: &Layout, quiet: &mut Quiet) {
    let boot = layout.boot.as_ref().map(|boot| &boot.target);
    for mount in layout.mounts.iter().rev().filter(|mount| boot != Some(&mount.target)) {
        let name = if mount.target == "/" { "root" } else { mount.target[1..].trim() };
        quiet.step(
            book,
            format!("read-only-{}", name.replace('/', "-")),
            remount(layout, &mount.target),
            "flushed and clean, so that both halves are as after a proper shutdown",
        );
    }
}

fn remount(layout: &Layout, target: &str) -> Remount {
    Remount { target: target.to_string(), last_resort: format!("{}/was-writable", layout.run) }
}

/// Nothing writes, and that is proven.
struct Silent {
    in_sync: Handle,
    /// what holds until the first volume is cut
    holds: Vec<Handle>,
    counted_by: Handle,
    /// all of the proof, counted
    proven: Vec<Handle>,
    mark: String,
    counted: String,
}

fn prove_silence(book: &mut Book, layout: &Layout, copied: &Copied, mut quiet: Quiet) -> Silent {
    // Counted first: a write that is not in this number came after it, and one that is in it is looked for on new.
    let counted = layout.ran("writes").replace(".ran", ".counted");
    let silent: Vec<&Handle> = quiet.last.iter().collect();
    let count = book.step(
        "count-writes",
        Old,
        WritesCounted { record: counted.clone(), volumes: volumes(layout) },
        &silent,
        "one more of any, and something was written that is not on new",
    );
    let in_sync = method::in_sync(
        book,
        &copied.groups,
        "still-in-sync",
        &[&count],
        "what was written last must be on both halves",
    );
    let mut proven = vec![in_sync.clone()];
    if let Some(same) = same_boot(layout).filter(|_| !layout.start.is_first()) {
        let check = SameBoot { check: true, ..same };
        let why = "the last moment at which it could have been written to";
        proven.push(book.step("boot-unchanged", Old, check, &[&count], why));
    }
    proven.push(book.step(
        "nothing-writes",
        Old,
        NothingWrites { volumes: volumes(layout), targets: targets(layout), yet: None },
        &[&count],
        "as it is now, in every mount namespace: what is written from here on is lost",
    ));
    // A boot of old forgets this mark, and with it that old is silent.
    let mark = format!("/run/replant/{}/quiet", layout.name);
    proven.push(book.step(
        "mark-quiet",
        Old,
        File::new(&mark, "nothing is written here any more\n"),
        &[&count],
        "kept in memory: if old boots after the cut, it must be noticed that it has served again",
    ));
    quiet.steps.extend([&count].into_iter().chain(&proven).cloned());
    Silent { in_sync, holds: quiet.steps, counted_by: count, proven, mark, counted }
}

/// Cuts old's volumes off from their copies. Silence that is broken after the cut must be noticed, and not made again:
/// `still-quiet` looks.
fn cut(book: &mut Book, layout: &Layout, copied: &Copied, silent: &Silent) -> Cut {
    let cut = method::cut(book, layout, &copied.groups, &silent.proven);
    if let Some(first) = &cut.first {
        for held in &silent.holds {
            book.until(held, first);
        }
    }
    cut
}

/// Old lets go of new's disks.
fn part(book: &mut Book, layout: &Layout, link: &Connected, copied: &Copied, cut: &Cut) -> Vec<Handle> {
    let mut last = cut.last.clone();
    for group in &layout.groups {
        let after: Vec<&Handle> = last.iter().collect();
        let parted = method::part(book, group, &copied.groups, cut, &after);
        last = parted.clone().map_or(last, |parted| vec![parted]);
        for lun in group.moves.luns() {
            last = vec![log_out(book, layout, &layout.luns[lun], &link.logins[lun], &last)];
            if let Some(parted) = &parted {
                book.until(parted, &last[0]);
            }
        }
    }
    if let Some(boot) = layout.boot.as_ref().filter(|_| !layout.start.is_first()) {
        last = vec![log_out(book, layout, &layout.luns[boot.lun], &link.logins[boot.lun], &last)];
    }
    last
}

fn flush(book: &mut Book, layout: &Layout, after: &[Handle]) -> Handle {
    book.step(
        "flush-old",
        Old,
        Flushed { mark: format!("{}/flushed", layout.run) },
        &after.iter().collect::<Vec<_>>(),
        "its power is taken without a shutdown: what stays behind must be whole for the way back",
    )
}

fn switch_off(book: &mut Book, layout: &Layout, silent: &Silent, after: &[Handle]) -> Off {
    let mut units = layout.stop.clone();
    units.extend(JOURNAL.map(str::to_string));
    let quiet = book.step(
        "still-quiet",
        Old,
        StillQuiet {
            mark: silent.mark.clone(),
            units,
            read_only: targets(layout),
            volumes: volumes(layout),
            counted: silent.counted.clone(),
        },
        &after.iter().collect::<Vec<_>>(),
        "what old wrote after the cut would be lost",
    );
    let off = book.step(
        "old-off",
        Old,
        OldOff {},
        &[&quiet],
        "two servers must never be up with the same name and addresses",
    );
    book.fence(&off);
    Off { off, quiet }
}

/// The boot file system as it is compared while nothing writes, where it is one of its own.
fn same_boot(layout: &Layout) -> Option<SameBoot> {
    layout.boot.as_ref().map(|boot| SameBoot {
        target: boot.target.clone(),
        device: boot.device.clone(),
        lun: layout.luns[boot.lun].on_old.clone(),
        hash_file: hash_file(layout),
        size: boot.size.0,
        check: false,
        script: text::BOOT_COPY.into(),
        dir: layout.run.clone(),
    })
}

pub(super) fn log_out(book: &mut Book, layout: &Layout, lun: &Lun, login: &Handle, after: &[Handle]) -> Handle {
    let logout = book.step(
        format!("logout-{}", lun.name),
        Old,
        Logout { iqn: lun.iqn.clone(), portal: portal(layout), device: lun.on_old.clone() },
        &after.iter().collect::<Vec<_>>(),
        "new may use it only when old has let go of it",
    );
    book.until(login, &logout);
    logout
}

/// Where new has booted with it already: asked while nothing is stopped, for what would then have to be copied again is no
/// part of what is copied.
fn boot_is_unchanged(book: &mut Book, layout: &Layout, after: &Handle) -> Option<Handle> {
    let same = same_boot(layout).filter(|_| layout.start.is_first())?;
    let check = SameBoot { check: true, ..same };
    Some(book.step("boot-unchanged", Old, check, &[after], "new boots with what was copied before it booted"))
}

/// Where new boots from a place of the hold's own, `/boot` is none that could be kept as it was: an upgrade goes to new with all
/// else. What it may not take away is the kernel that new waits with.
fn kernel_is_there(book: &mut Book, layout: &Layout, after: &Handle) -> Option<Handle> {
    let kernel = layout.start.place()?.kernel.clone();
    let why = "the system that is copied comes up on new with the kernel that waits there";
    Some(book.step("kernel-there", Old, KernelThere { kernel }, &[after], why))
}
