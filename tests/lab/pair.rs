//! A pair of servers: its directory, its namespace, its two machines, and the services beside them.

use crate::image::{self, Images};
use crate::machine::{Boot, Bus, Disk, Hardware, Kernel, Machine, copy_sparse};
use crate::recipe::{self, OldServer};
use crate::shell::{Guest, run};
use crate::workspace::Lab;
use crate::{Fallible, accelerator, apt_repo, fail, net, say, witness};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a machine may take to answer over SSH: an emulated one on a busy host is slow.
pub const BOOT: Duration = Duration::from_secs(400);

/// The boots of the new server.
pub const RESCUE: &str = "rescue";
pub const DISK: &str = "disk";
pub const WITHOUT_FIRST: &str = "disk-without-first";

pub struct Pair {
    pub dir: PathBuf,
    pub namespace: String,
    pub old: Machine,
    pub new: Machine,
    /// What answers at old's address: old, and after the migration new.
    pub service: Guest,
    /// New, in its rescue system.
    pub rescue: Guest,
    about: About,
}

/// What has to be remembered about a pair, beside its machines.
#[derive(Clone, Serialize, Deserialize)]
struct About {
    namespace: String,
    images: PathBuf,
    old: String,
    rescue: String,
}

fn old_server(name: &str) -> Fallible<&'static OldServer> {
    match recipe::OLD_SERVERS.iter().find(|old| old.name == name) {
        Some(old) => Ok(old),
        None => fail!(
            "there is no old server `{name}`; there are: {}",
            recipe::OLD_SERVERS.iter().map(|old| old.name).collect::<Vec<_>>().join(", ")
        ),
    }
}

impl Pair {
    /// Makes a pair afresh, switched off. What was left of one with the same name is removed.
    pub fn create(lab: &Lab, name: &str, old: &str, rescue: &str) -> Fallible<Pair> {
        let layout = old_server(old)?;
        let images = image::ensure(lab)?;
        if !images.rescue(rescue).exists() {
            fail!("there is no rescue system `{rescue}`; there are: tgt, lio");
        }
        let dir = lab.pair(name);
        Pair::remove(&dir)?;
        fs_err::create_dir_all(dir.join("disks"))?;
        // The machines outlive this process, and must find their power switch when it has been compiled anew.
        fs_err::copy(std::env::current_exe()?, dir.join("lab"))?;
        let about = About {
            namespace: format!("replant-{name}"),
            images: images.dir.clone(),
            old: old.into(),
            rescue: rescue.into(),
        };
        fs_err::write(dir.join("pair.json"), serde_json::to_vec_pretty(&about)?)?;

        let accelerator = accelerator::choose(lab, &images.kernel())?;
        let disk = |name: String, serial: String| Disk { image: dir.join("disks").join(name), serial };
        let old_disks: Vec<Disk> = (0..2).map(|n| disk(format!("old-{n}.img"), format!("OLD{n}"))).collect();
        for (n, Disk { image, .. }) in old_disks.iter().enumerate() {
            copy_sparse(&images.old_disk(layout, n), image)?;
        }
        let new_disks: Vec<Disk> =
            (0..recipe::NEW_DISKS).map(|n| disk(format!("new-{n}.img"), format!("NEW{n}"))).collect();
        for Disk { image, .. } in &new_disks {
            fs_err::File::create(image)?.set_len(u64::from(recipe::NEW_DISK_MIB) << 20)?;
        }
        let hardware = |tap, card, slot, bus, disks| Hardware {
            accelerator,
            tap,
            card,
            slot,
            memory_mib: recipe::MEMORY_MIB,
            bus,
            disks,
        };
        let old_hardware = hardware("old", net::OLD_CARD, 3, Bus::Ahci, &old_disks);
        let new_hardware = hardware("new", net::NEW_CARD, 9, Bus::VirtioScsi, &new_disks);
        let without_first = hardware("new", net::NEW_CARD, 9, Bus::VirtioScsi, &new_disks[1..]);
        let root = dir.join("disks/rescue.img");
        let append = format!("{} labip={} labhost=rescue", recipe::RESCUE_APPEND, net::NEW);
        let kernel =
            Kernel { kernel: &images.kernel(), initrd: &images.rescue_initrd(), append: &append, root: &root };
        let plain = |argv| Boot { argv, fresh: None };
        let machine = |name: &str, boots: Vec<(&str, Boot)>| Machine {
            name: name.into(),
            dir: dir.clone(),
            namespace: about.namespace.clone(),
            boots: boots.into_iter().map(|(name, boot)| (name.to_string(), boot)).collect(),
        };
        machine("old", vec![(DISK, plain(old_hardware.argv("old", &dir, None)))]).save(DISK)?;
        let in_rescue = Boot {
            argv: new_hardware.argv("new", &dir, Some(&kernel)),
            fresh: Some((images.rescue(rescue), root.clone())),
        };
        let own = plain(new_hardware.argv("new", &dir, None));
        let mut degraded = plain(without_first.argv("new", &dir, None));
        let first = new_disks[0].image.display();
        degraded.argv.extend(["-drive".into(), format!("file={first},if=none,format=raw,id=spare,cache=unsafe")]);
        machine("new", vec![(RESCUE, in_rescue), (DISK, own), (WITHOUT_FIRST, degraded)]).save(RESCUE)?;

        let pair = Pair::load(&dir)?;
        fs_err::write(pair.plan(), pair.plan_text(rescue)?)?;
        Ok(pair)
    }

    /// The pair in a directory.
    pub fn load(dir: &Path) -> Fallible<Pair> {
        if !dir.join("pair.json").exists() {
            fail!("there is no pair in {}; `tests/lab/run up` makes one", dir.display());
        }
        let about: About = serde_json::from_slice(&fs_err::read(dir.join("pair.json"))?)?;
        let guest = |address, name: &str| Guest {
            namespace: about.namespace.clone(),
            address,
            key: about.images.join("key"),
            control: dir.join(format!("ssh-{name}")),
        };
        Ok(Pair {
            dir: dir.into(),
            namespace: about.namespace.clone(),
            old: Machine::load(dir, "old")?,
            new: Machine::load(dir, "new")?,
            service: guest(net::OLD, "service"),
            rescue: guest(net::NEW, "rescue"),
            about,
        })
    }

    /// Switches everything off and removes the pair's directory and namespace.
    pub fn remove(dir: &Path) -> Fallible<()> {
        if dir.join("pair.json").exists()
            && let Ok(pair) = Pair::load(dir)
        {
            pair.stop()?;
        }
        if dir.exists() {
            fs_err::remove_dir_all(dir)?;
        }
        Ok(())
    }

    /// Switches both machines off and takes the network away; disks and logs stay.
    pub fn stop(&self) -> Fallible<()> {
        self.service.forget();
        self.rescue.forget();
        self.old.off()?;
        self.new.off()?;
        self.stop_serving()?;
        net::destroy(&self.namespace)
    }

    /// Plugs in the disk that was left out of the boot `WITHOUT_FIRST`.
    pub fn plug_in_first(&self) -> Fallible<()> {
        let drive = json!({"driver": "scsi-hd", "bus": "scsi.0", "scsi-id": 0, "drive": "spare", "serial": "NEW0", "wwn": 0x5000_c500_0000_0000u64});
        self.new.monitor("device_add", drive).map(drop)
    }

    pub fn images(&self) -> Images {
        Images { dir: self.about.images.clone() }
    }

    pub fn old_layout(&self) -> Fallible<&'static OldServer> {
        old_server(&self.about.old)
    }

    /// The network, the witness and the mirror, then both machines side by side, until both answer and records arrive.
    pub fn boot(&self) -> Fallible<()> {
        net::create(&self.namespace)?;
        self.start_serving()?;
        say::step("boot: old from its own disks, new into rescue", || {
            let since = witness::now();
            self.old.on()?;
            self.new.on()?;
            self.rescue.wait(BOOT)?;
            self.service.wait(BOOT)?;
            witness::wait_for(&self.dir, net::OLD_CARD, since, BOOT).map(drop)
        })
    }

    fn start_serving(&self) -> Fallible<()> {
        let (dir, packages) = (self.dir.display().to_string(), self.images().packages().display().to_string());
        let lab = self.dir.join("lab").display().to_string();
        let log = fs_err::File::create(self.dir.join("serve.log"))?;
        let _ = fs_err::remove_file(self.dir.join("serve.ready"));
        let mut command = std::process::Command::new("ip");
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .args(["netns", "exec", &self.namespace, &lab, "serve", &dir, &packages])
            .stdin(std::process::Stdio::null())
            .stdout(log.file().try_clone()?)
            .stderr(log.file().try_clone()?)
            .spawn()?;
        fs_err::write(self.dir.join("serve.pid"), child.id().to_string())?;
        let began = Instant::now();
        while !self.dir.join("serve.ready").exists() {
            if began.elapsed() > Duration::from_secs(10) {
                fail!("the witness and the package mirror did not start; see {}/serve.log", self.dir.display());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn stop_serving(&self) -> Fallible<()> {
        let Ok(pid) = std::fs::read_to_string(self.dir.join("serve.pid")) else { return Ok(()) };
        let words = std::fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
        if String::from_utf8_lossy(&words).contains(&self.dir.display().to_string()) {
            run(&["sh", "-c", &format!("kill {}", pid.trim())])?;
        }
        Ok(())
    }

    /// Freezes both machines at one moment, writes memory and disks to files, and lets them go on.
    pub fn save_checkpoint(&self, name: &str) -> Fallible<()> {
        let to = self.dir.join("checkpoints").join(name);
        say::step(&format!("checkpoint `{name}`: save"), || {
            let _ = fs_err::remove_dir_all(&to);
            fs_err::create_dir_all(&to)?;
            let machines = [&self.old, &self.new];
            machines.iter().try_for_each(|machine| machine.pause())?;
            for machine in machines {
                machine.save_state(&to.join(format!("{}.state", machine.name)))?;
            }
            self.copy_state(&self.dir, &to)?;
            machines.iter().try_for_each(|machine| machine.go_on())
        })
    }

    /// Puts both machines, and what `replant` and the witness wrote down, back to a saved moment.
    pub fn restore_checkpoint(&self, name: &str) -> Fallible<()> {
        let from = self.dir.join("checkpoints").join(name);
        say::step(&format!("checkpoint `{name}`: restore"), || {
            let machines = [&self.old, &self.new];
            for machine in machines {
                machine.off()?;
            }
            self.copy_state(&from, &self.dir)?;
            for machine in machines {
                machine.resume_from(&from.join(format!("{}.state", machine.name)))?;
            }
            machines.iter().try_for_each(|machine| machine.wait_arrived())?;
            machines.iter().try_for_each(|machine| machine.go_on())?;
            self.service.wait(BOOT)?;
            self.rescue.wait(BOOT)
        })
    }

    /// Everything that is part of a moment, beside the machines' memory.
    fn copy_state(&self, from: &Path, to: &Path) -> Fallible<()> {
        for part in ["disks", "old.boots", "new.boots", "acks.log", ".replant"] {
            let (from, to) = (from.join(part), to.join(part));
            if part == "acks.log" {
                // The witness holds this file open: it keeps its place.
                fs_err::write(to, std::fs::read(from).unwrap_or_default())?;
                continue;
            }
            if to.is_dir() {
                fs_err::remove_dir_all(&to)?;
            }
            if from.exists() {
                run(&[
                    "cp",
                    "-a",
                    "--sparse=always",
                    "--reflink=auto",
                    "-T",
                    &from.display().to_string(),
                    &to.display().to_string(),
                ])?;
            }
        }
        Ok(())
    }

    pub fn guest_named(&self, server: &str) -> Fallible<&Guest> {
        match server {
            "old" => Ok(&self.service),
            "new" => Ok(&self.rescue),
            _ => fail!("the servers are `old` (at {}) and `new` (at {}), not `{server}`", net::OLD, net::NEW),
        }
    }

    pub fn machine_named(&self, server: &str) -> Fallible<&Machine> {
        match server {
            "old" => Ok(&self.old),
            "new" => Ok(&self.new),
            _ => fail!("the machines are `old` and `new`, not `{server}`"),
        }
    }

    /// Where the plan for this pair is.
    pub fn plan(&self) -> PathBuf {
        self.dir.join("srv1.yaml")
    }

    /// The plan: what a person would write for these two servers. `server` is the iSCSI server: `tgt` or `lio`.
    pub fn plan_text(&self, server: &str) -> Fallible<String> {
        let images = self.images();
        let key = images.key().display().to_string();
        let (lab, dir) = (self.dir.join("lab").display().to_string(), self.dir.display().to_string());
        let switch = |machine: &str, key: &str, word: &str| {
            format!("      {key}: [{lab:?}, power, {dir:?}, {machine}, {word:?}]\n")
        };
        let power = |machine: &str| ["status", "on", "off"].map(|word| switch(machine, word, word)).concat();
        let disks: String = (0..recipe::NEW_DISKS)
            .map(|n| format!("  - {{ name: {}, serial: NEW{n} }}\n", char::from(b'a' + n as u8)))
            .collect();
        Ok(format!(
            "\
# Written by the lab for the pair in this directory.
version: 1
name: srv1

old:
  address: {old}
  ssh: {{ user: root, identity: \"{key}\", host_key: \"{old_key}\" }}
  power:
    command:
{old_power}      timeout: 60s

new:
  address: {new}
  hostname: srv1
  ssh: {{ user: root, identity: \"{key}\", host_key: \"{new_key}\" }}
  power:
    command:
{new_power}{boot_disk}      timeout: 60s

disks:
{disks}
partitions:
  - {{ name: boot, size: 256MiB }}
  - {{ name: data, size: rest }}

arrays:
  - {{ name: md0, level: raid1, partitions: boot }}
  - {{ name: md1, level: raid10, partitions: data }}

boot: {{ from: /boot, to: md0 }}

volume_groups:
  - name: vg0
    to: md1
    volumes:
      - {{ name: root }}
      - {{ name: swap_1, copy: recreate }}
      - {{ name: var, grow: rest }}

transfer:
  iscsi: {{ server: {server}, chap: {{ user: replant, secret: generated }} }}

cutover:
  stop: [rec.service]
  downtime_budget: 15min
",
            old = net::OLD,
            new = net::NEW,
            old_key = images.host_key("old")?,
            new_key = images.host_key("rescue")?,
            old_power = power("old"),
            new_power = power("new"),
            boot_disk = switch("new", "boot_disk", "boot-disk"),
        ))
    }

    /// For a person: where everything is.
    pub fn about(&self) -> String {
        format!(
            "directory   {dir}\nplan        {plan}\nnamespace   {ns}   (ip netns exec {ns} COMMAND)\n\
             old         ip netns exec {ns} ssh -i {key} root@{old}\nnew         ip netns exec {ns} ssh -i {key} root@{new}\n\
             power       {dir}/lab power {dir} old|new status|on|off|boot-disk\nserial      {dir}/old.serial.log, {dir}/new.serial.log\n\
             records     {dir}/acks.log",
            dir = self.dir.display(),
            plan = self.plan().display(),
            ns = self.namespace,
            key = self.images().key().display(),
            old = net::OLD,
            new = net::NEW,
        )
    }
}

/// The services beside the machines, inside the namespace: the witness, and the package mirror.
pub fn serve(dir: &Path, packages: PathBuf) -> Fallible<()> {
    let mirror = std::thread::spawn(move || apt_repo::serve(&packages));
    let at = dir.to_path_buf();
    let listener = std::thread::spawn(move || witness::listen(&at));
    while !dir.join(witness::LOG).exists() {
        if mirror.is_finished() || listener.is_finished() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    fs_err::write(dir.join("serve.ready"), "")?;
    for service in [listener, mirror] {
        service.join().unwrap_or_else(|_| fail!("a service of the lab panicked"))?;
    }
    Ok(())
}
