//! The link: tgtd and LIO on new, open-iscsi on old. A target's device appears on old as a disk with the same storage.

use super::world::{Session, Target, Tgt, World};
use super::{Args, Said, fail};
use crate::host::Server::{self, New, Old};

const NO_TGTD: &str = "tgtadm: failed to send request hdr to tgt daemon, Transport endpoint is not connected\n";

impl World {
    pub(super) fn tgtd(&mut self, server: Server, args: &Args) -> Said {
        let portal = args.value("--iscsi").unwrap_or_default();
        let Some(portal) = portal.strip_prefix("portal=") else { panic!("tgtd {args:?}") };
        let since = self.moment;
        let run = &mut self.machine_mut(server).run;
        if run.tgt.is_some() {
            // the control socket is taken
            return fail(1, "tgtd: can't bind a socket, Address already in use\n");
        }
        run.tgt = Some(Tgt { since, portals: vec![portal.to_string()], targets: Vec::new() });
        Ok(String::new())
    }

    pub(super) fn tgtadm(&mut self, server: Server, args: &Args) -> Said {
        let (mode, op) = (args.value("--mode").unwrap_or_default(), args.value("--op").unwrap_or_default());
        let Some(tgt) = &self.machine(server).run.tgt else { return fail(107, NO_TGTD) };
        match (mode.as_str(), op.as_str()) {
            ("portal", "show") => Ok(tgt.portals.iter().map(|portal| format!("Portal: {portal},1\n")).collect()),
            ("target", "show") => Ok(self.tgt_show(tgt)),
            ("system", "delete") if !tgt.targets.is_empty() => fail(22, "tgtadm: this target is still active\n"),
            ("system", "delete") => {
                self.machine_mut(server).run.tgt = None;
                Ok(String::new())
            }
            _ => panic!("the simulated server knows no tgtadm {args:?}"),
        }
    }

    fn tgt_show(&self, tgt: &Tgt) -> String {
        let mut text = String::new();
        for (at, target) in tgt.targets.iter().enumerate() {
            let tid = at + 1;
            text += &format!(
                "Target {tid}: {}\n    System information:\n        Driver: iscsi\n        State: ready\n    I_T nexus information:\n",
                target.iqn
            );
            if self.old.run.sessions.iter().any(|session| session.live && session.iqn == target.iqn) {
                text += "        I_T nexus: 1\n            Initiator: iqn.old alias: old\n            Connection: 0\n                IP Address: 0.0.0.0\n";
            }
            text += &format!(
                "    LUN information:\n        LUN: 0\n            Type: controller\n            SCSI ID: IET     000{tid}0000\n            SCSI SN: beaf{tid}0\n            Size: 0 MB, Block size: 1\n            Backing store type: null\n            Backing store path: None\n            Backing store flags: \n"
            );
            if !target.device.is_empty() {
                text += &format!(
                    "        LUN: {}\n            Type: disk\n            SCSI ID: {1}\n            SCSI SN: {1}\n            Online: Yes\n            Backing store type: rdwr\n            Backing store path: {2}\n            Backing store flags: {3}\n",
                    target.lun,
                    target.serial,
                    target.device,
                    if target.sync { "sync" } else { "" }
                );
            }
            text += "    Account information:\n";
            if !target.user.is_empty() {
                text += &format!("        {}\n", target.user);
                text += &format!("        {} (outgoing)\n", target.back.0);
            }
            text += "    ACL information:\n";
            if !target.initiator.is_empty() {
                text += &format!("        {}\n", target.initiator);
            }
        }
        text
    }

    pub(super) fn tgt_admin(&mut self, server: Server, args: &Args) -> Said {
        if self.machine(server).run.tgt.is_none() {
            return fail(107, NO_TGTD);
        }
        let forget = |world: &mut World, iqn: &str| {
            if let Some(tgt) = &mut world.machine_mut(server).run.tgt {
                tgt.targets.retain(|target| target.iqn != iqn);
            }
        };
        if let Some(iqn) = args.value("--delete") {
            // of a target that does not exist it only says so
            let used = self.old.run.sessions.iter().any(|session| session.live && session.iqn == iqn);
            if used && !args.has("--force") {
                return Ok(format!("# Target with tid 1 ({iqn}) is in use, it won't be deleted.\n"));
            }
            forget(self, &iqn);
            return Ok(String::new());
        }
        let (Some(iqn), Some(conf)) = (args.value("--update"), args.value("--conf")) else {
            panic!("the simulated server knows no tgt-admin {args:?}")
        };
        let Some(text) = self.read_file(server, &conf) else {
            return fail(1, format!("Config file {conf} not found. Exiting...\n"));
        };
        let target = parse_target(&text);
        assert_eq!(target.iqn, iqn, "{conf} is about another target");
        let Some(dev) = self.dev(server, &target.device) else {
            return fail(22, "tgtadm: invalid request\nexited with code: 22.\n");
        };
        if self.busy(server, &dev) && !text.contains("allow-in-use yes") {
            return Ok(format!("# Device {} is used by the system (mounted, used by swap?).\n", target.device));
        }
        forget(self, &iqn);
        if let Some(tgt) = &mut self.machine_mut(server).run.tgt {
            let portal = tgt.portals.first().cloned().unwrap_or_default();
            tgt.targets.push(Target { portal, lun: 1, ..target });
        }
        Ok(String::new())
    }

    /// `lio_export::LIO_STATE`
    pub(super) fn lio_state(&self, server: Server, iqn: &str, name: &str) -> String {
        let found = self.machine(server).run.lio.iter().find(|target| target.iqn == iqn && target.name == name);
        let Some(target) = found else { return String::new() };
        format!(
            "backstore 1 {} {}\ntarget 1\nacl {}\nback {}\nportal {}\nlun lun_0\n",
            target.serial, target.device, target.initiator, target.back.0, target.portal
        )
    }

    /// lio-export.sh
    pub(super) fn lio_export(&mut self, server: Server, args: &[&str]) -> Said {
        let [iqn, name, device, serial, portal, initiator, user, secret, back_user, back, ..] = args else {
            panic!("lio-export.sh {args:?}")
        };
        for module in ["target_core_mod", "target_core_iblock", "iscsi_target_mod"] {
            // an initramfs of old's has old's kernel
            let kernel = if self.in_hold() { &self.old } else { self.machine(server) };
            if !kernel.modules.iter().any(|one| one == module) {
                return fail(1, format!("modprobe: FATAL: Module {module} not found in directory /lib/modules\n"));
            }
        }
        let Some(dev) = self.dev(server, device) else {
            return fail(
                1,
                format!("lio-export.sh: line 15: echo: write error: No such file or directory ({device})\n"),
            );
        };
        let Some(secret) = self.read_file(server, secret) else {
            return fail(1, format!("cat: {secret}: No such file or directory\n"));
        };
        let Some(back) = self.read_file(server, back) else {
            return fail(1, format!("cat: {back}: No such file or directory\n"));
        };
        let known = self.machine(server).run.lio.iter().position(|target| target.iqn == *iqn && target.name == *name);
        if known.is_none() && self.busy(server, &dev) {
            return fail(1, "lio-export.sh: line 17: echo: write error: Device or resource busy\n");
        }
        let target = Target {
            iqn: iqn.to_string(),
            name: name.to_string(),
            device: device.to_string(),
            serial: serial.to_string(),
            portal: portal.to_string(),
            initiator: initiator.to_string(),
            user: user.to_string(),
            secret: secret.trim().to_string(),
            back: (back_user.to_string(), back.trim().to_string()),
            lun: 0,
            block: dev.sector,
            // what a disk has in its own cache is not there yet
            sync: false,
        };
        let lio = &mut self.machine_mut(server).run.lio;
        match known {
            Some(at) => lio[at] = target,
            None => lio.push(target),
        }
        Ok(String::new())
    }

    pub(super) fn lio_withdraw(&mut self, server: Server, args: &[&str]) -> Said {
        let [iqn, name] = args else { panic!("lio-withdraw.sh {args:?}") };
        self.machine_mut(server).run.lio.retain(|target| target.iqn != *iqn || target.name != *name);
        Ok(String::new())
    }

    /// A target as old finds it at a portal.
    fn offered(&self, iqn: &str, portal: &str) -> Option<(&Target, bool)> {
        if !self.new.on || self.new.system == super::world::System::Own {
            return None;
        }
        let tgt = self.new.run.tgt.iter().flat_map(|tgt| &tgt.targets).map(|target| (target, true));
        let lio = self.new.run.lio.iter().map(|target| (target, false));
        let listens = |target: &Target| target.portal == portal || target.portal == "0.0.0.0:3260";
        tgt.chain(lio).find(|(target, _)| target.iqn == iqn && listens(target))
    }

    pub(super) fn iscsiadm(&mut self, server: Server, args: &Args) -> Said {
        if !self.installed(server, "open-iscsi") {
            return fail(127, "sh: 1: iscsiadm: not found\n");
        }
        let (Some(iqn), Some(portal)) = (args.value("-T"), args.value("-p")) else {
            panic!("the simulated server knows no iscsiadm {args:?}")
        };
        let (address, port) = portal.rsplit_once(':').unwrap_or((&portal, "3260"));
        // the brackets of an IPv6 address are no part of its records
        let address = address.trim_matches(['[', ']']);
        let nodes = self.iscsi_database(server);
        let path = format!("{nodes}/nodes/{iqn}/{address},{port},1/default");
        let Some(record) = self.read_file(server, &path) else {
            return fail(21, "iscsiadm: No records found\n");
        };
        let at = self.machine(server).run.sessions.iter().position(|session| session.iqn == iqn);
        if args.has("--logout") {
            let Some(at) = at else { return fail(21, "iscsiadm: No matching sessions found\n") };
            self.machine_mut(server).run.sessions.remove(at);
            return Ok(format!("Logout of [sid: 1, target: {iqn}, portal: {address},{port}] successful.\n"));
        }
        assert!(args.has("--login"), "iscsiadm {args:?}");
        if at.is_some() {
            return fail(
                15,
                format!(
                    "iscsiadm: Could not login to [iface: default, target: {iqn}, portal: {portal}].\niscsiadm: initiator reported error (15 - session exists)\n"
                ),
            );
        }
        if !self.machine(server).run.units.get("iscsid.service").copied().unwrap_or(false) {
            return fail(20, "iscsiadm: can not connect to iSCSI daemon (111)!\niscsiadm: Could not login\n");
        }
        let has = |key: &str| {
            let line = record.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            line.map(|value| value.trim().to_string()).unwrap_or_default()
        };
        let me = [has("iface.initiatorname"), own_address(self)];
        let Some((target, tgt)) = self.offered(&iqn, &portal) else {
            return fail(
                8,
                "iscsiadm: Could not login\niscsiadm: initiator reported error (8 - connection timed out)\n",
            );
        };
        let welcome = if tgt { me[1] == target.initiator } else { me[0] == target.initiator };
        let chap =
            has("node.session.auth.username") == target.user && has("node.session.auth.password") == target.secret;
        let back = (has("node.session.auth.username_in"), has("node.session.auth.password_in"));
        if !back.0.is_empty() && back != target.back {
            return fail(
                24,
                "iscsiadm: Could not login\niscsiadm: initiator reported error (24 - iSCSI login failed due to authorization failure)\n",
            );
        }
        if !welcome || !chap {
            return fail(
                24,
                "iscsiadm: Could not login\niscsiadm: initiator reported error (24 - iSCSI login failed due to authorization failure)\n",
            );
        }
        let target = target.clone();
        let Some(dev) = self.dev(New, &target.device) else {
            return fail(8, "iscsiadm: initiator reported error (8 - connection timed out)\n");
        };
        let taken: Vec<String> = self.devices(server).into_iter().map(|dev| dev.kname).collect();
        let disk = ('a'..='z').map(|letter| format!("sd{letter}")).find(|name| !taken.contains(name));
        let session = Session {
            iqn,
            portal,
            disk: disk.unwrap_or_else(|| "sdz".into()),
            serial: target.serial.clone(),
            lun: target.lun,
            size: dev.size,
            sector: if target.block == 0 { 512 } else { target.block },
            loc: dev.loc,
            live: true,
            told: true,
        };
        let run = &mut self.machine_mut(server).run;
        // a disk that comes is read by udev
        run.unnamed.retain(|loc| *loc != session.loc);
        run.sessions.push(session);
        Ok("Login successful.\n".into())
    }

    /// `login::SESSIONS`
    pub(super) fn sessions(&self, server: Server) -> String {
        let sessions = self.machine(server).run.sessions.iter();
        let state = |live: bool| if live { "LOGGED_IN" } else { "FAILED" };
        sessions.map(|session| format!("{} {}\n", session.iqn, state(session.live))).collect()
    }

    /// Sessions whose target is gone fail, and come back with it.
    pub(super) fn links_live(&mut self) {
        if self.old.run.sessions.is_empty() {
            return;
        }
        // a volume is offered by its name
        let volumes = self.old.run.sessions.iter().any(|session| session.loc.contains('#'));
        let devs = if volumes { self.devices(New) } else { self.bare_devices(New) };
        let lives: Vec<bool> = self
            .old
            .run
            .sessions
            .iter()
            .map(|session| {
                let target = self.offered(&session.iqn, &session.portal).map(|(target, _)| target.device.clone());
                let names = |device: &String| {
                    devs.iter()
                        .any(|dev| dev.loc == session.loc && (dev.path == *device || dev.links.contains(device)))
                };
                self.link_up && target.as_ref().is_some_and(names)
            })
            .collect();
        for (session, live) in self.old.run.sessions.iter_mut().zip(lives) {
            session.live = live;
            session.told &= live;
        }
    }
}

fn own_address(world: &World) -> String {
    let addresses = &world.machine(Old).run.addresses;
    addresses.first().and_then(|address| address.split('/').next()).unwrap_or_default().to_string()
}

/// targets.conf(5), of one target.
fn parse_target(text: &str) -> Target {
    let mut target = Target::default();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.trim_matches(['<', '>']).split_whitespace().collect();
        match words.as_slice() {
            ["target", iqn] => target.iqn = iqn.to_string(),
            ["backing-store" | "direct-store", device] => target.device = device.to_string(),
            ["scsi_sn", serial] => target.serial = serial.to_string(),
            ["incominguser", user, secret] => {
                (target.user, target.secret) = (user.to_string(), secret.to_string());
            }
            ["outgoinguser", user, secret] => target.back = (user.to_string(), secret.to_string()),
            ["HeaderDigest", "CRC32C"] => {}
            // what tgt-admin(8) hands on to tgtadm besides
            ["InitialR2T" | "ImmediateData", "Yes" | "No"] => {}
            ["MaxRecvDataSegmentLength" | "FirstBurstLength" | "MaxBurstLength" | "MaxOutstandingR2T", number]
                if number.parse::<u32>().is_ok() => {}
            ["initiator-address", address] => target.initiator = address.to_string(),
            ["bsoflags", flags] => target.sync = *flags == "sync",
            ["block-size", size] => target.block = size.parse().unwrap_or(512),
            [] | ["default-driver" | "lun" | "vendor_id" | "product_id" | "scsi_id" | "allow-in-use", ..] => {}
            [closing] if closing.starts_with('/') => {}
            _ => panic!("tgt-admin cannot read `{line}`"),
        }
    }
    target
}
