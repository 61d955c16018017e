//! What there is to be named, and what there is to be told.

/// What a family calls things.
#[derive(Debug)]
pub struct Terms {
    /// `ID` and `ID_LIKE` of its systems: os-release(5)
    pub ids: &'static [&'static str],
    /// for people: `Debian and Ubuntu`
    pub called: &'static str,
    /// its package manager
    pub installer: Installer,
    /// the menu of its boot loader
    pub menu: BootMenu,
    /// its configuration of md arrays
    pub md: MdConf,
    /// commands of builders that its systems may have, and that replant cannot use
    pub strange_builders: &'static [&'static str],
    /// packages that build what a server boots with, those of such builders among them
    pub boot_packages: &'static [&'static str],
    /// directories whose files may name a network card by its MAC address, besides those of the network
    pub cards: &'static [&'static str],
    /// timers of systemd that write to /boot or install packages: held while old is copied
    pub timers: &'static [&'static str],
    /// units that install packages by themselves
    pub updaters: &'static [Updater],
    /// drivers that do not work without firmware, and the package that has it
    pub firmware: &'static [(&'static str, &'static str)],
}

/// The package manager.
#[derive(Debug)]
pub struct Installer {
    /// what people call it: `apt`
    pub called: &'static str,
    /// where this command is, the server has it
    pub command: &'static str,
    /// its commands that a migration uses
    pub tools: &'static [&'static str],
    /// what a person types before the names of packages
    pub install: &'static str,
    /// reads the lists of packages again
    pub update: &'static str,
    /// removes packages that were fetched and are installed
    pub clean: &'static str,
    /// removes kernels and other packages that nothing needs
    pub autoremove: &'static str,
    /// each command that may be missing, and the package that has it
    pub packages: &'static [(&'static str, &'static str)],
    /// the full kernel, by the name of the distribution
    pub kernels: &'static [(&'static str, &'static str)],
    /// where packages of firmware come from: behind the command that installs one
    pub firmware: &'static str,
    /// prints a line `NAME VERSION STATE` for each package it knows; state `ii`: it is installed, and wholly
    pub list: &'static [&'static str],
}

impl Installer {
    /// The package that has a command.
    ///
    /// # Panics
    /// Where the table does not know the command: commands are named in the program, not read.
    pub fn package(&self, command: &str) -> &'static str {
        self.may(command).unwrap_or_else(|| panic!("`{command}` is in the table of packages"))
    }

    /// The same of a command that may be any.
    pub fn may(&self, command: &str) -> Option<&'static str> {
        self.packages.iter().find(|(known, _)| *known == command).map(|(_, package)| *package)
    }

    /// What a person types to have a command: `apt-get install tgt`
    pub fn install(&self, command: &str) -> String {
        format!("{} {}", self.install, self.package(command))
    }

    /// What a person types to have the firmware in a package.
    pub fn firmware(&self, package: &str) -> String {
        format!("`{} {package}` {}", self.install, self.firmware)
    }

    /// What a person types to have the full kernel.
    pub fn kernel(&self) -> String {
        let one = |(at, (on, package)): (usize, &(&str, &str))| match at {
            0 => format!("`{} {package}` ({on})", self.install),
            _ => format!("`{package}` ({on})"),
        };
        self.kernels.iter().enumerate().map(one).collect::<Vec<_>>().join(" or ")
    }
}

/// The menu of the boot loader.
#[derive(Debug)]
pub struct BootMenu {
    /// as the boot loader reads it
    pub file: &'static str,
    /// the beginning of a kernel's path, before its version
    pub kernel: &'static str,
    /// makes it again
    pub make: &'static str,
    /// the settings that it is made of, for people
    pub settings: &'static str,
    /// a directory of more of them, and how their names end
    pub more: (&'static str, &'static str),
    /// commands of the boot loader that a migration looks for
    pub tools: &'static [&'static str],
    /// those of them that it cannot do without
    pub needs: &'static [&'static str],
}

/// The configuration of md arrays: mdadm(8), "--config"
#[derive(Debug)]
pub struct MdConf {
    /// what people and manuals call it
    pub called: &'static str,
    /// where it is written
    pub file: &'static str,
    /// read where that is missing
    pub instead: &'static [&'static str],
    /// a directory of more of it, and how their names end
    pub more: (&'static str, &'static str),
    /// writes it, where there is none
    pub make: &'static str,
}

/// A unit that installs packages.
#[derive(Debug)]
pub struct Updater {
    /// of systemd
    pub unit: &'static str,
    /// what starts its work
    pub timer: Option<&'static str>,
}

/// A setting by which a builder is kept from building by itself.
#[derive(Debug)]
pub struct Held {
    /// where it stands
    pub file: &'static str,
    /// what stands before the value
    pub key: &'static str,
    /// with this value it does not build
    pub no: &'static str,
    /// with this one it does
    pub yes: &'static str,
}

impl Held {
    /// The setting with a value, as a line of the file.
    pub fn line(&self, value: &str) -> String {
        format!("{}{value}", self.key)
    }
}

/// What a family's own tools must be told to do, as shell scripts. Each begins with what it is called with.
#[derive(Debug)]
pub struct FamilyScripts {
    /// `install NAME=VERSION...` and `purge NAME...`, without a question, a restart or a new initramfs
    pub packages: &'static str,
    /// prints a line `Inst NAME (VERSION …)` for each package that the iSCSI initiator would bring; nothing where it is
    /// there, a failure where the package manager is not, or has no lists
    pub initiator: &'static str,
    /// prints a line `package STATE NAME` for each of the packages in the arguments that it knows
    pub boot_packages: &'static str,
    /// `ROOT DISK`: the boot loader for a BIOS
    pub loader: &'static str,
    /// `FILE`: packs the boot loader's tools, with all that they need
    pub loader_tools: &'static str,
    /// `DEVICE DIR NAME DISK...`: the boot loader onto disks, by tools that were packed
    pub loader_from_tools: &'static str,
    /// `DISK...`: initramfs and boot menu by the system's own tools, who learn on which disks the boot loader is
    pub finish_boot: &'static str,
}

/// What a builder calls things.
#[derive(Debug)]
pub struct BuilderTerms {
    /// for people, and the package that has it
    pub called: &'static str,
    /// of an image, before the kernel's version
    pub image: &'static str,
    /// where its configuration is; paths in the image are those below
    pub dir: &'static str,
    /// modules that the image must have, one a line
    pub modules: &'static str,
    /// all files that it reads, by their names
    pub files: &'static [&'static str],
    /// directories of more of them, and how their names end
    pub more: &'static [(&'static str, &'static str)],
    /// where it looks for `RESUME=`: the beginnings of paths
    pub resume: &'static [&'static str],
    /// takes `RESUME=` from it
    pub no_resume: &'static str,
    /// what keeps it from building
    pub held: Held,
    /// its commands that a migration uses
    pub tools: &'static [&'static str],
    /// those by which it is known to be there
    pub signs: &'static [&'static str],
    /// builds the images of all kernels that have one
    pub rebuild: &'static str,
    /// builds one for each kernel
    pub build: &'static str,
    /// what lets old boot without new
    pub hooks: &'static [Hook],
}

impl BuilderTerms {
    /// What a file of its configuration is called in an image.
    pub fn inside(&self, path: &'static str) -> &'static str {
        path.strip_prefix(self.dir).unwrap_or(path)
    }
}

/// A script in the initramfs of old that gives the copies on new up where new is not there.
#[derive(Debug)]
pub struct Hook {
    /// of the step that writes it; `no-` before it: of the one that removes it from new
    pub id: &'static str,
    /// of its file
    pub path: &'static str,
    /// when it is called
    pub place: &'static str,
    /// why the step is there, for people
    pub why: &'static str,
}

/// What a builder must be told to do, as shell scripts.
#[derive(Debug)]
pub struct BuilderScripts {
    /// the text of each [`Hook`], a template
    pub hook: &'static str,
    /// `KERNEL KEEP MUST...`: builds an image that holds all that it must, and keeps the one before
    pub build: &'static str,
    /// `KERNEL KEEP`: puts the one before back
    pub restore: &'static str,
    /// `KERNEL KEEP`: prints `clean`, `begun`, `ours` or `other`
    pub state: &'static str,
    /// of an image in which a server waits
    pub hold: HoldScripts,
}

/// What makes an image for new in which it waits, and boots on only when it is told to. Templates but for the first two.
#[derive(Debug)]
pub struct HoldScripts {
    /// `KERNEL FROM WORK FILE HOSTKEY KEYS MUST...`: builds it into FILE, from the files in FROM, and touches nothing of the
    /// system that it is called on
    pub build: &'static str,
    /// puts into the image what the hold needs
    pub hook: &'static str,
    /// waits, in the image
    pub wait: &'static str,
    /// LVM's settings in the image
    pub lvm: &'static str,
    /// the arrays that are put together there
    pub md: &'static str,
    /// sshd_config(5) there
    pub sshd: &'static str,
}
