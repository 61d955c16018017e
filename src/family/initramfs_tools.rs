//! initramfs-tools(7): mkinitramfs(8), update-initramfs(8).

use super::terms::{BuilderScripts, BuilderTerms, Held, HoldScripts, Hook};

const HOOK: &str = include_str!("scripts/initramfs-tools/hook.sh.j2");
const BUILD: &str = include_str!("scripts/initramfs-tools/initramfs-build.sh");
const RESTORE: &str = include_str!("scripts/initramfs-tools/initramfs-restore.sh");
const STATE: &str = include_str!("scripts/initramfs-tools/initramfs-state.sh");
const HOLD_BUILD: &str = include_str!("scripts/initramfs-tools/hold-build.sh");
const HOLD_HOOK: &str = include_str!("scripts/initramfs-tools/hold-hook.sh");
const HOLD_WAIT: &str = include_str!("scripts/initramfs-tools/hold-local-top.sh.j2");
const HOLD_LVM: &str = include_str!("scripts/initramfs-tools/hold-lvm.conf.j2");
const HOLD_MD: &str = include_str!("scripts/initramfs-tools/hold-mdadm.conf.j2");
const HOLD_SSHD: &str = include_str!("scripts/initramfs-tools/hold-sshd_config.j2");

pub(super) fn scripts() -> BuilderScripts {
    let hold = HoldScripts {
        build: HOLD_BUILD,
        hook: HOLD_HOOK,
        wait: HOLD_WAIT,
        lvm: HOLD_LVM,
        md: HOLD_MD,
        sshd: HOLD_SSHD,
    };
    BuilderScripts { hook: HOOK, build: BUILD, restore: RESTORE, state: STATE, hold }
}

pub(super) static TERMS: BuilderTerms = BuilderTerms {
    called: "initramfs-tools",
    image: "/boot/initrd.img-",
    dir: "/etc/initramfs-tools/",
    modules: "/etc/initramfs-tools/modules",
    files: &[
        "/etc/initramfs-tools/initramfs.conf",
        "/etc/initramfs-tools/modules",
        "/etc/initramfs-tools/update-initramfs.conf",
        "/etc/initramfs-tools/conf.d/resume",
    ],
    more: &[("/etc/initramfs-tools/conf.d/", "")],
    // initramfs.conf(5)
    resume: &["/etc/initramfs-tools/initramfs.conf", "/etc/initramfs-tools/conf.d/"],
    no_resume: "RESUME=none",
    held: Held { file: "/etc/initramfs-tools/update-initramfs.conf", key: "update_initramfs=", no: "no", yes: "yes" },
    tools: &["mkinitramfs", "update-initramfs", "lsinitramfs"],
    signs: &["mkinitramfs", "update-initramfs"],
    rebuild: "update-initramfs -u -k all",
    build: "update-initramfs -c -k all",
    hooks: &[
        Hook {
            id: "boot-hook",
            path: "/etc/initramfs-tools/scripts/local-block/replant",
            place: "local-block",
            why: "if old reboots while it is mirrored, it must come back without new",
        },
        Hook {
            id: "late-boot-hook",
            path: "/etc/initramfs-tools/scripts/local-bottom/replant",
            place: "local-bottom",
            why: "the first is asked only while `/` is missing: another group may be incomplete when `/` is there",
        },
    ],
};
