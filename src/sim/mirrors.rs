//! Mirrors: how they are made, taken apart and cut in two, and what they do by themselves.

use super::lvm::{View, told};
use super::lvm_change::{allocate, no};
use super::world::{Backing, System, World};
use super::written::{Leg, PvLabel, Segtype, Volume, Written};
use super::{Args, Said};
use crate::host::Server;

impl World {
    /// `mirror::RAID1`
    pub(super) fn convert_raid1(&mut self, server: Server, full: &str, device: &str, since: &str) -> Said {
        let (view, at) = self.find_lv(server, full)?;
        if view.group.lvs[at].segtype == Segtype::Raid1 {
            // lvchange --refresh: a leg that is back is taken in again
            let lives = view.group.lvs[at].legs.iter().all(|leg| view.leg_lives(leg));
            let uuid = view.group.lvs[at].uuid.clone();
            let watched = self.dmeventd(server);
            if let Some(active) = self.active_mut(server, &uuid) {
                active.watched = watched;
                if lives && active.health != "AA" {
                    (active.health, active.synced) = ("Aa".into(), active.synced.min(90));
                }
            }
            return Ok(String::new());
        }
        self.copy_begins(server, since)?;
        self.convert(server, full, device, Segtype::Raid1)
    }

    /// `mirror::CORE_LOG`
    pub(super) fn convert_core_log(&mut self, server: Server, full: &str, device: &str, since: &str) -> Said {
        let (view, at) = self.find_lv(server, full)?;
        if view.group.lvs[at].segtype == Segtype::Mirror {
            self.unmirror(server, full, device)?;
        }
        self.copy_begins(server, since)?;
        self.convert(server, full, device, Segtype::Mirror)
    }

    pub(super) fn copy_begins(&mut self, server: Server, since: &str) -> Said {
        let uptime = self.uptime(server);
        self.write_file(server, since, &format!("{uptime}.07 1.00\n"), 0o644)?;
        Ok(String::new())
    }

    pub(super) fn uptime(&self, server: Server) -> u64 {
        self.moment - self.machine(server).run.booted
    }

    /// Whether there is a dmeventd that could watch.
    pub(super) fn dmeventd(&self, server: Server) -> bool {
        !self.machine(server).lacks.iter().any(|one| one == "dmeventd")
    }

    /// dmeventd ends, and nobody has noticed: systemd starts another with the next command that needs it, which knows of
    /// no volume.
    pub fn forget_mirrors(&mut self, server: Server) {
        self.machine_mut(server).run.active.iter_mut().for_each(|active| active.watched = false);
    }

    /// `ages::AGES`
    pub(super) fn ages(&self, server: Server, paths: &[&str]) -> String {
        let began = |path: &&str| {
            let text = self.read_file(server, path)?;
            let seconds = text.split('.').next().unwrap_or_default().to_string();
            Some(format!("{path} {seconds}\n"))
        };
        let now = format!("now {}\n", self.uptime(server));
        now + &paths.iter().filter_map(began).collect::<String>()
    }

    /// `ages::SERVED`
    pub(super) fn served(&self, server: Server) -> String {
        let tgtd = self.machine(server).run.tgt.iter().map(|tgt| format!("tgtd {}\n", self.moment - tgt.since));
        format!("up {}\n{}", self.uptime(server), tgtd.collect::<String>())
    }

    /// New loses its power, boots, and somebody puts up again what it had offered, all before old's session gives up: old
    /// notices nothing. What was acknowledged and not yet on a disk is gone.
    pub fn crash_unnoticed(&mut self) {
        let volatile = |target: &super::world::Target| !target.sync;
        let tgt = self.new.run.tgt.iter().flat_map(|tgt| &tgt.targets);
        let losing: Vec<String> =
            tgt.chain(&self.new.run.lio).filter(|one| volatile(one)).map(|target| target.iqn.clone()).collect();
        let sessions = self.old.run.sessions.iter().filter(|session| losing.contains(&session.iqn));
        let offered: Vec<String> = sessions.map(|session| session.loc.clone()).collect();
        self.lose_below(&offered);
        let locs: Vec<String> = offered.iter().map(|loc| format!("{loc}#")).collect();
        for view in self.groups(Server::Old) {
            for lv in view.group.lvs.iter().filter(|lv| lv.segtype != Segtype::Linear) {
                let Some(to) = view.leg_loc(&lv.legs[1]) else { continue };
                if locs.iter().any(|loc| to.starts_with(loc)) {
                    self.places.insert(to, Written::Torn);
                    if let Some(active) = self.active_mut(Server::Old, &lv.uuid) {
                        active.lost = true;
                    }
                }
            }
        }
        let moment = self.moment;
        let run = &mut self.new.run;
        run.booted = moment;
        run.tgt.iter_mut().for_each(|tgt| tgt.since = moment);
        self.new.boots += 1;
    }

    pub(super) fn convert(&mut self, server: Server, full: &str, device: &str, to: Segtype) -> Said {
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
        view.group.lvs[at].legs.push(Leg { uuid, extents, meta: None, write_mostly: false });
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
        let watched = self.dmeventd(server);
        if let Some(active) = self.active_mut(server, &uuid) {
            (active.watched, active.lost) = (watched, false);
            active.synced = 0;
            active.health = if to == Segtype::Raid1 { "Aa" } else { "AA" }.into();
        }
        Ok(format!("  Logical volume {full} converted.\n"))
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

    /// `lvchange --writemostly PV:y VG/LV`
    pub(super) fn write_mostly(&mut self, server: Server, leg: &str, args: &Args) -> Said {
        let Some((device, how)) = leg.rsplit_once(':') else { panic!("lvchange --writemostly {leg}") };
        let full = args.last();
        let (view, at) = self.find_lv(server, full)?;
        let mut view = self.writable(server, &view.group.name, args)?;
        let pv = self.pv_in(server, &view, device)?;
        let lv = &view.group.lvs[at];
        if lv.segtype != Segtype::Raid1 {
            return no("--writemostly can only be used with 'raid1' segment types.");
        }
        if how == "y" && self.active(server, &lv.uuid).is_none_or(|active| told(lv, active) != 100) {
            return no(format!("Unable to set write-mostly on {full} while it is not in-sync."));
        }
        let lv = &mut view.group.lvs[at];
        for leg in lv.legs.iter_mut().filter(|leg| leg.extents.iter().any(|extents| extents.pv == pv)) {
            leg.write_mostly = how == "y";
        }
        self.write_group(server, view);
        Ok(format!("  Logical volume {full} changed.\n"))
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
        // it asks for nothing else: a raid1 whose second leg is dead says 100 %, and is split
        let lv = &view.group.lvs[at];
        if self.active(server, &lv.uuid).is_none_or(|active| told(lv, active) != 100) {
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
                let unwatched = self.active(server, &lv.uuid).is_some_and(|active| !active.watched);
                if !lives && unwatched && lv.segtype == Segtype::Mirror && self.lv_busy(server, &view, lv) {
                    // handle_errors: all writes wait for somebody who repairs the mirror
                    let why = "its writes wait for dmeventd, which does not know of the mirror";
                    self.machine_mut(server).system = System::None(why.into());
                    return;
                }
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
                let whole = active.synced == 100 && !active.lost;
                let (Some(from), Some(to)) = (from, to) else { continue };
                match self.places.get(&from).cloned() {
                    Some(written) if whole => drop(self.places.insert(to, written)),
                    None if whole => drop(self.places.remove(&to)),
                    _ => drop(self.places.insert(to, Written::Torn)),
                }
            }
            if self.waits_for_itself(server, &view, &dropped) {
                // as seen in the lab: only a reset helps
                let why = "its / waits for dmeventd, and dmeventd for its /";
                self.machine_mut(server).system = System::None(why.into());
            } else if !dropped.is_empty() {
                self.drop_legs(server, view, &dropped);
            }
        }
    }

    /// Whether what dmeventd writes before it repairs a mirror goes to a volume whose writes wait for that repair.
    fn waits_for_itself(&self, server: Server, view: &View, broken: &[String]) -> bool {
        let archive = self.archive_dir(server);
        let Some(Backing::Disk(loc)) = self.mount_at(server, &archive).map(|mount| &mount.backing) else {
            return false;
        };
        let broken = view.group.lvs.iter().filter(|lv| broken.contains(&lv.uuid));
        broken.filter_map(|lv| view.leg_loc(&lv.legs[0])).any(|held| held == *loc)
    }

    /// dmeventd with mirror_image_fault_policy=remove: lvm.conf(5). The volume becomes linear, the disk is marked missing.
    pub(super) fn drop_legs(&mut self, server: Server, mut view: View, dropped: &[String]) {
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

    /// `vgreduce --removemissing --mirrorsonly --force`, `lvconvert --mirrors 0`, `vgreduce --removemissing`.
    pub(super) fn give_up(&mut self, server: Server, view: &View) {
        let mut view = view.clone();
        let gone: Vec<String> =
            view.group.pvs.iter().map(|pv| pv.uuid.clone()).filter(|pv| view.missing(pv)).collect();
        for lv in view.group.lvs.iter_mut().filter(|lv| lv.segtype != Segtype::Linear) {
            lv.legs.retain(|leg| leg.extents.iter().all(|extents| !gone.contains(&extents.pv)));
            if lv.legs.len() == 1 {
                lv.segtype = Segtype::Linear;
                lv.legs[0].meta = None;
            }
        }
        let group = view.group.clone();
        view.group.pvs.retain(|pv| !gone.contains(&pv.uuid) || group.used(&pv.uuid) > 0);
        for pv in view.group.pvs.iter_mut().filter(|pv| gone.contains(&pv.uuid)) {
            pv.missing = true;
        }
        self.write_group(server, view);
    }
}
