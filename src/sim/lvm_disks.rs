//! Physical volumes, and groups as sets of them.

use super::devices::Dev;
use super::lvm::View;
use super::lvm_change::{Done, no};
use super::world::World;
use super::written::{Group, GroupPv, PvLabel, Segtype, Volume, Written};
use super::{Args, Said};
use crate::host::Server;

impl World {
    pub(super) fn pv_dev(&self, server: Server, path: &str) -> Done<Dev> {
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
        let ignored = args.value("--metadataignore").as_deref() == Some("y");
        self.places.insert(dev.loc.clone(), Written::Pv(PvLabel { uuid, ignored, size: dev.size, group: None }));
        let unnamed = &mut self.machine_mut(server).run.unnamed;
        unnamed.retain(|loc| *loc != dev.loc);
        unnamed.push(dev.loc);
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
                PvLabel { uuid, ignored: false, size: dev.size, group: None }
            }
            Some(other) => return no(format!("Cannot use {path}: device has a signature: {other:?}")),
        };
        if self.given_up(server, &label) {
            return no(format!(
                "PV {path} is used by a VG but its metadata is missing.\n  Can't initialize PV '{path}' without -ff.\n  \
                 {path}: physical volume not initialized."
            ));
        }
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

    pub(super) fn vgcreate(&mut self, server: Server, args: &Args) -> Said {
        let [name, path] = args.words() else { panic!("vgcreate {args:?}") };
        let extent = args.value("--physicalextentsize").unwrap_or_default();
        let extent: u64 = extent.trim_end_matches('b').parse().unwrap_or_else(|_| panic!("vgcreate {args:?}"));
        if self.groups(server).iter().any(|view| view.group.name == *name) {
            return no(format!("A volume group called {name} already exists."));
        }
        let dev = self.pv_dev(server, path)?;
        let Some(Written::Pv(label)) = self.places.get(&dev.loc).cloned() else {
            return no(format!("Device {path} is not a physical volume."));
        };
        if label.group.is_some() {
            return no(format!("Physical volume '{path}' is already in a volume group"));
        }
        let count = (label.size.saturating_sub(1 << 20)) / extent;
        let pvs = vec![GroupPv { uuid: label.uuid.clone(), count, missing: false }];
        let group =
            Group { uuid: self.uuid(), name: name.clone(), seqno: 0, extent, pvs, lvs: Vec::new(), tags: Vec::new() };
        let mut view = View { group, devs: Default::default(), paths: Default::default() };
        view.devs.insert(label.uuid, dev.loc);
        self.write_group(server, view);
        Ok(format!("  Volume group \"{name}\" successfully created\n"))
    }

    /// What `physical_volume::WIPE` begins with.
    pub(super) fn give_up_own(&mut self, server: Server, own: &str, uuid: &str, config: &str) -> Said {
        let is = |view: &View| view.group.name == own && view.group.pvs.iter().any(|pv| pv.uuid == uuid);
        if own.is_empty() || !self.groups(server).iter().any(is) {
            return Ok(String::new());
        }
        self.vgremove(server, &Args::of(&["--yes", "-ff", "--config", config, own]))
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

    /// The physical volume of a group that a device is.
    pub(super) fn pv_in(&self, server: Server, view: &View, path: &str) -> Done<String> {
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
        let group =
            Group { uuid, name: into.clone(), seqno: 0, extent, pvs: vec![member], lvs: moved, tags: Vec::new() };
        let mut other = View { group, devs: Default::default(), paths: Default::default() };
        if let Some(loc) = view.devs.remove(&pv) {
            // a group without any metadata in use cannot be: vgsplit has it used again
            if let Some(Written::Pv(label)) = self.places.get_mut(&loc) {
                label.ignored = false;
            }
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
}
