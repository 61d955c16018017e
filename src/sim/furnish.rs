//! What the pair of a plan is furnished with: disks, files, units.

use std::collections::BTreeMap;

use super::files::KERNEL;
use super::make::{Maker, Wanted};
use super::stock::{MIB, RELEASE, file, unit, uuid, virtio, writers};
use super::system::MODULES_FILE;
use super::world::{Disk, Unit};
use super::written::{Files, Fs, Part, Table, Written};
use crate::plan::{Grow, Size};

impl Maker<'_> {
    /// Old's files by their full paths; they are spread over the file systems later.
    pub(super) fn files(&self, all: &mut BTreeMap<String, Files>, mdadm: &str, root: &str, boot_uuid: &str) {
        let hostname = self.hostname();
        let address = self.old_address();
        let mut put =
            |path: &str, text: String| drop(all.entry("/".into()).or_default().insert(path.into(), file(text)));
        put("/etc/hostname", format!("{hostname}\n"));
        put("/etc/hosts", format!("127.0.0.1 localhost\n127.0.1.1 {hostname}\n"));
        put("/etc/machine-id", "5eed5eed5eed4eed8eed5eed5eed5eed\n".into());
        put("/etc/os-release", RELEASE.into());
        put("/etc/mdadm/mdadm.conf", mdadm.into());
        put("/etc/initramfs-tools/initramfs.conf", "MODULES=list\nBUSYBOX=auto\nCOMPRESS=lz4\n".into());
        put(MODULES_FILE, "ahci\nsd_mod\nraid1\ndm_mod\next4\n".into());
        put("/etc/initramfs-tools/update-initramfs.conf", "update_initramfs=yes\nbackup_initramfs=no\n".into());
        put(
            "/etc/udev/rules.d/70-persistent-net.rules",
            "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"52:54:00:77:00:21\", NAME=\"ens3\"\n".into(),
        );
        put("/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\n".into());
        let (service, card) = match self.shape.vlan {
            true => ("vlan207", "    vlan-raw-device ens3\n"),
            false => ("ens3", ""),
        };
        put(
            "/etc/network/interfaces",
            format!(
                "auto lo\niface lo inet loopback\n\nauto {service}\niface {service} inet static\n    address {address}\n{card}"
            ),
        );
        put(
            "/var/cache/debconf/config.dat",
            "grub-pc/install_devices: /dev/disk/by-id/ata-LABSATA_OLD0, /dev/disk/by-id/ata-LABSATA_OLD1\n".into(),
        );
        put(
            "/etc/ssh/ssh_host_ed25519_key.pub",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIsimulatedold root@old\n".into(),
        );
        let mut packages = "lvm2 2.03.16-2\nmdadm 4.2-5\n".to_string();
        if self.shape.initiator_installed {
            packages += "open-iscsi 2.1.8-1\n";
        }
        put("/var/lib/dpkg/status", packages);
        put(
            "/boot/grub/grub.cfg",
            format!(
                "search --no-floppy --fs-uuid --set=root {boot_uuid}\nlinux /vmlinuz-{KERNEL} root={root} ro quiet\ninitrd /initrd.img-{KERNEL}\n"
            ),
        );
        put(&format!("/boot/vmlinuz-{KERNEL}"), "a kernel\n".into());
        put(&format!("/lib/modules/{KERNEL}/modules.dep"), "a list\n".into());
        let first = ["ahci", "sd_mod", "raid1", "dm-mod", "ext4"];
        let list: String =
            first.map(|module| format!("usr/lib/modules/{KERNEL}/kernel/drivers/{module}.ko\n")).concat();
        put(&format!("/boot/initrd.img-{KERNEL}"), format!("{list}\n--\n{mdadm}"));
    }

    /// The plan's disks, large enough: it is what the plan says that is tried, not how large somebody's disks are.
    pub(super) fn new_disks(&mut self, needs: u64) -> Vec<Disk> {
        let fixed: u64 = self
            .plan
            .partitions
            .iter()
            .map(|part| match *part.size {
                Size::Bytes(bytes) => bytes,
                Size::Rest => 0,
            })
            .sum();
        let volumes = self.plan.volume_groups.iter().flat_map(|group| group.volumes.iter().flatten());
        let more: u64 = volumes
            .map(|volume| match volume.grow.as_deref() {
                Some(Grow::By(bytes) | Grow::To(bytes)) => *bytes,
                Some(Grow::Rest) | None => 0,
            })
            .sum();
        let size = (fixed + more + needs * 2).div_ceil(1 << 30) * (1 << 30) + (1 << 30);
        let plan = self.plan;
        let one = |(at, said): (usize, &crate::plan::Disk)| {
            let serial =
                said.serial.as_ref().map_or_else(|| format!("NEW-{}", *said.name), |serial| serial.to_string());
            let wwn = said.wwn.as_ref().map_or_else(|| format!("0x5000c5000000000{at:x}"), |wwn| wwn.to_string());
            let known = self.facts.and_then(|facts| {
                facts.new.blocks.iter().find(|block| block.serial.as_deref() == Some(serial.as_str()))
            });
            if *said.wipe {
                let start = 2048;
                let parts = vec![Part { number: 1, start, size: 2048 * 512, kind: "83".into(), ..Part::default() }];
                let table = Table { kind: "dos".into(), id: format!("0xdeadbee{at:x}"), parts };
                self.places.insert(serial.clone(), Written::Table(table));
                let old = Fs {
                    kind: "ext4".into(),
                    uuid: uuid(&format!("used before {at}")),
                    size: 512 * MIB,
                    generation: 1,
                    records: 0,
                    dirty: false,
                    files: Files::new(),
                };
                self.places.insert(format!("{serial}@{start}"), Written::Fs(old));
            }
            // such names have disks on NVMe, and no others
            let nvme = wwn.starts_with("eui.") || wwn.starts_with("nvme.");
            Disk {
                serial,
                wwn: Some(wwn),
                model: "NVDISK".into(),
                tran: nvme.then(|| "nvme".to_string()),
                size: known.map_or(size, |block| block.size),
                sector: known.map_or(512, |block| block.log_sec.max(512)),
                drivers: if nvme {
                    vec!["nvme".into()]
                } else {
                    virtio("virtio_scsi").into_iter().rev().chain(["sd_mod".to_string()]).rev().collect()
                },
                by_path: if nvme {
                    format!("pci-0000:{:02x}:00.0-nvme-1", at + 1)
                } else {
                    format!("pci-0000:00:06.0-scsi-0:0:{at}:0")
                },
            }
        };
        plan.disks.iter().enumerate().map(one).collect()
    }

    pub(super) fn units(&self, groups: &[(String, Vec<Wanted>)]) -> Vec<Unit> {
        let var = groups.iter().flat_map(|(_, all)| all).any(|volume| volume.target == "/var");
        let idle = ["dbus.service", "networking.service", "ssh.service", "cron.service"];
        let timers = ["apt-daily.timer", "e2scrub_all.timer", "logrotate.timer"];
        let mut units: Vec<Unit> = idle.into_iter().chain(timers).map(unit).collect();
        units.extend(writers(self.plan, if var { "/var/lib" } else { "/srv/data" }));
        if self.shape.cloud_init {
            units.extend(["cloud-init-local.service", "cloud-init.service", "cloud-final.service"].map(unit));
        }
        for unit in &mut units {
            unit.disabled |= self.shape.disabled.contains(&unit.name);
        }
        units
    }
}
