//! What changes LVM's metadata and what is active, with the refusals of the real commands: exit code 5, and words like
//! theirs.

use super::lvm::View;
use super::world::{Active, World};
use super::written::{Extents, Group, Leg, Segtype, Volume, Written};
use super::{Args, Fail, Said};
use crate::host::Server;

pub(super) type Done<T = ()> = Result<T, Fail>;

pub(super) fn no<T>(text: impl std::fmt::Display) -> Done<T> {
    Err(Fail::new(5, format!("  {text}\n")))
}

pub(super) const CANNOT_CHANGE: &str =
    "Cannot change VG while PVs are missing.\n  See vgreduce --removemissing and vgextend --restoremissing.";

impl World {
    /// The group, ready to be changed.
    pub(super) fn writable(&self, server: Server, name: &str, args: &Args) -> Done<View> {
        let view = self.group(server, name)?;
        if view.partial() {
            return no(CANNOT_CHANGE);
        }
        self.may_archive(server, name, args)?;
        Ok(view)
    }

    pub(super) fn may_archive(&self, server: Server, name: &str, args: &Args) -> Done {
        let config = args.value("--config").unwrap_or_default();
        let told = config.contains("backup=0") && config.contains("archive=0");
        if self.read_only(server, &self.archive_dir(server)) && !told {
            return no(format!(
                "Cannot archive volume group metadata for {name} to read-only filesystem.\n  Failed to update {name}."
            ));
        }
        Ok(())
    }

    /// `backup/archive_dir`: lvm.conf(5)
    pub(super) fn archive_dir(&self, server: Server) -> String {
        let config = self.read_file(server, "/etc/lvm/lvmlocal.conf").unwrap_or_default();
        let said = config.lines().find_map(|line| line.trim().strip_prefix("archive_dir"));
        said.and_then(|said| said.split('"').nth(1)).unwrap_or("/etc/lvm/archive").to_string()
    }

    pub(super) fn write_group(&mut self, server: Server, mut view: View) {
        self.assert_alone(server, &view);
        view.group.seqno += 1;
        // whatever is written without them, they have missed
        for pv in &mut view.group.pvs {
            pv.missing |= !view.devs.contains_key(&pv.uuid);
        }
        for pv in view.group.pvs.iter().filter(|pv| !pv.missing) {
            let Some(loc) = view.devs.get(&pv.uuid) else { continue };
            if let Some(Written::Pv(label)) = self.places.get_mut(loc) {
                label.group = Some(view.group.clone());
            }
        }
    }

    /// The one thing that must never happen to a volume group: two servers at it at the same time.
    pub(super) fn assert_alone(&self, server: Server, view: &View) {
        let shared = |loc: &String| {
            self.old.run.sessions.iter().any(|session| session.live && session.loc == *loc)
                && self.old.run.active.iter().any(|active| view.group.lvs.iter().any(|lv| lv.uuid == active.uuid))
        };
        assert!(
            server == Server::Old || !view.devs.values().any(shared),
            "new changes or activates {}, which is in use on old",
            view.group.name
        );
    }

    pub(super) fn find_lv(&self, server: Server, full: &str) -> Done<(View, usize)> {
        let (vg, lv) = full.split_once('/').unwrap_or_else(|| panic!("not a volume's full name: {full}"));
        let view = self.group(server, vg)?;
        match view.group.lvs.iter().position(|one| one.name == lv) {
            Some(at) => Ok((view, at)),
            None => no(format!("Failed to find logical volume \"{full}\"")),
        }
    }

    pub(super) fn active_mut(&mut self, server: Server, uuid: &str) -> Option<&mut Active> {
        self.machine_mut(server).run.active.iter_mut().find(|active| active.uuid == uuid)
    }

    pub(super) fn activate_one(&mut self, server: Server, uuid: &str) {
        if self.active(server, uuid).is_none() {
            let active =
                Active { uuid: uuid.to_string(), synced: 100, health: "A".into(), watched: false, lost: false };
            self.machine_mut(server).run.active.push(active);
        }
    }

    pub(super) fn lv_busy(&self, server: Server, view: &View, lv: &Volume) -> bool {
        let path = format!("/dev/mapper/{}", crate::step::dm_name(&view.group.name, &lv.name));
        self.active(server, &lv.uuid).is_some() && self.dev(server, &path).is_some_and(|dev| self.open(server, &dev))
    }

    pub(super) fn deactivate(&mut self, server: Server, uuid: &str) {
        self.machine_mut(server).run.active.retain(|active| active.uuid != uuid);
    }

    pub(super) fn lvremove(&mut self, server: Server, args: &Args) -> Said {
        let [full] = args.words() else { panic!("lvremove {args:?}") };
        // one of the commands that do not mind missing disks
        let (mut view, at) = self.find_lv(server, full)?;
        self.may_archive(server, &view.group.name, args)?;
        if self.lv_busy(server, &view, &view.group.lvs[at]) {
            return no(format!("Logical volume {full} contains a filesystem in use."));
        }
        let lv = view.group.lvs.remove(at);
        self.deactivate(server, &lv.uuid);
        self.write_group(server, view);
        Ok(format!("  Logical volume \"{}\" successfully removed\n", lv.name))
    }

    pub(super) fn lvchange(&mut self, server: Server, args: &Args) -> Said {
        if let Some(leg) = args.value("--writemostly") {
            return self.write_mostly(server, &leg, args);
        }
        if args.value("--activate").as_deref() != Some("n") {
            panic!("lvchange {args:?}");
        }
        for full in args.words() {
            let (view, at) = self.find_lv(server, full)?;
            let lv = &view.group.lvs[at];
            if self.lv_busy(server, &view, lv) {
                return no(format!("Logical volume {full} in use."));
            }
            let uuid = lv.uuid.clone();
            self.deactivate(server, &uuid);
        }
        Ok(String::new())
    }

    pub(super) fn vgchange(&mut self, server: Server, args: &Args) -> Said {
        let [name] = args.words() else { panic!("vgchange {args:?}") };
        let view = self.group(server, name)?;
        match args.value("--activate").as_deref() {
            Some("y") => self.activate(server, &view),
            Some("n") => {
                if let Some(lv) = view.group.lvs.iter().find(|lv| self.lv_busy(server, &view, lv)) {
                    return no(format!(
                        "Logical volume {name}/{} in use.\n  Can't deactivate volume group \"{name}\" with 1 open logical volume(s)",
                        lv.name
                    ));
                }
                for lv in &view.group.lvs {
                    self.deactivate(server, &lv.uuid);
                }
                Ok(format!("  0 logical volume(s) in volume group \"{name}\" now active\n"))
            }
            _ => panic!("vgchange {args:?}"),
        }
    }

    pub(super) fn activate(&mut self, server: Server, view: &View) -> Said {
        self.assert_alone(server, view);
        for lv in &view.group.lvs {
            let lives = |leg: &Leg| view.leg_lives(leg);
            let enough = match lv.segtype {
                Segtype::Raid1 => lv.legs.iter().any(lives),
                _ => lv.legs.iter().all(lives),
            };
            if !enough {
                return no(format!(
                    "Refusing activation of partial LV {}/{}.  Use '--activationmode partial' to override.",
                    view.group.name, lv.name
                ));
            }
            if self.active(server, &lv.uuid).is_none() {
                self.activate_one(server, &lv.uuid);
                // a core log remembers nothing
                if let Some(active) = self.active_mut(server, &lv.uuid)
                    && lv.segtype != Segtype::Linear
                {
                    active.watched = true;
                    active.health = "AA".into();
                    active.synced = if lv.segtype == Segtype::Mirror { 0 } else { 100 };
                }
            }
        }
        let count = view.group.lvs.len();
        Ok(format!("  {count} logical volume(s) in volume group \"{}\" now active\n", view.group.name))
    }

    pub(super) fn lvrename(&mut self, server: Server, args: &Args) -> Said {
        let [vg, from, to] = args.words() else { panic!("lvrename {args:?}") };
        let mut view = self.writable(server, vg, args)?;
        if view.group.lv(to).is_some() {
            return no(format!("Logical volume \"{to}\" already exists in volume group \"{vg}\""));
        }
        let Some(lv) = view.group.lvs.iter_mut().find(|lv| lv.name == *from) else {
            return no(format!("Existing logical volume \"{from}\" not found in volume group \"{vg}\""));
        };
        lv.name.clone_from(to);
        self.write_group(server, view);
        Ok(format!("  Renamed \"{from}\" to \"{to}\" in volume group \"{vg}\"\n"))
    }

    pub(super) fn lvcreate(&mut self, server: Server, args: &Args) -> Said {
        let [vg] = args.words() else { panic!("lvcreate {args:?}") };
        let (Some(size), Some(name)) = (args.value("--size"), args.value("--name")) else {
            panic!("lvcreate {args:?}")
        };
        let mut view = self.writable(server, vg, args)?;
        if view.group.lv(&name).is_some() {
            return no(format!("Logical Volume \"{name}\" already exists in volume group \"{vg}\""));
        }
        let wanted = bytes(&size).div_ceil(view.group.extent);
        let home = view.group.pvs.iter().map(|pv| pv.uuid.clone()).find(|pv| view.group.free(pv) >= wanted);
        let Some(extents) = home.and_then(|pv| allocate(&view.group, &pv, wanted)) else {
            let free: u64 = view.group.pvs.iter().map(|pv| view.group.free(&pv.uuid)).sum();
            return no(format!(
                "Volume group \"{vg}\" has insufficient free space ({free} extents): {wanted} required."
            ));
        };
        let (uuid, leg) = (self.uuid(), self.uuid());
        let leg = Leg { uuid: leg, extents, meta: None, write_mostly: false };
        if args.value("--wipesignatures").as_deref() == Some("y")
            && let Some(loc) = view.leg_loc(&leg)
        {
            self.places.remove(&loc);
        }
        view.group.lvs.push(Volume {
            uuid: uuid.clone(),
            name: name.clone(),
            segtype: Segtype::Linear,
            legs: vec![leg],
        });
        self.write_group(server, view);
        self.activate_one(server, &uuid);
        Ok(format!("  Logical volume \"{name}\" created.\n"))
    }

    pub(super) fn lvextend(&mut self, server: Server, args: &Args) -> Said {
        let [full] = args.words() else { panic!("lvextend {args:?}") };
        let (view, at) = self.find_lv(server, full)?;
        let mut view = self.writable(server, &view.group.name, args)?;
        let has = view.group.lvs[at].extents();
        let free: u64 = view.group.pvs.iter().map(|pv| view.group.free(&pv.uuid)).sum();
        let more = match (args.value("--size"), args.value("--extents").as_deref()) {
            (Some(size), None) => bytes(&size).div_ceil(view.group.extent).saturating_sub(has),
            (None, Some("+100%FREE")) => free,
            _ => panic!("lvextend {args:?}"),
        };
        if more == 0 {
            return no(format!("New size ({has} extents) matches existing size ({has} extents)."));
        }
        if more > free {
            return no(format!("Insufficient free space: {more} extents needed, but only {free} available"));
        }
        let mut left = more;
        let pvs: Vec<String> = view.group.pvs.iter().map(|pv| pv.uuid.clone()).collect();
        for pv in pvs {
            let part = view.group.free(&pv).min(left);
            if let Some(extents) = (part > 0).then(|| allocate(&view.group, &pv, part)).flatten() {
                view.group.lvs[at].legs[0].extents.extend(extents);
                left -= part;
            }
        }
        self.reload_table(server, &crate::step::dm_name(&view.group.name, &view.group.lvs[at].name));
        self.write_group(server, view);
        Ok(format!("  Logical volume {full} successfully resized.\n"))
    }
}

fn bytes(size: &str) -> u64 {
    size.trim_end_matches('b').parse().unwrap_or_else(|_| panic!("a size in bytes, not `{size}`"))
}

/// The first free extents of a physical volume.
pub(super) fn allocate(group: &Group, pv: &str, count: u64) -> Option<Vec<Extents>> {
    let all = group.pvs.iter().find(|one| one.uuid == pv)?.count;
    let mut taken: Vec<(u64, u64)> = group
        .lvs
        .iter()
        .flat_map(Volume::all)
        .filter(|extents| extents.pv == pv)
        .map(|extents| (extents.start, extents.start + extents.count))
        .collect();
    taken.sort_unstable();
    taken.push((all, all));
    let mut gaps = Vec::new();
    let mut from = 0;
    for (start, end) in taken {
        if start > from {
            gaps.push((from, start - from));
        }
        from = from.max(end);
    }
    let extents = |start, count| Extents { pv: pv.to_string(), start, count };
    if let Some((start, _)) = gaps.iter().find(|(_, room)| *room >= count) {
        return Some(vec![extents(*start, count)]);
    }
    let mut left = count;
    let mut found = Vec::new();
    for (start, room) in gaps {
        let part = room.min(left);
        found.push(extents(start, part));
        left -= part;
        if left == 0 {
            return Some(found);
        }
    }
    None
}
