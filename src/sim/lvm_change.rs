//! What changes LVM's metadata and what is active, with the refusals of the real commands: exit code 5, and words like
//! theirs.

use super::devices::Dev;
use super::lvm::View;
use super::world::{Active, Extents, Group, GroupPv, Leg, PvLabel, Segtype, Volume, World, Written};
use super::{Args, Fail, Said};
use crate::host::Server;

type Done<T = ()> = Result<T, Fail>;

fn no<T>(text: impl std::fmt::Display) -> Done<T> {
    Err(Fail::new(5, format!("  {text}\n")))
}

const CANNOT_CHANGE: &str =
    "Cannot change VG while PVs are missing.\n  See vgreduce --removemissing and vgextend --restoremissing.";

impl World {
    /// The group, ready to be changed.
    fn writable(&self, server: Server, name: &str, args: &Args) -> Done<View> {
        let view = self.group(server, name)?;
        if view.partial() {
            return no(CANNOT_CHANGE);
        }
        self.may_archive(server, name, args)?;
        Ok(view)
    }

    fn may_archive(&self, server: Server, name: &str, args: &Args) -> Done {
        let config = args.value("--config").unwrap_or_default();
        let told = config.contains("backup=0") && config.contains("archive=0");
        if self.read_only(server, "/etc/lvm/archive") && !told {
            return no(format!(
                "Cannot archive volume group metadata for {name} to read-only filesystem.\n  Failed to update {name}."
            ));
        }
        Ok(())
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
    fn assert_alone(&self, server: Server, view: &View) {
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

    fn pv_dev(&self, server: Server, path: &str) -> Done<Dev> {
        match self.dev(server, path) {
            Some(dev) if dev.live => Ok(dev),
            Some(_) => no(format!(
                "Error reading device {path} at 0 length 4096.\n  Cannot use {path}: device is not in readable state"
            )),
            None => no(format!("No device found for {path}.")),
        }
    }

    pub(super) fn pvcreate(&mut self, server: Server, args: &Args) -> Said {
        let dev = self.pv_dev(server, args.last())?;
        if self.busy(server, &dev) {
            return no(format!("Can't open {} exclusively.  Mounted filesystem?", dev.path));
        }
        let uuid = match args.value("--uuid") {
            Some(uuid) => uuid,
            None => self.uuid(),
        };
        let twin = self.bare_devices(server).into_iter().find(|other| {
            other.loc != dev.loc
                && matches!(self.places.get(&other.loc), Some(Written::Pv(label)) if label.uuid == uuid)
        });
        if let Some(twin) = twin {
            return no(format!("uuid {uuid} already in use on \"{}\".", twin.path));
        }
        if let Some(Written::Table(_)) = self.places.get(&dev.loc) {
            return no(format!("Cannot use {}: device is partitioned", dev.path));
        }
        self.places.insert(dev.loc.clone(), Written::Pv(PvLabel { uuid, size: dev.size, group: None }));
        Ok(format!("  Physical volume \"{}\" successfully created.\n", args.last()))
    }

    pub(super) fn pvremove(&mut self, server: Server, args: &Args) -> Said {
        let dev = self.pv_dev(server, args.last())?;
        let Some(Written::Pv(label)) = self.places.get(&dev.loc) else {
            return no(format!("No PV found on device {}.", args.last()));
        };
        let member = self
            .groups(server)
            .iter()
            .find_map(|view| view.group.pvs.iter().any(|pv| pv.uuid == label.uuid).then(|| view.group.name.clone()));
        if let Some(group) = member.filter(|_| !args.has("-ff")) {
            return no(format!("PV {} is used by VG {group} so please use vgreduce first.", args.last()));
        }
        if self.busy(server, &dev) {
            return no(format!("Can't open {} exclusively.  Mounted filesystem?", dev.path));
        }
        self.places.remove(&dev.loc);
        Ok(format!("  Labels on physical volume \"{}\" successfully wiped.\n", args.last()))
    }

    pub(super) fn vgextend(&mut self, server: Server, args: &Args) -> Said {
        let [name, path] = args.words() else { panic!("vgextend {args:?}") };
        if args.has("--restoremissing") {
            self.may_archive(server, name, args)?;
            let mut view = self.group(server, name)?;
            let dev = self.pv_dev(server, path)?;
            let Some(Written::Pv(label)) = self.places.get(&dev.loc) else {
                return no(format!("Failed to find physical volume \"{path}\"."));
            };
            let Some(pv) = view.group.pvs.iter_mut().find(|pv| pv.uuid == label.uuid && pv.missing) else {
                return no("No PV has been restored.");
            };
            pv.missing = false;
            self.write_group(server, view);
            return Ok(format!("  Volume group \"{name}\" successfully extended\n"));
        }
        let mut view = self.writable(server, name, args)?;
        let dev = self.pv_dev(server, path)?;
        let label = match self.places.get(&dev.loc) {
            Some(Written::Pv(label)) => label.clone(),
            None => {
                let uuid = self.uuid();
                PvLabel { uuid, size: dev.size, group: None }
            }
            Some(other) => return no(format!("Cannot use {path}: device has a signature: {other:?}")),
        };
        let owner =
            self.groups(server).into_iter().find(|view| view.group.pvs.iter().any(|pv| pv.uuid == label.uuid));
        if let Some(owner) = owner {
            let group = owner.group.name;
            return no(format!(
                "Physical volume '{path}' is already in volume group '{group}'\n  Unable to add physical volume '{path}' to volume group '{name}'"
            ));
        }
        let sectors = self.bare_devices(server);
        let theirs = sectors.iter().find(|other| view.devs.values().any(|loc| *loc == other.loc));
        if theirs.is_some_and(|theirs| theirs.sector != dev.sector) {
            return no(format!("Devices have inconsistent logical block sizes ({} and {}).", 512, dev.sector));
        }
        let count = (label.size.saturating_sub(1 << 20)) / view.group.extent;
        view.group.pvs.push(GroupPv { uuid: label.uuid.clone(), count, missing: false });
        view.devs.insert(label.uuid.clone(), dev.loc.clone());
        self.places.insert(dev.loc.clone(), Written::Pv(label));
        self.write_group(server, view);
        Ok(format!("  Volume group \"{name}\" successfully extended\n"))
    }

    /// `group_member::JOIN`
    pub(super) fn join(&mut self, server: Server, name: &str, path: &str, uuid: &str) -> Said {
        let view = self.group(server, name)?;
        let misses = view.group.pvs.iter().any(|pv| pv.uuid == uuid) && view.missing(uuid);
        let (name, path) = (name.to_string(), path.to_string());
        let flags = if misses { vec!["--restoremissing".to_string()] } else { Vec::new() };
        self.vgextend(server, &Args { flags, words: vec![name, path], ..Args::default() })
    }

    /// `group_member::LEAVE`
    pub(super) fn leave(&mut self, server: Server, name: &str, path: &str, uuid: &str) -> Said {
        let view = self.group(server, name)?;
        if !view.group.pvs.iter().any(|pv| pv.uuid == uuid) || view.missing(uuid) {
            return self.remove_missing(server, name, false);
        }
        let mut view = self.writable(server, name, &Args::default())?;
        let pv = self.pv_in(server, &view, path)?;
        if view.group.used(&pv) > 0 {
            return no(format!("Physical volume \"{path}\" still in use"));
        }
        if view.group.pvs.len() == 1 {
            return no(format!("Can't remove final physical volume \"{path}\" from volume group \"{name}\""));
        }
        view.group.pvs.retain(|one| one.uuid != pv);
        if let Some(loc) = view.devs.remove(&pv)
            && let Some(Written::Pv(label)) = self.places.get_mut(&loc)
        {
            label.group = None;
        }
        self.write_group(server, view);
        Ok(format!("  Removed \"{path}\" from volume group \"{name}\"\n"))
    }

    pub(super) fn remove_missing(&mut self, server: Server, name: &str, force: bool) -> Said {
        let mut view = self.group(server, name)?;
        if !view.partial() {
            return Ok(format!("  Volume group \"{name}\" is already consistent.\n"));
        }
        self.may_archive(server, name, &Args::default())?;
        let gone: Vec<String> =
            view.group.pvs.iter().map(|pv| pv.uuid.clone()).filter(|uuid| view.missing(uuid)).collect();
        if force {
            for lv in &mut view.group.lvs {
                lv.legs.retain(|leg| leg.extents.iter().all(|extents| !gone.contains(&extents.pv)));
                if lv.legs.len() == 1 {
                    lv.segtype = Segtype::Linear;
                    lv.legs[0].meta = None;
                }
            }
            view.group.lvs.retain(|lv| !lv.legs.is_empty());
        }
        let used: Vec<&String> = gone.iter().filter(|uuid| view.group.used(uuid) > 0).collect();
        if !used.is_empty() {
            return no(
                "WARNING: Partial LVs need to be repaired or removed.\n  There are still partial LVs in the VG.\n  To remove them unconditionally use: vgreduce --removemissing --force.",
            );
        }
        for uuid in &gone {
            view.devs.remove(uuid);
        }
        view.group.pvs.retain(|pv| !gone.contains(&pv.uuid));
        self.write_group(server, view);
        Ok(format!("  Wrote out consistent volume group {name}.\n"))
    }

    fn find_lv(&self, server: Server, full: &str) -> Done<(View, usize)> {
        let (vg, lv) = full.split_once('/').unwrap_or_else(|| panic!("not a volume's full name: {full}"));
        let view = self.group(server, vg)?;
        match view.group.lvs.iter().position(|one| one.name == lv) {
            Some(at) => Ok((view, at)),
            None => no(format!("Failed to find logical volume \"{full}\"")),
        }
    }

    /// The physical volume of a group that a device is.
    fn pv_in(&self, server: Server, view: &View, path: &str) -> Done<String> {
        // PhysicalVolume[:Range]: lvconvert(8)
        if path.contains(':') {
            return no(format!("Physical extents missing in path {path}"));
        }
        let dev = self.dev(server, path).filter(|dev| dev.live);
        let label = dev.and_then(|dev| match self.places.get(&dev.loc) {
            Some(Written::Pv(label)) => Some(label.uuid.clone()),
            _ => None,
        });
        match label.filter(|uuid| view.group.pvs.iter().any(|pv| pv.uuid == *uuid)) {
            Some(uuid) => Ok(uuid),
            None => no(format!("Physical Volume \"{path}\" not found in Volume Group \"{}\".", view.group.name)),
        }
    }

    /// `mirror::RAID1`
    pub(super) fn convert_raid1(&mut self, server: Server, full: &str, device: &str) -> Said {
        let (view, at) = self.find_lv(server, full)?;
        if view.group.lvs[at].segtype == Segtype::Raid1 {
            // lvchange --refresh: a leg that is back is taken in again
            let lives = view.group.lvs[at].legs.iter().all(|leg| view.leg_lives(leg));
            let uuid = view.group.lvs[at].uuid.clone();
            if let Some(active) = self.active_mut(server, &uuid).filter(|active| lives && active.health != "AA") {
                (active.health, active.synced) = ("Aa".into(), active.synced.min(90));
            }
            return Ok(String::new());
        }
        self.convert(server, full, device, Segtype::Raid1)
    }

    /// `mirror::CORE_LOG`
    pub(super) fn convert_core_log(&mut self, server: Server, full: &str, device: &str) -> Said {
        let (view, at) = self.find_lv(server, full)?;
        if view.group.lvs[at].segtype == Segtype::Mirror {
            // the script's `if` does not mind a failure: the next command tells
            let _ = self.unmirror(server, full, device);
        }
        self.convert(server, full, device, Segtype::Mirror)
    }

    fn convert(&mut self, server: Server, full: &str, device: &str, to: Segtype) -> Said {
        let (vg, _) = full.split_once('/').unwrap_or_default();
        let view = self.writable(server, vg, &Args::default())?;
        let (_, at) = self.find_lv(server, full)?;
        let lv = &view.group.lvs[at];
        if lv.segtype != Segtype::Linear {
            return no(format!("Logical volume {full} is already of type {:?}.", lv.segtype));
        }
        let pv = self.pv_in(server, &view, device)?;
        if lv.legs[0].extents.iter().any(|extents| extents.pv == pv) {
            return no("Unable to allocate a leg on the PV that the volume is on.");
        }
        let mut view = view.clone();
        let count = lv.extents();
        let home = lv.legs[0].extents[0].pv.clone();
        if to == Segtype::Raid1 {
            let Some(meta) = allocate(&view.group, &home, 1) else {
                return no(
                    "Insufficient free space: 1 extents needed, but only 0 available\n  Failed to allocate metadata.",
                );
            };
            view.group.lvs[at].legs[0].meta = meta.into_iter().next();
        }
        let needed = count + u64::from(to == Segtype::Raid1);
        if view.group.free(&pv) < needed {
            let free = view.group.free(&pv);
            return no(format!("Insufficient free space: {needed} extents needed, but only {free} available"));
        }
        let Some(extents) = allocate(&view.group, &pv, count) else { return no("Insufficient free space") };
        let uuid = self.uuid();
        view.group.lvs[at].legs.push(Leg { uuid, extents, meta: None });
        if to == Segtype::Raid1 {
            let meta = allocate(&view.group, &pv, 1);
            view.group.lvs[at].legs[1].meta = meta.and_then(|meta| meta.into_iter().next());
        }
        if view.group.lvs[at].legs[0].uuid.is_empty() {
            view.group.lvs[at].legs[0].uuid = self.uuid();
        }
        view.group.lvs[at].segtype = to;
        let uuid = view.group.lvs[at].uuid.clone();
        self.write_group(server, view);
        if let Some(active) = self.active_mut(server, &uuid) {
            active.synced = 0;
            active.health = if to == Segtype::Raid1 { "Aa" } else { "AA" }.into();
        }
        Ok(format!("  Logical volume {full} converted.\n"))
    }

    fn active_mut(&mut self, server: Server, uuid: &str) -> Option<&mut Active> {
        self.machine_mut(server).run.active.iter_mut().find(|active| active.uuid == uuid)
    }

    /// `lvconvert --mirrors 0 VG/LV PV`
    pub(super) fn unmirror(&mut self, server: Server, full: &str, device: &str) -> Said {
        let (view, at) = self.find_lv(server, full)?;
        if view.group.lvs[at].segtype == Segtype::Linear {
            return Ok(format!("  Logical volume {full} is already not mirrored.\n"));
        }
        let pv = self.pv_in(server, &view, device)?;
        let mut view = self.writable(server, &view.group.name, &Args::default())?;
        let lv = &mut view.group.lvs[at];
        if lv.legs[0].extents.iter().any(|extents| extents.pv == pv) {
            return no("Unable to remove primary mirror image while mirror is not in-sync.");
        }
        if !lv.legs[1].extents.iter().any(|extents| extents.pv == pv) {
            return no(format!("Logical volume {full} has no image on {device}."));
        }
        lv.legs.truncate(1);
        lv.legs[0].meta = None;
        lv.segtype = Segtype::Linear;
        let uuid = lv.uuid.clone();
        self.write_group(server, view);
        if let Some(active) = self.active_mut(server, &uuid) {
            (active.synced, active.health) = (100, "A".into());
        }
        Ok(format!("  Logical volume {full} converted.\n"))
    }

    /// `mirror::UNMIRROR`
    pub(super) fn unmirror_or_give_up(&mut self, server: Server, full: &str, device: &str, uuid: &str) -> Said {
        let (name, _) = full.split_once('/').unwrap_or_default();
        let view = self.group(server, name)?;
        if view.group.pvs.iter().any(|pv| pv.uuid == uuid) && !view.missing(uuid) {
            return self.unmirror(server, full, device);
        }
        self.may_archive(server, name, &Args::default())?;
        self.give_up(server, &view);
        for lv in &view.group.lvs {
            if let Some(active) = self.active_mut(server, &lv.uuid) {
                (active.synced, active.health) = (100, "A".into());
            }
        }
        Ok(String::new())
    }

    pub(super) fn splitmirrors(&mut self, server: Server, args: &Args) -> Said {
        let [full, device] = args.words() else { panic!("lvconvert --splitmirrors {args:?}") };
        let name = args.value("--name").unwrap_or_default();
        let (view, at) = self.find_lv(server, full)?;
        if view.group.lvs[at].segtype == Segtype::Linear {
            return no(format!("Command not permitted on LV {full}: it is linear."));
        }
        let pv = self.pv_in(server, &view, device)?;
        let mut view = self.writable(server, &view.group.name, args)?;
        if view.group.lv(&name).is_some() {
            return no(format!("Logical Volume \"{name}\" already exists in volume group \"{}\"", view.group.name));
        }
        let synced =
            self.active(server, &view.group.lvs[at].uuid).is_some_and(|a| a.synced == 100 && a.health == "AA");
        if !synced {
            return no(format!("Unable to split {full} while it is not in-sync."));
        }
        if !view.group.lvs[at].legs[1].extents.iter().all(|extents| extents.pv == pv) {
            return no(format!("{full} has no image on {device}."));
        }
        let uuid = self.uuid();
        let lv = &mut view.group.lvs[at];
        let mut leg = lv.legs.remove(1);
        leg.meta = None;
        lv.legs[0].meta = None;
        lv.segtype = Segtype::Linear;
        let left = lv.uuid.clone();
        view.group.lvs.push(Volume { uuid: uuid.clone(), name, segtype: Segtype::Linear, legs: vec![leg] });
        self.write_group(server, view);
        if let Some(active) = self.active_mut(server, &left) {
            active.health = "A".into();
        }
        self.activate_one(server, &uuid);
        Ok(String::new())
    }

    fn activate_one(&mut self, server: Server, uuid: &str) {
        if self.active(server, uuid).is_none() {
            let active = Active { uuid: uuid.to_string(), synced: 100, health: "A".into() };
            self.machine_mut(server).run.active.push(active);
        }
    }

    fn lv_busy(&self, server: Server, view: &View, lv: &Volume) -> bool {
        let path = format!("/dev/mapper/{}", crate::step::dm_name(&view.group.name, &lv.name));
        self.active(server, &lv.uuid).is_some() && self.dev(server, &path).is_some_and(|dev| self.open(server, &dev))
    }

    fn deactivate(&mut self, server: Server, uuid: &str) {
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
                    active.health = "AA".into();
                    active.synced = if lv.segtype == Segtype::Mirror { 0 } else { 100 };
                }
            }
        }
        let count = view.group.lvs.len();
        Ok(format!("  {count} logical volume(s) in volume group \"{}\" now active\n", view.group.name))
    }

    pub(super) fn vgsplit(&mut self, server: Server, args: &Args) -> Said {
        let [from, into, device] = args.words() else { panic!("vgsplit {args:?}") };
        let mut view = self.writable(server, from, args)?;
        let pv = self.pv_in(server, &view, device)?;
        if self.group(server, into).is_ok() {
            return no(format!("Volume group \"{into}\" already exists"));
        }
        let there = |lv: &Volume| lv.all().filter(|extents| extents.pv == pv).count();
        for lv in &view.group.lvs {
            if there(lv) > 0 && there(lv) < lv.all().count() {
                return no(format!("Can't split mirror {} between two Volume Groups", lv.name));
            }
            if there(lv) > 0 && self.active(server, &lv.uuid).is_some() {
                return no(format!("Logical volumes in \"{from}\" must be inactive\n  {} is active", lv.name));
            }
        }
        if view.group.pvs.len() < 2 {
            return no(format!("Cannot split the last physical volume of \"{from}\""));
        }
        let uuid = self.uuid();
        let (moved, stay): (Vec<Volume>, Vec<Volume>) = view.group.lvs.drain(..).partition(|lv| there(lv) > 0);
        view.group.lvs = stay;
        let at = view.group.pvs.iter().position(|one| one.uuid == pv).expect("it is in the group");
        let member = view.group.pvs.remove(at);
        let extent = view.group.extent;
        let group = Group { uuid, name: into.clone(), seqno: 0, extent, pvs: vec![member], lvs: moved };
        let mut other = View { group, devs: Default::default(), paths: Default::default() };
        if let Some(loc) = view.devs.remove(&pv) {
            other.devs.insert(pv, loc);
        }
        self.write_group(server, view);
        self.write_group(server, other);
        Ok(format!("  New volume group \"{into}\" successfully split from \"{from}\"\n"))
    }

    pub(super) fn vgremove(&mut self, server: Server, args: &Args) -> Said {
        let [name] = args.words() else { panic!("vgremove {args:?}") };
        let view = self.group(server, name)?;
        self.may_archive(server, name, args)?;
        if let Some(lv) = view.group.lvs.iter().find(|lv| self.lv_busy(server, &view, lv)) {
            return no(format!("Logical volume {name}/{} contains a filesystem in use.", lv.name));
        }
        self.assert_alone(server, &view);
        for lv in &view.group.lvs {
            self.deactivate(server, &lv.uuid);
        }
        for loc in view.devs.values() {
            if let Some(Written::Pv(label)) = self.places.get_mut(loc) {
                label.group = None;
            }
        }
        Ok(format!("  Volume group \"{name}\" successfully removed\n"))
    }

    pub(super) fn vgrename(&mut self, server: Server, args: &Args) -> Said {
        let [from, to] = args.words() else { panic!("vgrename {args:?}") };
        let mut view = self.writable(server, from, args)?;
        if self.groups(server).iter().any(|view| view.group.name == *to) {
            return no(format!("New volume group \"{to}\" already exists"));
        }
        view.group.name.clone_from(to);
        self.write_group(server, view);
        Ok(format!("  Volume group \"{from}\" successfully renamed to \"{to}\"\n"))
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
        let leg = Leg { uuid: leg, extents, meta: None };
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
        self.write_group(server, view);
        Ok(format!("  Logical volume {full} successfully resized.\n"))
    }

    pub(super) fn pvresize(&mut self, server: Server, args: &Args) -> Said {
        let dev = self.pv_dev(server, args.last())?;
        let Some(Written::Pv(label)) = self.places.get(&dev.loc) else {
            return no(format!("Failed to find physical volume \"{}\".", args.last()));
        };
        let uuid = label.uuid.clone();
        let name = label.group.as_ref().map(|group| group.name.clone());
        if let Some(name) = name {
            let mut view = self.writable(server, &name, args)?;
            let count = dev.size.saturating_sub(1 << 20) / view.group.extent;
            for pv in view.group.pvs.iter_mut().filter(|pv| pv.uuid == uuid) {
                pv.count = count;
            }
            self.write_group(server, view);
        }
        if let Some(Written::Pv(label)) = self.places.get_mut(&dev.loc) {
            label.size = dev.size;
        }
        Ok("  1 physical volume(s) resized or updated / 0 physical volume(s) not resized\n".into())
    }

    /// What mirrors do by themselves between two commands: copy, and lose legs whose link is gone.
    pub(super) fn mirrors(&mut self, server: Server, advance: bool) {
        let mirrored = |written: &Written| {
            matches!(written, Written::Pv(PvLabel { group: Some(group), .. })
                if group.lvs.iter().any(|lv| lv.segtype != Segtype::Linear))
        };
        if self.machine(server).run.active.is_empty() || !self.places.values().any(mirrored) {
            return;
        }
        for view in self.groups(server) {
            let mut dropped = Vec::new();
            for lv in view.group.lvs.iter().filter(|lv| lv.segtype != Segtype::Linear) {
                let pace = self.pace;
                let lives = view.leg_lives(&lv.legs[1]);
                let (from, to) = (view.leg_loc(&lv.legs[0]), view.leg_loc(&lv.legs[1]));
                let Some(active) = self.active_mut(server, &lv.uuid) else { continue };
                if !lives {
                    active.health = "AD".into();
                    if lv.segtype == Segtype::Mirror {
                        dropped.push(lv.uuid.clone());
                    }
                    continue;
                }
                if active.health.contains('D') {
                    continue;
                }
                if advance && active.synced < 100 {
                    active.synced = (active.synced + pace).min(100);
                    if active.synced == 100 {
                        active.health = "AA".into();
                    }
                }
                let whole = active.synced == 100;
                let (Some(from), Some(to)) = (from, to) else { continue };
                match self.places.get(&from).cloned() {
                    Some(written) if whole => drop(self.places.insert(to, written)),
                    None if whole => drop(self.places.remove(&to)),
                    _ => drop(self.places.insert(to, Written::Torn)),
                }
            }
            if !dropped.is_empty() {
                self.drop_legs(server, view, &dropped);
            }
        }
    }

    /// dmeventd with mirror_image_fault_policy=remove: lvm.conf(5). The volume becomes linear, the disk is marked missing.
    fn drop_legs(&mut self, server: Server, mut view: View, dropped: &[String]) {
        let gone: Vec<String> =
            view.group.pvs.iter().map(|pv| pv.uuid.clone()).filter(|uuid| view.missing(uuid)).collect();
        for pv in view.group.pvs.iter_mut().filter(|pv| gone.contains(&pv.uuid)) {
            pv.missing = true;
        }
        for lv in view.group.lvs.iter_mut().filter(|lv| dropped.contains(&lv.uuid)) {
            lv.legs.truncate(1);
            lv.segtype = Segtype::Linear;
        }
        for uuid in dropped {
            if let Some(active) = self.active_mut(server, uuid) {
                (active.health, active.synced) = ("A".into(), 100);
            }
        }
        let line = "device-mapper: raid1: Mirror status: secondary mirror leg failed.".to_string();
        self.machine_mut(server).run.kernel_log.push(line);
        self.write_group(server, view);
    }
}

fn bytes(size: &str) -> u64 {
    size.trim_end_matches('b').parse().unwrap_or_else(|_| panic!("a size in bytes, not `{size}`"))
}

/// The first free extents of a physical volume.
fn allocate(group: &Group, pv: &str, count: u64) -> Option<Vec<Extents>> {
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
