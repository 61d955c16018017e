//! Arrays of md beneath live volumes, as the scripts of `step/below` make them: everything of them is in memory.

use super::world::{NewLeg, Session, Under, World};
use super::written::Written;
use super::{Fail, Said, fail};
use crate::host::Server;

/// Where the rules stand without which udev takes legs for members, and copies for originals.
const HIDES: &str = "/run/udev/rules.d/59-replant.rules";
pub(super) const QUIET_LINKS: &str = "/run/udev/rules.d/99-replant.rules";
pub(super) const QUIET_ARRAYS: &str = "/run/udev/rules.d/99-replant-arrays.rules";

impl Under {
    fn states(&self) -> Vec<(&'static str, String)> {
        let new = self.leg.as_ref().map(|leg| match leg {
            NewLeg { faulty: true, .. } => "faulty,write_mostly",
            NewLeg { synced: 100, .. } => "in_sync,write_mostly",
            _ => "spare,write_mostly",
        });
        [Some("in_sync"), new]
            .into_iter()
            .zip(["old", "new"])
            .filter_map(|(state, leg)| Some((leg, state?.into())))
            .collect()
    }

    /// Old's table while the array is beneath the volume.
    fn table(&self, sectors: u64) -> String {
        format!("0 {sectors} linear 9:{} 0", self.number)
    }
}

impl World {
    fn under(&self, server: Server, number: &str) -> Option<&Under> {
        self.machine(server).run.below.iter().find(|under| under.number.to_string() == number)
    }

    fn under_mut(&mut self, server: Server, number: &str) -> Option<&mut Under> {
        self.machine_mut(server).run.below.iter_mut().find(|under| under.number.to_string() == number)
    }

    fn session_of(&self, server: Server, leg: &str) -> Option<&Session> {
        let dev = self.dev(server, leg)?;
        self.machine(server).run.sessions.iter().find(|session| session.disk == dev.kname)
    }

    /// `state::STATE`
    pub(super) fn below_state(&self, server: Server, args: &[&str]) -> String {
        let mut text = String::new();
        for of in args.chunks(3) {
            let [volume, number, leg] = of else { panic!("how volumes lie: {args:?}") };
            text += &format!("volume {volume}\n");
            let under = self.under(server, number);
            if let Some(dev) = self.dev(server, &format!("/dev/mapper/{volume}")) {
                let sectors = dev.size / 512;
                let ours = under.filter(|under| under.beneath && under.volume == *volume);
                let table = ours.map_or(format!("0 {sectors} linear 9:1 2048"), |under| under.table(sectors));
                text += &format!("table {table}\n");
                if let Some(under) = under {
                    let leg = under.leg.as_ref().filter(|leg| !leg.faulty);
                    text += &match leg.map(|leg| leg.synced) {
                        Some(100) => "array 0 idle none\n".to_string(),
                        Some(done) => format!("array 1 recover {} / {sectors}\n", sectors * u64::from(done) / 100),
                        None => "array 1 idle none\n".to_string(),
                    };
                    for (leg, state) in under.states() {
                        text += &format!("leg replant-{number}-{leg} {state}\n");
                    }
                    for (leg, _) in under.states() {
                        text += &format!("held {leg}\n");
                    }
                }
            }
            if let Some(session) = self.session_of(server, leg) {
                text += &format!("lun {}\n", if session.live { "running" } else { "transport-offline" });
            }
        }
        text
    }

    /// `modprobe brd`
    pub(super) fn ram_disk(&mut self, server: Server, kib: Option<u64>) -> Said {
        if kib.is_some() && !self.machine(server).modules.iter().any(|one| one == "brd") {
            return fail(1, "modprobe: FATAL: Module brd not found in directory /lib/modules\n");
        }
        if kib.is_none() && !self.machine(server).run.below.is_empty() {
            return fail(1, "modprobe: FATAL: Module brd is in use.\n");
        }
        self.machine_mut(server).run.ram_disk = kib;
        Ok(String::new())
    }

    /// `ram_disk::RAM_DISKS`
    pub(super) fn ram_disks(&self, server: Server) -> String {
        self.machine(server).run.ram_disk.map_or_else(String::new, |kib| format!("ram0 {}\n", kib * 2))
    }

    /// below.sh
    pub(super) fn put_below(&mut self, server: Server, args: &[&str]) -> Said {
        let [volume, number, sectors, leg, _, _, uuid, _, since, _, track @ ..] = args else {
            panic!("below.sh {args:?}")
        };
        if self.machine(server).lacks.iter().any(|one| one == "mdadm") {
            return fail(127, "sh: mdadm: not found\n");
        }
        let clean = format!("{since}.clean");
        if self.exists(server, &clean) && self.under(server, number).is_some_and(|under| under.beneath) {
            self.copy_begins(server, since)?;
            self.remove_file(server, &clean)?;
        }
        if let ["track"] = track {
            let known = self.exists(server, since) && self.under(server, number).is_some_and(|under| under.beneath);
            return if known { Ok(String::new()) } else { self.track(server, args) };
        }
        if !self.under(server, number).is_some_and(|under| under.beneath) {
            self.put_beneath(server, volume, number, sectors, uuid)?;
            self.forget_marks(server, since)?;
        }
        let faulty = match &self.under(server, number).expect("it was put there").leg {
            Some(NewLeg { faulty: false, .. }) => return Ok(String::new()),
            leg => leg.is_some(),
        };
        if faulty && let Some(under) = self.under_mut(server, number) {
            under.leg = None;
        }
        let session = self.leg_on_new(server, volume, leg, sectors)?;
        let line = format!("replant: copy of {volume} begins");
        self.machine_mut(server).run.kernel_log.push(line);
        let again = self.exists(server, since) && self.under(server, number).is_some_and(|under| under.known);
        if !again {
            self.forget_marks(server, since)?;
            self.copy_begins(server, since)?;
        }
        let under = self.under_mut(server, number).expect("it was put there");
        under.lost &= again;
        under.known = true;
        // without what it knows md sends everything
        under.whole |= !again;
        let synced = if again { std::mem::replace(&mut under.spared, 90) } else { 0 };
        under.leg = Some(NewLeg { loc: session.loc, disk: session.disk, synced, faulty: false });
        Ok(String::new())
    }

    fn leg_on_new(&self, server: Server, volume: &str, leg: &str, sectors: &str) -> Result<Session, Fail> {
        let Some(session) = self.session_of(server, leg).cloned() else {
            return fail(1, format!("there is no disk {leg}\n"));
        };
        if !session.live {
            return fail(1, format!("dd: error writing {leg}: Input/output error\n"));
        }
        if session.size / 512 < sectors.parse().unwrap_or(u64::MAX) {
            return fail(1, format!("{leg} has {} sectors, {volume} has {sectors}\n", session.size / 512));
        }
        Ok(session)
    }

    /// below.sh, `track`: md has known the leg, and sends what gets a bit from now on. What is there already has none.
    fn track(&mut self, server: Server, args: &[&str]) -> Said {
        let [volume, number, sectors, leg, _, _, uuid, _, since, _, _] = args else { panic!("below.sh {args:?}") };
        self.machine_mut(server).run.below.retain(|under| under.number.to_string() != **number);
        self.leg_on_new(server, volume, leg, sectors)?;
        self.put_beneath(server, volume, number, sectors, uuid)?;
        self.forget_marks(server, since)?;
        let under = self.under_mut(server, number).expect("it was put there");
        (under.known, under.spared) = (true, 50);
        Ok(String::new())
    }

    /// below-used.sh: what is read before every write is counted lacks what is written in between.
    pub(super) fn set_bits(&mut self, server: Server, args: &[&str]) -> Said {
        let [volume, number, _, _, since] = args else { panic!("below-used.sh {args:?}") };
        if self.exists(server, since) {
            return Ok(String::new());
        }
        let Some(under) = self.under_mut(server, number).filter(|under| under.beneath) else {
            return fail(1, format!("md{number} does not lie beneath {volume}: nobody counts what is written\n"));
        };
        if under.leg.is_some() {
            return fail(1, format!("md{number} has a leg on new, and would not send what gets a bit now\n"));
        }
        under.whole = true;
        self.copy_begins(server, since)
    }

    fn put_beneath(&mut self, server: Server, volume: &str, number: &str, sectors: &str, uuid: &str) -> Said {
        if self.machine(server).run.ram_disk.is_none() {
            return fail(1, "dd: failed to open '/dev/ram0': No such file or directory\n");
        }
        let dev = self.must(server, "dmsetup", &format!("/dev/mapper/{volume}"))?;
        if (dev.size / 512).to_string() != *sectors {
            return fail(
                1,
                format!("{volume} has {} sectors, and had {sectors} when this was planned\n", dev.size / 512),
            );
        }
        if let Some(Written::Pv(_) | Written::Member(_)) = self.places.get(&dev.loc) {
            return fail(1, format!("{volume} holds LVM2_member: mdadm could write to it\n"));
        }
        if self.file(server, HIDES).is_none() {
            // udev probes what is new, and md takes it for a member of its own
            return fail(
                1,
                format!("mdadm: cannot open /dev/mapper/replant-{number}-old: Device or resource busy\n"),
            );
        }
        let number: u32 = number.parse().expect("a number");
        let arrays = &mut self.machine_mut(server).run.below;
        arrays.retain(|under| under.number != number);
        arrays.push(Under {
            volume: volume.into(),
            number,
            uuid: uuid.into(),
            beneath: true,
            leg: None,
            known: false,
            lost: false,
            whole: false,
            spared: 90,
        });
        Ok(String::new())
    }

    /// below-back.sh
    pub(super) fn take_from_below(&mut self, server: Server, args: &[&str]) -> Said {
        let [_, number] = args else { panic!("below-back.sh {args:?}") };
        self.machine_mut(server).run.below.retain(|under| under.number.to_string() != *number);
        Ok(String::new())
    }

    /// below-drop.sh
    pub(super) fn drop_new_leg(&mut self, server: Server, args: &[&str]) -> Said {
        let [number, _, since] = args else { panic!("below-drop.sh {args:?}") };
        if let Some(under) = self.under_mut(server, number) {
            (under.leg, under.known, under.lost, under.whole) = (None, false, false, false);
        }
        self.forget_marks(server, since)
    }

    fn forget_marks(&mut self, server: Server, since: &str) -> Said {
        for end in ["", ".rest", ".clean"] {
            self.remove_file(server, &format!("{since}{end}"))?;
        }
        Ok(String::new())
    }

    /// below-rest.sh
    pub(super) fn put_to_rest(&mut self, server: Server, args: &[&str]) -> Said {
        let rests = |world: &World, number: &str, since: &str| {
            let under = world.under(server, number);
            under.is_some_and(|under| under.leg.is_none()) && world.exists(server, &format!("{since}.rest"))
        };
        let (chunks, []) = args.as_chunks::<3>() else { panic!("below-rest.sh {args:?}") };
        for [number, leg, since] in chunks {
            let whole = self.under(server, number).and_then(|under| under.leg.as_ref());
            let whole = whole.is_some_and(|leg| !leg.faulty && leg.synced == 100);
            if !whole && !rests(self, number, since) {
                return fail(1, format!("the copy of /dev/md{number} is not in sync: it cannot rest\n"));
            }
            if whole && !self.session_of(server, leg).is_some_and(|session| session.live) {
                return fail(1, format!("sync: error syncing '{leg}': Input/output error\n"));
            }
        }
        for [number, _, since] in chunks {
            if !rests(self, number, since) {
                if let Some(under) = self.under_mut(server, number) {
                    under.leg = None;
                }
                self.rename(server, since, &format!("{since}.rest"))?;
            }
        }
        Ok(String::new())
    }

    /// `unwritten::CLEAN`
    pub(super) fn call_clean(&mut self, server: Server, all: &[&str]) -> Said {
        for since in all {
            let rest = format!("{since}.rest");
            if self.exists(server, &rest) {
                self.rename(server, &rest, &format!("{since}.clean"))?;
            }
        }
        Ok(String::new())
    }

    fn rename(&mut self, server: Server, from: &str, to: &str) -> Said {
        let text = self.read_file(server, from).unwrap_or_default();
        self.write_file(server, to, &text, 0o600)?;
        self.remove_file(server, from).map(|()| String::new())
    }

    /// Somebody has LVM load the volume's table again: `lvchange --refresh`, a new size, a snapshot.
    pub fn reload_table(&mut self, server: Server, volume: &str) {
        for under in self.machine_mut(server).run.below.iter_mut().filter(|under| under.volume == volume) {
            under.beneath = false;
        }
    }

    /// What such arrays do by themselves between two commands: copy, and give up legs whose link is gone.
    pub(super) fn below(&mut self, server: Server, advance: bool) {
        if self.machine(server).run.below.is_empty() {
            return;
        }
        let pace = self.pace;
        let devs = self.devices(server);
        let mut arrays = std::mem::take(&mut self.machine_mut(server).run.below);
        for under in &mut arrays {
            let (number, beneath) = (under.number, under.beneath);
            // what has no bit is not sent, and the leg says that it is in sync
            let lost = under.lost || !under.whole;
            let Some(leg) = under.leg.as_mut().filter(|leg| !leg.faulty) else { continue };
            let lives = |session: &Session| session.disk == leg.disk && session.loc == leg.loc && session.live;
            if !self.machine(server).run.sessions.iter().any(lives) {
                leg.faulty = true;
                let line = format!("md/raid1:md{number}: Disk failure on dm-9, disabling device.");
                self.machine_mut(server).run.kernel_log.push(line);
                continue;
            }
            if advance {
                leg.synced = (leg.synced + pace).min(100);
            }
            let path = format!("/dev/mapper/{}", under.volume);
            let Some(from) = devs.iter().find(|dev| dev.path == path).map(|dev| dev.loc.clone()) else { continue };
            if !beneath {
                continue; // md sees nothing of what is written
            }
            match self.places.get(&from).cloned() {
                Some(written) if leg.synced == 100 && !lost => drop(self.places.insert(leg.loc.clone(), written)),
                None if leg.synced == 100 && !lost => drop(self.places.remove(&leg.loc)),
                _ => drop(self.places.insert(leg.loc.clone(), Written::Torn)),
            }
        }
        self.machine_mut(server).run.below = arrays;
    }

    /// What new had taken and not yet written is gone, and no array learns of it.
    pub(super) fn lose_below(&mut self, locs: &[String]) {
        let mut torn = Vec::new();
        for under in &mut self.old.run.below {
            if let Some(leg) = under.leg.as_ref().filter(|leg| locs.contains(&leg.loc)) {
                torn.push(leg.loc.clone());
                under.lost = true;
            }
        }
        for loc in torn {
            self.places.insert(loc, Written::Torn);
        }
    }
}
