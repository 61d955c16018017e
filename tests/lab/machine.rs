//! One QEMU machine. Everything about it is in files in the pair's directory, so that any process (the lab, the power
//! commands that replant runs, a person) can start it, stop it and see how it is: there is no daemon.

use crate::shell::run;
use crate::{Fallible, fail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A machine, and the ways in which it can be started.
#[derive(Clone, Serialize, Deserialize)]
pub struct Machine {
    pub name: String,
    pub dir: PathBuf,
    pub namespace: String,
    pub boots: BTreeMap<String, Boot>,
}

/// One way to start a machine: from its disks, from rescue, without one of its disks.
#[derive(Clone, Serialize, Deserialize)]
pub struct Boot {
    pub argv: Vec<String>,
    /// Copied afresh at each start, as a rescue system that comes over the network would be: from, to.
    pub fresh: Option<(PathBuf, PathBuf)>,
}

/// How disks are attached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    Ahci,
    VirtioScsi,
}

/// A disk of a machine.
pub struct Disk {
    pub image: PathBuf,
    pub serial: String,
}

/// What QEMU is told about a machine, before it is put into words for it.
pub struct Hardware<'a> {
    pub accelerator: &'a str,
    pub tap: &'a str,
    pub card: &'a str,
    /// The PCI slot of the network card: it decides the interface's name.
    pub slot: u8,
    pub memory_mib: u32,
    pub bus: Bus,
    pub disks: &'a [Disk],
}

/// A kernel that is started directly, with a root disk of its own.
pub struct Kernel<'a> {
    pub kernel: &'a Path,
    pub initrd: &'a Path,
    pub append: &'a str,
    pub root: &'a Path,
}

impl Hardware<'_> {
    /// The command line. `kernel` for rescue; without it the firmware starts whatever is on the disks.
    pub fn argv(&self, machine: &str, dir: &Path, kernel: Option<&Kernel>) -> Vec<String> {
        let file = |suffix: &str| dir.join(format!("{machine}.{suffix}")).display().to_string();
        let mut argv: Vec<String> = vec![
            "qemu-system-x86_64".into(),
            "-name".into(),
            machine.into(),
            "-nodefaults".into(),
            "-machine".into(),
            "pc,hpet=off".into(),
        ];
        let mut add = |option: &str, value: String| argv.extend([option.to_string(), value]);
        match self.accelerator {
            "kvm" => {
                add("-accel", "kvm".into());
                add("-cpu", "host".into());
            }
            _ => {
                add("-accel", "tcg,thread=multi,tb-size=512".into());
                add("-cpu", "qemu64".into());
            }
        }
        add("-smp", "1".into());
        add("-m", self.memory_mib.to_string());
        add("-display", "none".into());
        add("-vga", "none".into());
        add("-chardev", format!("file,id=serial,path={},append=on", file("serial.log")));
        add("-serial", "chardev:serial".into());
        add("-qmp", format!("unix:{},server=on,wait=off", file("qmp")));
        add("-pidfile", file("pid"));
        add("-netdev", format!("tap,id=n0,ifname={},script=no,downscript=no", self.tap));
        add("-device", format!("virtio-net-pci,netdev=n0,mac={},addr={:#x}", self.card, self.slot));
        add("-device", "virtio-rng-pci,addr=0xa".into());
        match self.bus {
            Bus::Ahci => add("-device", "ich9-ahci,id=ahci,addr=0x5".into()),
            Bus::VirtioScsi => add("-device", "virtio-scsi-pci,id=scsi,addr=0x6".into()),
        }
        for (n, Disk { image, serial }) in self.disks.iter().enumerate() {
            add(
                "-drive",
                format!(
                    "file={},if=none,format=raw,id=d{n},cache=unsafe,discard=unmap,detect-zeroes=unmap",
                    image.display()
                ),
            );
            let boot = n + 1;
            add(
                "-device",
                match self.bus {
                    Bus::Ahci => {
                        format!("ide-hd,bus=ahci.{n},drive=d{n},serial={serial},model=LABSATA,bootindex={boot}")
                    }
                    Bus::VirtioScsi => {
                        let id: u64 = serial.chars().last().and_then(|digit| digit.to_digit(10)).unwrap_or(0).into();
                        let wwn = 0x5000_c500_0000_0000 + id;
                        format!(
                            "scsi-hd,bus=scsi.0,scsi-id={id},drive=d{n},serial={serial},wwn={wwn:#x},vendor=LAB,product=NVDISK,bootindex={boot}"
                        )
                    }
                },
            );
        }
        if let Some(Kernel { kernel, initrd, append, root }) = kernel {
            add("-kernel", kernel.display().to_string());
            add("-initrd", initrd.display().to_string());
            add("-append", (*append).into());
            add("-drive", format!("file={},if=none,format=raw,id=root,cache=unsafe", root.display()));
            add("-device", "virtio-blk-pci,drive=root,addr=0x4,serial=RESCUE".into());
            // A rescue system that reboots is a machine that is off: which way it starts next is the power switch's business.
            argv.push("-no-reboot".into());
        }
        argv
    }
}

impl Machine {
    /// Writes the machine down, so that the power commands find it.
    pub fn save(&self, boot: &str) -> Fallible<()> {
        fs_err::write(self.file("json"), serde_json::to_vec_pretty(self)?)?;
        self.set_boot(boot)
    }

    pub fn load(dir: &Path, name: &str) -> Fallible<Machine> {
        Ok(serde_json::from_slice(&fs_err::read(dir.join(format!("{name}.json")))?)?)
    }

    pub fn file(&self, suffix: &str) -> PathBuf {
        self.dir.join(format!("{}.{suffix}", self.name))
    }

    /// Chooses how the machine will start next.
    pub fn set_boot(&self, boot: &str) -> Fallible<()> {
        if !self.boots.contains_key(boot) {
            fail!("machine `{}` has no way to boot named `{boot}`", self.name);
        }
        Ok(fs_err::write(self.file("boots"), boot)?)
    }

    fn pid(&self) -> Option<u32> {
        fs_err::read_to_string(self.file("pid")).ok()?.trim().parse().ok()
    }

    /// Whether the QEMU that was started for this machine still runs. A number that now belongs to another process, or
    /// to one that has ended and was not yet waited for, is not ours. One that is ending has no command line any more,
    /// but still holds its disks and its tap.
    pub fn is_on(&self) -> bool {
        let Some(pid) = self.pid() else { return false };
        let Ok(words) = fs_err::read(format!("/proc/{pid}/cmdline")) else { return false };
        if words.is_empty() {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
            return stat.contains("(qemu-system") && (!stat.contains(") Z ") || threads > 1);
        }
        String::from_utf8_lossy(&words).contains(&self.file("pid").display().to_string())
    }

    /// Switches the machine on.
    pub fn on(&self) -> Fallible<()> {
        self.start(&[])
    }

    /// Starts the machine from a saved state, paused.
    pub fn resume_from(&self, state: &Path) -> Fallible<()> {
        self.start(&["-incoming".into(), format!("exec:cat {}", state.display())])
    }

    fn start(&self, more: &[String]) -> Fallible<()> {
        if self.is_on() {
            return Ok(());
        }
        let chosen = fs_err::read_to_string(self.file("boots"))?;
        let boot = &self.boots[&chosen];
        if let (Some((from, to)), true) = (&boot.fresh, more.is_empty()) {
            copy_sparse(from, to)?;
        }
        for leftover in ["pid", "qmp"] {
            let _ = std::fs::remove_file(self.file(leftover));
        }
        // QEMU goes to the background by itself, once it runs; until then its complaints are ours to show.
        let mut argv: Vec<String> =
            ["setsid", "--wait", "ip", "netns", "exec", &self.namespace].map(String::from).to_vec();
        argv.extend(boot.argv.iter().cloned());
        argv.extend(more.iter().cloned());
        argv.push("-daemonize".into());
        run(&argv)?;
        Ok(())
    }

    /// Pulls the plug, and waits until the machine is off.
    pub fn off(&self) -> Fallible<()> {
        if let (true, Some(pid)) = (self.is_on(), self.pid()) {
            run(&["sh", "-c", &format!("kill -9 {pid}")])?;
        }
        self.wait_off(Duration::from_secs(20))
    }

    pub fn wait_off(&self, limit: Duration) -> Fallible<()> {
        let began = Instant::now();
        while self.is_on() {
            if began.elapsed() > limit {
                fail!("machine `{}` is still on after {} s", self.name, limit.as_secs());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Asks QEMU's monitor.
    pub fn monitor(&self, command: &str, arguments: Value) -> Fallible<Value> {
        let stream = UnixStream::connect(self.file("qmp"))?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut ask = |request: Value| -> Fallible<Value> {
            writeln!(stream, "{request}")?;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    fail!("QEMU's monitor went away");
                }
                let reply: Value = serde_json::from_str(&line)?;
                if let Some(error) = reply.get("error") {
                    fail!("QEMU refused `{command}`: {}", error["desc"]);
                }
                if let Some(value) = reply.get("return") {
                    return Ok(value.clone());
                }
            }
        };
        ask(json!({"execute": "qmp_capabilities"}))?;
        ask(json!({"execute": command, "arguments": arguments}))
    }

    pub fn pause(&self) -> Fallible<()> {
        self.monitor("stop", json!({})).map(drop)
    }

    pub fn go_on(&self) -> Fallible<()> {
        self.monitor("cont", json!({})).map(drop)
    }

    /// Plugs the network cable in, or pulls it.
    pub fn cable(&self, plugged: bool) -> Fallible<()> {
        self.monitor("set_link", json!({"name": "n0", "up": plugged})).map(drop)
    }

    /// Writes the whole running state (memory, devices) to a file. The machine is paused before and after.
    pub fn save_state(&self, to: &Path) -> Fallible<()> {
        self.monitor("migrate-set-parameters", json!({"max-bandwidth": 10_000_000_000u64}))?;
        self.monitor("migrate", json!({"uri": format!("exec:cat > {}", to.display())}))?;
        self.wait_for("query-migrate", |status| status == "completed")
    }

    /// Waits until a state that comes from a file has arrived.
    pub fn wait_arrived(&self) -> Fallible<()> {
        self.wait_for("query-status", |status| status != "inmigrate")
    }

    fn wait_for(&self, query: &str, done: impl Fn(&str) -> bool) -> Fallible<()> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(120) {
            let status = self.monitor(query, json!({}))?["status"].as_str().unwrap_or_default().to_string();
            if done(&status) {
                return Ok(());
            }
            if status == "failed" {
                fail!("QEMU could not save the state of `{}`", self.name);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        fail!("`{query}` of `{}` did not agree within 120 s", self.name)
    }
}

/// A copy that keeps holes as holes.
pub fn copy_sparse(from: &Path, to: &Path) -> Fallible<()> {
    run(&["cp", "--sparse=always", "--reflink=auto", "-T", &from.display().to_string(), &to.display().to_string()])
        .map(drop)
}
