//! The block devices that a running system has, made again for each question: disks, what iSCSI brought, partitions, running
//! arrays, active volumes; with the links that udev makes and with what holds what.

use super::below::{QUIET_ARRAYS, QUIET_LINKS};
use super::world::{Backing, Disk, Target, World};
use super::written::{Loc, Segtype, Written};
use crate::host::Server;

#[derive(Debug, Clone)]
pub struct Dev {
    /// `sda`, `dm-0`
    pub kname: String,
    /// `vg0-root` where the kernel's is `dm-0`
    pub name: String,
    pub path: String,
    /// lsblk's type
    pub kind: String,
    pub size: u64,
    pub sector: u64,
    pub loc: Loc,
    /// kernel names of what it stands on
    pub parents: Vec<String>,
    pub links: Vec<String>,
    pub serial: Option<String>,
    pub wwn: Option<String>,
    pub model: Option<String>,
    pub tran: Option<String>,
    pub partuuid: Option<String>,
    pub partlabel: Option<String>,
    pub pttype: Option<String>,
    pub parttype: Option<String>,
    /// reads and writes get through
    pub live: bool,
    pub drivers: Vec<String>,
    /// of an array beneath a volume: it has the same content, and is nothing to anybody else
    pub below: bool,
}

impl Dev {
    /// A hidden leg of a mirror; the first has the same place as the volume itself.
    pub(super) fn image(&self) -> bool {
        self.below || self.name.contains("_mimage_") || self.name.contains("_rimage_")
    }

    /// What `readlink -f` says of any of its names.
    pub(super) fn real(&self) -> String {
        format!("/dev/{}", self.kname)
    }
}

impl World {
    /// All of them, each after those that it stands on.
    pub(super) fn devices(&self, server: Server) -> Vec<Dev> {
        let mut devs = self.bare_devices(server);
        self.add_volumes(server, &mut devs);
        let there = |path: &str| self.file(server, path).is_some();
        let (quiet_links, quiet_arrays) = (there(QUIET_LINKS), there(QUIET_ARRAYS));
        for dev in &mut devs {
            let uuid = match self.places.get(&dev.loc) {
                Some(Written::Fs(fs)) => &fs.uuid,
                Some(Written::Swap { uuid, .. }) => uuid,
                Some(Written::Pv(_)) if self.machine(server).run.unnamed.contains(&dev.loc) => continue,
                Some(Written::Pv(label)) => {
                    dev.links.push(format!("/dev/disk/by-id/lvm-pv-uuid-{}", label.uuid));
                    continue;
                }
                _ => continue,
            };
            // udev names what it can read, and no half of a mirror; a copy stands in for its original unless it is told
            let shy = dev.tran.as_deref() == Some("iscsi") && quiet_links;
            let array = dev.below && dev.kname.starts_with("md") && !quiet_arrays;
            if dev.live && !shy && (!dev.image() || array) {
                dev.links.push(format!("/dev/disk/by-uuid/{uuid}"));
            }
        }
        devs
    }

    /// All but volumes: what groups are read from.
    pub(super) fn bare_devices(&self, server: Server) -> Vec<Dev> {
        let machine = self.machine(server);
        let mut devs = Vec::new();
        let mut disks: Vec<&Disk> = machine.disks.iter().collect();
        // the kernel promises no order, and two boots seldom find the same
        if machine.boots % 2 == 1 {
            disks.reverse();
        }
        for (at, disk) in disks.into_iter().enumerate() {
            devs.push(own_disk(at, disk));
        }
        for session in &machine.run.sessions {
            // udev takes no brackets into a name
            let portal = session.portal.replace(['[', ']'], "");
            let link = format!("/dev/disk/by-path/ip-{portal}-iscsi-{}-lun-{}", session.iqn, session.lun);
            let wwn = format!("0x6{:015x}", fold(&session.iqn));
            // a disk that does not answer is asked for its numbers in vain: udev keeps its path, and does not ask again by itself
            let told = session.told;
            let by_id = [format!("/dev/disk/by-id/wwn-{wwn}"), format!("/dev/disk/by-id/scsi-3{}", &wwn[2..])];
            devs.push(Dev {
                links: [link].into_iter().chain(by_id.into_iter().filter(|_| told)).collect(),
                serial: told.then(|| session.serial.clone()),
                wwn: told.then_some(wwn),
                model: Some("VIRTUAL-DISK".into()),
                tran: Some("iscsi".into()),
                live: session.live,
                drivers: vec!["sd_mod".into(), "iscsi_tcp".into()],
                ..dev(&session.disk, "disk", session.size, session.sector, &session.loc)
            });
        }
        self.add_partitions(&mut devs);
        for array in &machine.run.arrays {
            let members: Vec<&Dev> =
                array.members.iter().filter_map(|loc| devs.iter().find(|dev| dev.loc == *loc)).collect();
            let Some(Written::Member(head)) = array.members.first().and_then(|loc| self.places.get(loc)) else {
                continue;
            };
            let smallest = members.iter().map(|dev| dev.size).min().unwrap_or(0);
            let size = super::array_size(&head.level, members.len() as u64, smallest, &head.metadata);
            let sector = members.iter().map(|dev| dev.sector).max().unwrap_or(512);
            let by_uuid = format!("/dev/disk/by-id/md-uuid-{}", array.uuid);
            let mut links = vec![format!("/dev/disk/by-id/md-name-{}", head.name), by_uuid];
            if let Some(name) = array.name.strip_prefix("md") {
                links.push(format!("/dev/md/{name}"));
            }
            let parents = members.iter().map(|dev| dev.kname.clone()).collect();
            devs.push(Dev { parents, links, ..dev(&array.name, &head.level, size, sector, &array.loc) });
        }
        devs
    }

    fn add_partitions(&self, devs: &mut Vec<Dev>) {
        let mut parts = Vec::new();
        for disk in devs.iter_mut() {
            let Some(Written::Table(table)) = self.places.get(&disk.loc) else { continue };
            disk.pttype = Some(table.kind.clone());
            for part in &table.parts {
                let digit = disk.kname.ends_with(|last: char| last.is_ascii_digit());
                let kname = format!("{}{}{}", disk.kname, if digit { "p" } else { "" }, part.number);
                let partuuid = match &part.uuid {
                    Some(uuid) => uuid.to_lowercase(),
                    None => format!("{}-{:02x}", table.id.trim_start_matches("0x"), part.number),
                };
                let mut links: Vec<String> =
                    disk.links.iter().map(|link| format!("{link}-part{}", part.number)).collect();
                links.push(format!("/dev/disk/by-partuuid/{partuuid}"));
                let loc = format!("{}@{}", disk.loc, part.start);
                parts.push(Dev {
                    parents: vec![disk.kname.clone()],
                    links,
                    wwn: disk.wwn.clone(),
                    partuuid: Some(partuuid),
                    partlabel: Some(part.name.clone()).filter(|name| !name.is_empty()),
                    pttype: disk.pttype.clone(),
                    parttype: Some(if table.kind == "gpt" {
                        part.kind.to_lowercase()
                    } else {
                        format!("0x{}", part.kind)
                    }),
                    live: disk.live,
                    ..dev(&kname, "part", part.size * disk.sector, disk.sector, &loc)
                });
            }
        }
        devs.extend(parts);
    }

    fn add_volumes(&self, server: Server, devs: &mut Vec<Dev>) {
        let groups = self.groups_on(server, devs);
        let mut number = 0;
        let mut next = || {
            number += 1;
            format!("dm-{}", number - 1)
        };
        for active in &self.machine(server).run.active {
            let found = groups
                .iter()
                .find_map(|view| view.group.lvs.iter().find(|lv| lv.uuid == active.uuid).map(|lv| (view, lv)));
            let Some((view, lv)) = found else { continue };
            let group = &view.group;
            let table = crate::step::dm_name(&group.name, &lv.name);
            let size = lv.extents() * group.extent;
            let mut legs = Vec::new();
            for (at, leg) in lv.legs.iter().enumerate() {
                let mut under: Vec<String> = Vec::new();
                for extents in &leg.extents {
                    let on = view.devs.get(&extents.pv).and_then(|loc| devs.iter().find(|dev| dev.loc == *loc));
                    under.extend(on.map(|dev| dev.kname.clone()));
                }
                under.dedup();
                let loc = view.leg_loc(leg).unwrap_or_else(|| format!("nowhere:{}", leg.uuid));
                legs.push((at, under, loc));
            }
            let sector = legs
                .iter()
                .flat_map(|(_, under, _)| under)
                .filter_map(|kname| devs.iter().find(|dev| dev.kname == *kname))
                .map(|dev| dev.sector)
                .max()
                .unwrap_or(512);
            let kname = next();
            let named = |kname: &str, name: &str, parents: Vec<String>, loc: &str, uuid: &str| Dev {
                name: name.to_string(),
                path: format!("/dev/mapper/{name}"),
                parents,
                links: vec![
                    format!("/dev/{kname}"),
                    format!("/dev/disk/by-id/dm-name-{name}"),
                    format!("/dev/disk/by-id/dm-uuid-LVM-{}{}", group.uuid.replace('-', ""), uuid.replace('-', "")),
                ],
                ..dev(kname, "lvm", size, sector, loc)
            };
            let mut parents = Vec::new();
            if lv.segtype == Segtype::Linear {
                parents.clone_from(&legs[0].1);
            } else {
                for (at, under, loc) in &legs {
                    let kname = next();
                    let name = format!("{table}_{}_{at}", lv.image());
                    devs.push(named(&kname, &name, under.clone(), loc, &lv.legs[*at].uuid));
                    parents.push(kname);
                }
            }
            if let Some(under) = self.machine(server).run.below.iter().find(|under| under.volume == table) {
                let first = std::mem::take(&mut parents);
                let mut below = |kname: String, name: String, parents: Vec<String>, loc: &Loc| {
                    let path =
                        if name.starts_with("md") { format!("/dev/{name}") } else { format!("/dev/mapper/{name}") };
                    let kind = if name.starts_with("md") { "raid1" } else { "dm" };
                    let one = dev(&kname, kind, size, sector, loc);
                    devs.push(Dev { name, path, parents, below: true, ..one });
                    kname
                };
                let (md, number) = (format!("md{}", under.number), under.number);
                let mut members = vec![below(next(), format!("replant-{number}-old"), first.clone(), &legs[0].2)];
                if let Some(leg) = &under.leg {
                    let name = format!("replant-{number}-new");
                    members.push(below(next(), name, vec![leg.disk.clone()], &leg.loc));
                }
                below(md.clone(), md.clone(), members, &legs[0].2);
                parents = if under.beneath { vec![md] } else { first };
            }
            let mut volume = named(&kname, &table, parents, &legs[0].2, &lv.uuid);
            volume.links.push(format!("/dev/{}/{}", group.name, lv.name));
            devs.push(volume);
        }
    }

    /// By its path or by any link that points to it.
    pub fn dev(&self, server: Server, path: &str) -> Option<Dev> {
        self.devices(server).into_iter().find(|dev| dev.path == path || dev.links.iter().any(|link| link == path))
    }

    /// Somebody in the kernel holds it for himself.
    pub(super) fn busy(&self, server: Server, dev: &Dev) -> bool {
        self.held(server, dev, &self.devices(server))
    }

    fn held(&self, server: Server, dev: &Dev, devs: &[Dev]) -> bool {
        let run = &self.machine(server).run;
        let on_top = devs.iter().filter(|other| other.parents.contains(&dev.kname));
        let mut on_top = on_top.map(|other| other.kind != "part" || self.held(server, other, devs));
        let mounted = !dev.image()
            && (run.mounts.iter().any(|mount| mount.backing == Backing::Disk(dev.loc.clone()))
                || run.swaps.contains(&dev.loc));
        let exported = |target: &Target| names(dev, &target.device);
        on_top.any(|held| held) || mounted || run.lio.iter().any(exported)
    }

    /// Somebody has it open, in the kernel or not.
    pub(super) fn open(&self, server: Server, dev: &Dev) -> bool {
        self.opened(server, dev, &self.devices(server))
    }

    pub(super) fn opened(&self, server: Server, dev: &Dev, devs: &[Dev]) -> bool {
        let tgt = self.machine(server).run.tgt.iter().flat_map(|tgt| &tgt.targets);
        self.held(server, dev, devs) || tgt.into_iter().any(|target| names(dev, &target.device))
    }
}

fn names(dev: &Dev, path: &str) -> bool {
    dev.path == path || dev.links.iter().any(|link| link == path)
}

fn dev(kname: &str, kind: &str, size: u64, sector: u64, loc: &str) -> Dev {
    Dev {
        kname: kname.to_string(),
        name: kname.to_string(),
        path: format!("/dev/{kname}"),
        kind: kind.to_string(),
        size,
        sector,
        loc: loc.to_string(),
        parents: Vec::new(),
        links: Vec::new(),
        serial: None,
        wwn: None,
        model: None,
        tran: None,
        partuuid: None,
        partlabel: None,
        pttype: None,
        parttype: None,
        live: true,
        drivers: Vec::new(),
        below: false,
    }
}

fn own_disk(at: usize, disk: &Disk) -> Dev {
    let nvme = disk.tran.as_deref() == Some("nvme");
    let kname = if nvme { format!("nvme{at}n1") } else { format!("sd{}", (b'a' + at as u8) as char) };
    let mut links = Vec::new();
    if disk.tran.as_deref() == Some("sata") {
        links.push(format!("/dev/disk/by-id/ata-{}_{}", disk.model, disk.serial));
    }
    match &disk.wwn {
        Some(wwn) if nvme => {
            links.push(format!("/dev/disk/by-id/nvme-{}_{}", disk.model, disk.serial));
            links.push(format!("/dev/disk/by-id/nvme-{wwn}"));
        }
        Some(wwn) => {
            links.push(format!("/dev/disk/by-id/wwn-{wwn}"));
            links.push(format!("/dev/disk/by-id/scsi-3{}", wwn.trim_start_matches("0x")));
        }
        None => links.push(format!("/dev/disk/by-id/scsi-0{}_{}", disk.model, disk.serial)),
    }
    links.push(format!("/dev/disk/by-path/{}", disk.by_path));
    Dev {
        links,
        serial: Some(disk.serial.clone()),
        wwn: disk.wwn.clone(),
        model: Some(disk.model.clone()),
        tran: disk.tran.clone(),
        drivers: disk.drivers.clone(),
        ..dev(&kname, "disk", disk.size, disk.sector, &disk.serial)
    }
}

fn fold(text: &str) -> u64 {
    text.bytes().fold(5381_u64, |sum, byte| sum.wrapping_mul(33) ^ u64::from(byte)) & 0x0fff_ffff_ffff_ffff
}
