//! What starts the system on new: a closed set of ways, of which one is chosen for all its disks. Choices only: the steps
//! are in `course/loader`.

use crate::facts::Facts;
use crate::plan::{Plan, Table};
use crate::units::{Bytes, MIB};

/// What starts the system on new.
pub(crate) enum Loader {
    /// GRUB in the first sectors of each disk, started by a BIOS: grub-install(8), `i386-pc`
    Bios(Bios),
}

/// What is chosen for GRUB on a BIOS.
pub(crate) struct Bios {
    /// behind a GPT there is no room for GRUB's core: it needs a partition
    core: bool,
}

/// A partition that is the loader's own, on each disk, before those of the plan.
pub(crate) struct Reserved {
    /// its name in a GPT
    pub name: &'static str,
    pub size: Bytes,
    /// its type in a GPT
    pub kind: &'static str,
}

/// "BIOS boot": GRUB's manual, "BIOS installation"
const GPT_BIOS_BOOT: &str = "21686148-6449-6E6F-744E-656564454649";

impl Loader {
    /// Chooses by the plan's kind of table and by the firmware of new.
    pub(crate) fn of(plan: &Plan, facts: &Facts) -> Loader {
        Loader::Bios(Bios { core: plan.table == Table::Gpt && !facts.new.uefi })
    }

    /// The partitions that the loader needs on each disk.
    pub(crate) fn partitions(&self) -> Vec<Reserved> {
        match self {
            Loader::Bios(bios) => {
                bios.core.then_some(Reserved { name: "grub", size: MIB, kind: GPT_BIOS_BOOT }).into_iter().collect()
            }
        }
    }
}
