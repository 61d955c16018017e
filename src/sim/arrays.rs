//! md: arrays are made of members, run, and stop; what is on them outlives all of that.

use super::blocks::BUSY;
use super::world::{Running, World, body_loc};
use super::written::{Member, Written};
use super::{Args, Said, fail};
use crate::host::Server;

impl World {
    pub(super) fn mdadm(&mut self, server: Server, args: &Args) -> Said {
        if args.has("--create") {
            return self.md_create(server, args);
        }
        if args.has("--assemble") {
            return self.md_assemble(server, args);
        }
        if args.has("--detail") && args.has("--export") {
            let dev = self.must(server, "mdadm", args.last())?;
            let Some(array) = self.machine(server).run.arrays.iter().find(|array| array.loc == dev.loc) else {
                return fail(1, format!("mdadm: {} does not appear to be an md device\n", args.last()));
            };
            return Ok(self.md_export(server, array));
        }
        if args.has("--examine") && args.has("--export") {
            let dev = self.must(server, "mdadm", args.last())?;
            let Some(Written::Member(member)) = self.places.get(&dev.loc) else {
                return fail(1, format!("mdadm: No md superblock detected on {}.\n", args.last()));
            };
            return Ok(format!(
                "MD_LEVEL={}\nMD_DEVICES={}\nMD_NAME={}\nMD_UUID={}\nMD_METADATA={}\n",
                member.level, member.devices, member.name, member.uuid, member.metadata
            ));
        }
        panic!("the simulated server knows no mdadm {args:?}")
    }

    pub(super) fn md_export(&self, server: Server, array: &Running) -> String {
        let Some(Written::Member(head)) = array.members.first().and_then(|loc| self.places.get(loc)) else {
            return String::new();
        };
        let short = head.name.rsplit(':').next().unwrap_or_default();
        let mut text = format!(
            "MD_LEVEL={}\nMD_DEVICES={}\nMD_METADATA={}\nMD_UUID={}\nMD_DEVNAME={short}\nMD_NAME={}\n",
            head.level, head.devices, head.metadata, head.uuid, head.name
        );
        let devs = self.bare_devices(server);
        for (role, loc) in array.members.iter().enumerate() {
            let Some(dev) = devs.iter().find(|dev| dev.loc == *loc) else { continue };
            text += &format!("MD_DEVICE_dev_{0}_ROLE={role}\nMD_DEVICE_dev_{0}_DEV={1}\n", dev.kname, dev.path);
        }
        text
    }

    pub(super) fn md_create(&mut self, server: Server, args: &Args) -> Said {
        let [device, members @ ..] = args.words() else { panic!("mdadm {args:?}") };
        let name = device.trim_start_matches("/dev/").replace("md/", "md_");
        let wanted = |option: &str| args.value(option).unwrap_or_else(|| panic!("mdadm --create without {option}"));
        if self.machine(server).run.arrays.iter().any(|array| array.name == name) {
            return fail(1, format!("mdadm: {device} is already in use.\n"));
        }
        let mut locs = Vec::new();
        for path in members {
            let dev = self.must(server, "mdadm", path)?;
            if self.open(server, &dev) {
                return fail(
                    1,
                    format!(
                        "mdadm: super1.x cannot open {path}: {BUSY}\nmdadm: {path} is not suitable for this array.\nmdadm: create aborted\n"
                    ),
                );
            }
            locs.push(dev.loc);
        }
        assert_eq!(members.len().to_string(), wanted("--raid-devices"), "mdadm {args:?}");
        let level = wanted("--level");
        let clean = args.has("--assume-clean");
        assert!(!clean || ["raid1", "raid10"].contains(&level.as_str()), "parity that nobody has computed: {args:?}");
        for (slot, loc) in locs.iter().enumerate() {
            let member = Member {
                uuid: wanted("--uuid"),
                name: format!("{}:{}", wanted("--homehost"), wanted("--name")),
                level: level.clone(),
                devices: locs.len(),
                slot,
                metadata: wanted("--metadata"),
                bitmap: args.value("--bitmap").is_some(),
                unlike: clean,
            };
            self.places.insert(loc.clone(), Written::Member(member));
        }
        self.run_array(server, &name, &wanted("--uuid"), &level, locs, level != "raid0" && !clean);
        Ok(format!("mdadm: array {device} started.\n"))
    }

    pub(super) fn run_array(
        &mut self,
        server: Server,
        name: &str,
        uuid: &str,
        level: &str,
        members: Vec<String>,
        resync: bool,
    ) {
        let loc = body_loc(level, &members);
        let array =
            Running { name: name.to_string(), uuid: uuid.to_string(), loc, members, failed: Vec::new(), resync };
        let arrays = &mut self.machine_mut(server).run.arrays;
        arrays.push(array);
        arrays.sort_by(|a, b| a.name.cmp(&b.name));
    }

    pub(super) fn md_assemble(&mut self, server: Server, args: &Args) -> Said {
        let [device, members @ ..] = args.words() else { panic!("mdadm {args:?}") };
        let name = device.trim_start_matches("/dev/").replace("md/", "md_");
        let uuid = args.value("--uuid").unwrap_or_else(|| panic!("mdadm {args:?}"));
        if self.machine(server).run.arrays.iter().any(|array| array.name == name) {
            return fail(1, format!("mdadm: {device} is already in use.\n"));
        }
        let mut found = Vec::new();
        for path in members {
            let dev = self.must(server, "mdadm", path)?;
            if self.open(server, &dev) {
                return fail(1, format!("mdadm: {path} is busy - skipping\nmdadm: no devices found for {device}\n"));
            }
            match self.places.get(&dev.loc) {
                Some(Written::Member(member)) if member.uuid == uuid => {
                    found.push((member.slot, dev.loc.clone(), member.level.clone(), member.devices));
                }
                _ => {
                    return fail(
                        1,
                        format!(
                            "mdadm: no recogniseable superblock on {path}\nmdadm: {path} has no superblock - assembly aborted\n"
                        ),
                    );
                }
            }
        }
        found.sort();
        let Some((_, _, level, devices)) = found.first().cloned() else {
            return fail(1, "mdadm: no devices found\n");
        };
        if found.len() < devices {
            return fail(
                1,
                format!("mdadm: {device} assembled from {} drives - not enough to start the array.\n", found.len()),
            );
        }
        let locs = found.into_iter().map(|(_, loc, _, _)| loc).collect();
        self.run_array(server, &name, &uuid, &level, locs, false);
        Ok(format!("mdadm: {device} has been started with {devices} drives.\n"))
    }

    /// `array::CREATE`
    pub(super) fn md_create_blank(&mut self, server: Server, argv: &[&str]) -> Said {
        let said = self.md_create(server, &Args::of(argv))?;
        let dev = self.must(server, "wipefs", argv[0])?;
        self.places.remove(&dev.loc);
        Ok(said)
    }

    /// `array-repair.sh`
    pub(super) fn array_repair(&mut self, server: Server, arrays: &[&str]) -> Said {
        for array in arrays {
            let loc = self.must(server, "readlink", array)?.loc;
            let members = self.machine(server).run.arrays.iter().find(|array| array.loc == loc);
            for member in members.expect("an array").members.clone() {
                if let Some(Written::Member(member)) = self.places.get_mut(&member) {
                    member.unlike = false;
                }
            }
        }
        Ok(String::new())
    }

    /// `array::ERASE`
    pub(super) fn md_erase(&mut self, server: Server, id: &str, device: &str, uuid: &str, members: &[&str]) -> Said {
        if self.dev(server, id).is_none() {
            let uuid = format!("--uuid={uuid}");
            let argv: Vec<&str> = [device, &uuid, "--run"].into_iter().chain(members.iter().copied()).collect();
            let _ = self.md_assemble(server, &Args::of(&argv));
        }
        let Some(dev) = self.dev(server, id) else { return Ok(String::new()) };
        if self.open(server, &dev) {
            return fail(1, format!("wipefs: error: {id}: probing initialization failed: {BUSY}\n"));
        }
        self.places.remove(&dev.loc);
        self.md_stop(server, id)
    }

    /// `wiped::STOP_ARRAY`
    pub(super) fn md_stop(&mut self, server: Server, path: &str) -> Said {
        let Some(dev) = self.dev(server, path) else { return Ok(String::new()) };
        if self.open(server, &dev) {
            return fail(
                1,
                format!(
                    "mdadm: Cannot get exclusive access to {path}:Perhaps a running process, mounted filesystem or active volume group?\n"
                ),
            );
        }
        self.machine_mut(server).run.arrays.retain(|array| array.loc != dev.loc);
        Ok(format!("mdadm: stopped {path}\n"))
    }
}
