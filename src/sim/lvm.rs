//! What LVM sees of a server's devices, and its reports. The metadata is read from the physical volumes each time: the
//! copy with the highest sequence number counts, and what it names and nobody has is missing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::devices::Dev;
use super::world::{Active, World};
use super::written::{Extents, Group, Leg, Loc, PvLabel, Segtype, Volume, Written};
use super::{Fail, Said, fail};
use crate::host::Server;

/// A group as one server sees it.
#[derive(Debug, Clone)]
pub struct View {
    pub group: Group,
    /// location of each physical volume that can be read
    pub devs: BTreeMap<String, Loc>,
    pub paths: BTreeMap<String, String>,
}

impl Volume {
    pub(super) fn extents(&self) -> u64 {
        self.legs[0].extents.iter().map(|extents| extents.count).sum()
    }

    /// What hidden legs are called after the volume's name.
    pub(super) fn image(&self) -> &'static str {
        if self.segtype == Segtype::Raid1 { "rimage" } else { "mimage" }
    }

    /// All extents that it holds.
    pub(super) fn all(&self) -> impl Iterator<Item = &Extents> {
        self.legs.iter().flat_map(|leg| leg.extents.iter().chain(&leg.meta))
    }
}

impl Group {
    pub(super) fn used(&self, pv: &str) -> u64 {
        self.lvs.iter().flat_map(Volume::all).filter(|extents| extents.pv == pv).map(|extents| extents.count).sum()
    }

    pub(super) fn free(&self, pv: &str) -> u64 {
        let count = self.pvs.iter().find(|one| one.uuid == pv).map_or(0, |one| one.count);
        count.saturating_sub(self.used(pv))
    }

    pub(super) fn lv(&self, name: &str) -> Option<&Volume> {
        self.lvs.iter().find(|lv| lv.name == name)
    }
}

impl View {
    pub(super) fn missing(&self, pv: &str) -> bool {
        !self.devs.contains_key(pv) || self.group.pvs.iter().any(|one| one.uuid == pv && one.missing)
    }

    pub(super) fn partial(&self) -> bool {
        self.group.pvs.iter().any(|pv| self.missing(&pv.uuid))
    }

    /// Where a leg's data is, if it can be reached.
    pub(crate) fn leg_loc(&self, leg: &Leg) -> Option<Loc> {
        let first = leg.extents.first()?;
        Some(format!("{}#{}", self.devs.get(&first.pv)?, first.start))
    }

    pub(crate) fn leg_lives(&self, leg: &Leg) -> bool {
        leg.extents.iter().chain(&leg.meta).all(|extents| !self.missing(&extents.pv))
    }

    fn device(&self, extents: &Extents) -> String {
        let path = self.paths.get(&extents.pv).map_or("[unknown]", String::as_str);
        format!("{path}({})", extents.start)
    }
}

/// What lvs(8) tells of one volume.
struct LvRows<'a> {
    view: &'a View,
    lv: &'a Volume,
    active: Option<&'a Active>,
    /// the letters of its attributes that say whether it is active and open
    state: &'static str,
}

impl LvRows<'_> {
    fn row(&self, name: String, uuid: &str, attr: String, kind: &str, role: &str, devices: String) -> Value {
        let group = &self.view.group;
        json!({
            "lv_name": name, "lv_uuid": uuid, "vg_name": group.name,
            "lv_size": (self.lv.extents() * group.extent).to_string(), "lv_attr": attr,
            "segtype": kind, "lv_layout": if kind == "raid1" { "raid,raid1" } else { kind }, "lv_role": role,
            "sync_percent": "", "raid_sync_action": "", "lv_health_status": "", "seg_monitor": "",
            "lv_active": if self.active.is_some() { "active" } else { "" }, "devices": devices, "seg_count": "1",
            "mirror_log": "",
        })
    }

    fn raid(&self) -> bool {
        self.lv.segtype == Segtype::Raid1
    }

    fn letter(&self) -> char {
        if self.raid() { 'r' } else { 'm' }
    }

    fn broken(&self) -> bool {
        self.lv.legs.iter().any(|leg| !self.view.leg_lives(leg))
    }

    /// The letter of its attributes that says so.
    fn partial(&self) -> char {
        if self.broken() { 'p' } else { '-' }
    }

    /// One row for each of its segments.
    fn linear(&self) -> Vec<Value> {
        let lv = self.lv;
        let segments = &lv.legs[0].extents;
        let row = |extents: &Extents| {
            let attr = format!("-wi-{}--{}-", self.state, self.partial());
            let mut one = self.row(lv.name.clone(), &lv.uuid, attr, "linear", "public", self.view.device(extents));
            one["seg_count"] = segments.len().to_string().into();
            one["lv_health_status"] = if self.broken() { "partial" } else { "" }.into();
            one
        };
        segments.iter().map(row).collect()
    }

    fn mirror(&self) -> Value {
        let (lv, letter) = (self.lv, self.letter());
        let images: Vec<String> =
            (0..lv.legs.len()).map(|at| format!("{}_{}_{at}(0)", lv.name, lv.image())).collect();
        let attr = format!("{letter}wi-{}{letter}-{}-", self.state, self.partial());
        let kind = if self.raid() { "raid1" } else { "mirror" };
        let mut top = self.row(lv.name.clone(), &lv.uuid, attr, kind, "public", images.join(","));
        if let Some(active) = self.active {
            top["sync_percent"] = format!("{}.00", told(lv, active)).into();
            top["seg_monitor"] = if active.watched { "monitored" } else { "not monitored" }.into();
            if self.raid() {
                top["raid_sync_action"] = if told(lv, active) < 100 { "recover" } else { "idle" }.into();
            }
        }
        let dead = self.active.is_some_and(|active| active.health.contains('D'));
        top["lv_health_status"] = match (self.broken(), dead && self.raid()) {
            (true, _) => "partial",
            (false, true) => "refresh needed",
            _ => "",
        }
        .into();
        top
    }

    /// The hidden volumes of one leg: its image, and of RAID what it keeps of itself.
    fn leg(&self, at: usize) -> Vec<Value> {
        let (lv, view, leg) = (self.lv, self.view, &self.lv.legs[at]);
        let (p, health) = match (view.leg_lives(leg), leg.write_mostly) {
            (false, _) => ('p', "partial"),
            (true, true) => ('w', "writemostly"),
            (true, false) => ('-', ""),
        };
        let syncing = self.active.is_some_and(|active| active.synced < 100);
        let first = if syncing && (at > 0 || !self.raid()) { 'I' } else { 'i' };
        let attr = format!("{first}wi-{}{}-{p}-", self.state, self.letter());
        let devices: Vec<String> = leg.extents.iter().map(|extents| view.device(extents)).collect();
        let role = if self.raid() { "private,raid,image" } else { "private,mirror,image" };
        let name = format!("[{}_{}_{at}]", lv.name, lv.image());
        let mut image = self.row(name, &leg.uuid, attr, "linear", role, devices.join(","));
        image["lv_health_status"] = health.into();
        let meta = leg.meta.as_ref().map(|meta| {
            let name = format!("[{}_rmeta_{at}]", lv.name);
            let attr = format!("ewi-{}r-{p}-", self.state);
            let uuid = format!("m{}", &leg.uuid[1..]);
            let mut one = self.row(name, &uuid, attr, "linear", "private,raid,metadata", view.device(meta));
            one["lv_health_status"] = health.into();
            one["lv_size"] = view.group.extent.to_string().into();
            one
        });
        std::iter::once(image).chain(meta).collect()
    }
}

impl World {
    /// Everything with a label that LVM may look at: path, location, label's UUID.
    fn labels<'d>(&self, server: Server, devs: &'d [Dev]) -> Vec<(&'d Dev, &PvLabel)> {
        let config = self.read_file(server, "/etc/lvm/lvmlocal.conf").unwrap_or_default();
        let filter = global_filter(&config);
        let label = |dev: &'d Dev| match self.places.get(&dev.loc) {
            Some(Written::Pv(label)) => Some((dev, label)),
            _ => None,
        };
        // what has no label need not be held against the filter, which takes long
        let labelled = devs.iter().filter(|dev| dev.live && dev.kind != "lvm").filter_map(label);
        labelled.filter(|(dev, _)| accepted(&filter, dev)).collect()
    }

    /// The volume groups that LVM finds there, by their names: vgs(8).
    pub fn groups(&self, server: Server) -> Vec<View> {
        self.groups_on(server, &self.bare_devices(server))
    }

    pub(super) fn groups_on(&self, server: Server, devs: &[Dev]) -> Vec<View> {
        let labels = self.labels(server, devs);
        let mut newest: BTreeMap<&str, &Group> = BTreeMap::new();
        let used = labels.iter().filter(|(_, label)| !label.ignored);
        for group in used.filter_map(|(_, label)| label.group.as_ref()) {
            let known = newest.entry(&group.uuid).or_insert(group);
            if group.seqno > known.seqno {
                *known = group;
            }
        }
        let mut views: Vec<View> = newest
            .into_values()
            .map(|group| {
                let mut view = View { group: group.clone(), devs: BTreeMap::new(), paths: BTreeMap::new() };
                for (dev, label) in &labels {
                    // what has left the group in newer metadata is outdated, and not one of it
                    let theirs = label.group.as_ref().is_some_and(|one| one.uuid == group.uuid);
                    if theirs && group.pvs.iter().any(|pv| pv.uuid == label.uuid) {
                        view.devs.insert(label.uuid.clone(), dev.loc.clone());
                        view.paths.insert(label.uuid.clone(), dev.path.clone());
                    }
                }
                view
            })
            .collect();
        views.sort_by(|a, b| a.group.name.cmp(&b.group.name));
        views
    }

    pub(super) fn group(&self, server: Server, name: &str) -> Result<View, Fail> {
        let mut found: Vec<View> = self.groups(server).into_iter().filter(|view| view.group.name == name).collect();
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Fail::new(
                5,
                format!("  Volume group \"{name}\" not found\n  Cannot process volume group {name}\n"),
            )),
            _ => Err(Fail::new(5, format!("  Multiple VGs found with the same name: skipping {name}\n"))),
        }
    }

    pub(super) fn active(&self, server: Server, uuid: &str) -> Option<&Active> {
        self.machine(server).run.active.iter().find(|active| active.uuid == uuid)
    }

    pub(super) fn lvs(&self, server: Server) -> String {
        let devs = self.devices(server);
        let mut rows = Vec::new();
        for view in self.groups(server) {
            let mut lvs: Vec<&Volume> = view.group.lvs.iter().collect();
            lvs.sort_by(|a, b| a.name.cmp(&b.name));
            for lv in lvs {
                self.lv_rows(server, &view, lv, &devs, &mut rows);
            }
        }
        report("lv", rows)
    }

    fn lv_rows(&self, server: Server, view: &View, lv: &Volume, devs: &[Dev], rows: &mut Vec<Value>) {
        let active = self.active(server, &lv.uuid);
        let open = active.is_some() && {
            let path = format!("/dev/mapper/{}", crate::step::dm_name(&view.group.name, &lv.name));
            devs.iter().find(|dev| dev.path == path).is_some_and(|dev| self.opened(server, dev, devs))
        };
        let state = match (active.is_some(), open) {
            (true, true) => "ao",
            (true, false) => "a-",
            _ => "--",
        };
        let of = LvRows { view, lv, active, state };
        if lv.segtype == Segtype::Linear {
            rows.extend(of.linear());
            return;
        }
        rows.push(of.mirror());
        for at in 0..lv.legs.len() {
            rows.extend(of.leg(at));
        }
    }

    pub(super) fn pvs(&self, server: Server) -> String {
        let devs = self.bare_devices(server);
        let views = self.groups_on(server, &devs);
        let mut rows = Vec::new();
        let row = |path: &str, uuid: &str, vg: &str, size: u64, free: u64, missing: bool, all: u64, used: u64| {
            json!({
                "pv_name": path, "pv_uuid": uuid, "vg_name": vg, "pv_size": size.to_string(),
                "pv_free": free.to_string(), "pv_missing": if missing { "missing" } else { "" },
                "pv_pe_count": all.to_string(), "pv_pe_alloc_count": used.to_string(),
            })
        };
        for (dev, label) in self.labels(server, &devs) {
            // members of groups are listed below; what is outdated is not listed at all
            if label.group.is_none() {
                rows.push(row(&dev.path, &label.uuid, "", label.size, label.size, false, 0, 0));
            } else if given_up(&views, label) {
                rows.push(row(&dev.path, &label.uuid, "[unknown]", label.size, label.size, false, 0, 0));
            }
        }
        for view in &views {
            for pv in &view.group.pvs {
                let path = view.paths.get(&pv.uuid).map_or("[unknown]", String::as_str);
                let used = view.group.used(&pv.uuid);
                let extent = view.group.extent;
                let (size, free) = (pv.count * extent, (pv.count - used) * extent);
                let missing = view.missing(&pv.uuid);
                rows.push(row(path, &pv.uuid, &view.group.name, size, free, missing, pv.count, used));
            }
        }
        report("pv", rows)
    }

    /// Its label says that a group uses it, and no group does: that one went on without it, and it holds no metadata that
    /// could be known as outdated.
    pub(super) fn given_up(&self, server: Server, label: &PvLabel) -> bool {
        given_up(&self.groups(server), label)
    }

    pub(super) fn vgs(&self, server: Server) -> String {
        let row = |view: &View| {
            let group = &view.group;
            let all: u64 = group.pvs.iter().map(|pv| pv.count).sum();
            let free: u64 = group.pvs.iter().map(|pv| group.free(&pv.uuid)).sum();
            let missing = group.pvs.iter().filter(|pv| view.missing(&pv.uuid)).count();
            json!({
                "vg_name": group.name, "vg_uuid": group.uuid, "vg_size": (all * group.extent).to_string(),
                "vg_free": (free * group.extent).to_string(), "vg_extent_size": group.extent.to_string(),
                "vg_extent_count": all.to_string(), "vg_free_count": free.to_string(),
                "pv_count": group.pvs.len().to_string(), "lv_count": group.lvs.len().to_string(),
                "vg_missing_pv_count": missing.to_string(), "vg_systemid": "",
                "vg_attr": if missing > 0 { "wz-pn-" } else { "wz--n-" },
            })
        };
        report("vg", self.groups(server).iter().map(row).collect())
    }

    /// `dmsetup status`, of all or of some.
    pub(super) fn dm_status(&self, server: Server, names: &[String]) -> Said {
        let views = self.groups(server);
        let mut lines: Vec<(String, String)> = Vec::new();
        for active in &self.machine(server).run.active {
            let found = views
                .iter()
                .find_map(|view| view.group.lvs.iter().find(|lv| lv.uuid == active.uuid).map(|lv| (view, lv)));
            let Some((view, lv)) = found else { continue };
            let sectors = lv.extents() * view.group.extent / 512;
            let name = crate::step::dm_name(&view.group.name, &lv.name);
            let done = |total: u64| total * u64::from(told(lv, active)) / 100;
            let table = match lv.segtype {
                Segtype::Linear => format!("0 {sectors} linear "),
                Segtype::Mirror => {
                    let regions = sectors.div_ceil(4096).max(1);
                    let health = &active.health;
                    format!("0 {sectors} mirror 2 253:3 253:4 {}/{regions} 1 {health} 1 core", done(regions))
                }
                Segtype::Raid1 => {
                    let action = if told(lv, active) < 100 { "recover" } else { "idle" };
                    let synced = done(sectors);
                    format!("0 {sectors} raid raid1 2 {} {synced}/{sectors} {action} 0 0 -", active.health)
                }
            };
            lines.push((name.clone(), table));
            if lv.segtype != Segtype::Linear {
                for at in 0..lv.legs.len() {
                    lines.push((format!("{name}_{}_{at}", lv.image()), format!("0 {sectors} linear ")));
                }
            }
        }
        lines.sort();
        if names.is_empty() {
            if lines.is_empty() {
                return Ok("No devices found\n".into());
            }
            return Ok(lines.iter().map(|(name, table)| format!("{name}: {table}\n")).collect());
        }
        let mut out = String::new();
        for wanted in names {
            match lines.iter().find(|(name, _)| name == wanted) {
                Some((_, table)) => out += &format!("{table}\n"),
                None => return fail(1, format!("Device {wanted} not found\nCommand failed.\n")),
            }
        }
        Ok(out)
    }
}

/// How much of it is in sync, by what LVM and the kernel say: a raid1 without its second leg has nothing left to recover,
/// and calls that 100 %.
pub(super) fn told(lv: &Volume, active: &Active) -> u32 {
    let alone = lv.segtype == Segtype::Raid1 && active.health.contains('D');
    if alone { 100 } else { active.synced }
}

fn report(kind: &str, rows: Vec<Value>) -> String {
    // the form in which LVM writes it, a row a line
    let rows: Vec<String> = rows.iter().map(|row| format!("                  {row}")).collect();
    format!(
        "  {{\n      \"report\": [\n          {{\n              \"{kind}\": [\n{}\n              ]\n          }}\n      ]\n  }}\n",
        rows.join(",\n")
    )
}

/// The patterns of `global_filter` in a configuration: lvm.conf(5).
fn global_filter(config: &str) -> Vec<String> {
    let Some((_, rest)) = config.split_once("global_filter") else { return Vec::new() };
    let list = rest.split_once('[').map_or(rest, |(_, list)| list);
    let list = list.split_once(']').map_or(list, |(list, _)| list);
    list.split('"').skip(1).step_by(2).map(str::to_string).collect()
}

/// The first pattern that fits one of a device's names decides; a device that none fits is accepted.
fn accepted(filter: &[String], dev: &Dev) -> bool {
    let mut rejected = false;
    for name in dev.links.iter().chain([&dev.path]) {
        let verdict = filter.iter().find_map(|pattern| {
            let kind = pattern.chars().next()?;
            let mark = pattern.chars().nth(1)?;
            let inner = pattern.strip_prefix([kind])?.strip_prefix([mark])?.strip_suffix([mark])?;
            fits(inner, name).then_some(kind == 'a')
        });
        match verdict {
            Some(true) => return true,
            Some(false) => rejected = true,
            None => {}
        }
    }
    !rejected
}

/// Of regular expressions what LVM's filters are made of in practice: anchors, `.*`, `.`, escaped letters.
fn fits(pattern: &str, name: &str) -> bool {
    let (anchored, pattern) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
    let (ends, pattern) = pattern.strip_suffix('$').map_or((false, pattern), |rest| (true, rest));
    let pieces: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    (0..=name.len()).take(if anchored { 1 } else { usize::MAX }).any(|from| here(&pieces, &name[from..], ends))
}

fn here(pattern: &[char], name: &[char], ends: bool) -> bool {
    match pattern {
        [] => !ends || name.is_empty(),
        ['.', '*', rest @ ..] => (0..=name.len()).any(|skip| here(rest, &name[skip..], ends)),
        ['\\', letter, rest @ ..] => name.first() == Some(letter) && here(rest, &name[1..], ends),
        ['.', rest @ ..] => !name.is_empty() && here(rest, &name[1..], ends),
        [letter, rest @ ..] => name.first() == Some(letter) && here(rest, &name[1..], ends),
    }
}

fn given_up(views: &[View], label: &PvLabel) -> bool {
    let of = |view: &&View| label.group.as_ref().is_some_and(|group| group.uuid == view.group.uuid);
    let member = |view: &View| view.group.pvs.iter().any(|pv| pv.uuid == label.uuid);
    label.ignored && label.group.is_some() && !views.iter().find(of).is_some_and(member)
}
