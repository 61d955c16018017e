//! A world as text, for comparing it with what was found.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::world::{Machine, World, decided};
use super::written::{Leg, Written};
use crate::host::Server;

impl World {
    /// All of it, or of one server, as text, without what differs between any two moments: generations, sequence
    /// numbers, boots, the kernel's log, and where on new's disks a volume begins, which is the order in which they were
    /// copied. Two worlds with the same text are the same for people.
    pub fn text(&self, of: Option<Server>) -> String {
        let mut text = String::new();
        for machine in [&self.old, &self.new] {
            if of.is_none_or(|of| of == machine.server) {
                self.machine_text(machine, &mut text);
            }
        }
        text
    }

    fn machine_text(&self, machine: &Machine, out: &mut String) {
        let server = machine.server;
        let on = if machine.on { "on" } else { "off" };
        let mut line = |text: String| writeln!(out, "{server}: {text}").expect("a string takes everything");
        line(format!("{on}, {:?}", machine.system));
        let run = &machine.run;
        line(format!("hostname {}, card {}, addresses {:?}", run.hostname, run.card, run.addresses));
        if run.rehearsal.is_some() {
            line("a rehearsal is on".into());
        }
        for (unit, active) in &run.units {
            line(format!("unit {unit} {}", if *active { "active" } else { "inactive" }));
        }
        for (path, value) in &run.sysctls {
            line(format!("{path} = {value}"));
        }
        for mount in &run.mounts {
            let mode = if mount.read_only { "ro" } else { "rw" };
            let point = if mount.point_ro { ", this mount point ro" } else { "" };
            let space = if mount.namespace == 0 { "" } else { ", in another namespace" };
            line(format!("mount {} on {} {} {mode}{point}{space}", mount.source, mount.target, mount.fstype));
        }
        for array in &run.arrays {
            line(format!("array {} {} runs", array.uuid, array.name));
        }
        for swap in &run.swaps {
            line(format!("swap on {}", self.shown(server, swap)));
        }
        for active in &run.active {
            line(format!("volume {} is active", decided(&active.uuid)));
        }
        if let Some(tgt) = &run.tgt {
            line(format!("tgtd on {:?}, {:?}", tgt.portals, tgt.targets));
        }
        for target in &run.lio {
            line(format!("lio {target:?}"));
        }
        for session in &run.sessions {
            line(format!("session {} {}", session.iqn, session.live));
        }
        for (name, files) in &run.ram {
            for (path, file) in files.iter().filter(|_| name != "run" && name != "tmp") {
                line(format!("{name}: {path} {:o} {:?}", file.mode, file.text));
            }
            // scripts and stamps of ours live there until the next boot; everything else counts
            for (path, file) in files.iter().filter(|(path, _)| name == "run" && !path.contains("replant")) {
                line(format!("{name}: {path} {:o} {:?}", file.mode, file.text));
            }
        }
        for disk in &machine.disks {
            self.place_text(server, &disk.serial, 1, &mut line);
        }
        // What stands inside arrays whose superblocks are gone comes back with the next array of the same members.
        let bodies = self.bodies();
        for (loc, written) in &self.places {
            let own = loc.starts_with("md:")
                && machine.disks.iter().any(|disk| loc.contains(&format!(":{}@", disk.serial)))
                && !loc.contains('#');
            if own && *written != Written::Torn && !bodies.iter().any(|(_, body, _)| body == loc) {
                self.place_text(server, loc, 1, &mut line);
            }
        }
    }

    /// A place and what stands in it; what no table, superblock or group leads to any more is not there for anybody.
    fn place_text(&self, server: Server, loc: &str, depth: usize, line: &mut impl FnMut(String)) {
        let indent = "  ".repeat(depth);
        let written = self.places.get(loc);
        let key = loc;
        let loc = self.shown(server, loc);
        let Some(written) = written else {
            return line(format!("{indent}{loc}: blank"));
        };
        match written {
            Written::Table(table) => {
                let grub = self.grub.get(key).map_or(String::new(), |uuid| format!(", GRUB of {uuid}"));
                line(format!("{indent}{loc}: {} {}{grub}", table.kind, table.id));
                for part in &table.parts {
                    line(format!("{indent}  {part:?}"));
                    self.place_text(server, &format!("{key}@{}", part.start), depth + 1, line);
                }
            }
            Written::Member(member) => {
                line(format!("{indent}{loc}: {member:?}"));
                let body = self.bodies().into_iter().find(|(uuid, _, members)| {
                    *uuid == member.uuid && members.first().is_some_and(|first| first == key)
                });
                if let Some((_, body, _)) = body {
                    self.place_text(server, &body, depth + 1, line);
                }
            }
            Written::Pv(label) => {
                line(format!("{indent}{loc}: PV {} {}", label.uuid, label.size));
                let Some(group) = &label.group else { return };
                line(format!("{indent}  {} {} {:?}", group.name, decided(&group.uuid), group.pvs));
                for lv in &group.lvs {
                    let extents: Vec<_> = lv.legs.iter().map(|leg| leg_text(server, leg)).collect();
                    line(format!("{indent}  {} {} {:?} {extents:?}", lv.name, decided(&lv.uuid), lv.segtype));
                    for leg in &lv.legs {
                        let here = leg.extents.first().filter(|extents| extents.pv == label.uuid);
                        if let Some(extents) = here {
                            self.place_text(server, &format!("{key}#{}", extents.start), depth + 1, line);
                        }
                    }
                }
            }
            Written::Fs(fs) => {
                line(format!("{indent}{loc}: {} {} {}", fs.kind, fs.uuid, fs.size));
                for (path, file) in &fs.files {
                    // who works on it differs between any two runs, and so does a sum over generations; that they are
                    // there does not
                    let differs = ["/replant/seen", "/boot.sha256"].iter().any(|end| path.ends_with(end));
                    let text = if differs { "..." } else { &file.text };
                    line(format!("{indent}  {path} {:o} {text:?}", file.mode));
                }
            }
            Written::Swap { uuid, .. } => line(format!("{indent}{loc}: swap {uuid}")),
            Written::Torn => line(format!("{indent}{loc}: half a copy")),
        }
    }

    /// A place by its name. A volume on new is named by its group and name, one on old by where it begins.
    fn shown(&self, server: Server, loc: &str) -> String {
        let volume = || {
            let (below, start) = loc.rsplit_once('#')?;
            let Some(Written::Pv(label)) = self.places.get(below) else { return None };
            let group = label.group.as_ref()?;
            let begins = |leg: &Leg| {
                leg.extents.first().is_some_and(|first| first.pv == label.uuid && first.start.to_string() == start)
            };
            let lv = group.lvs.iter().find(|lv| lv.legs.iter().any(begins))?;
            Some(format!("{below}#{}", lv.name))
        };
        match server {
            Server::New => volume().unwrap_or_else(|| loc.to_owned()),
            Server::Old => loc.to_owned(),
        }
    }
}

/// Where a copy of a volume lies; on new, how much of it on which physical volume.
fn leg_text(server: Server, leg: &Leg) -> String {
    match server {
        Server::Old => format!("{:?}, {:?}", leg.extents, leg.meta),
        Server::New => {
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for extents in &leg.extents {
                *counts.entry(&extents.pv).or_default() += extents.count;
            }
            format!("{counts:?}, {}", if leg.meta.is_some() { "with metadata" } else { "no metadata" })
        }
    }
}
