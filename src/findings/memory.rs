//! Swap and memory. Swap is not copied: it is switched off at the cutover, and made again on new.

use super::names::moving;
use super::{Check, Hit, Rule, Severity};
use crate::facts::resolve::Names;
use crate::facts::{Block, Facts, Swap};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1224",
        title: "what is in swap does not fit into memory",
        severity: Severity::Warning,
        absolute: false,
        why: "swap is not copied: at the cutover it is switched off, and its content must fit into memory. \
              Otherwise processes may be killed.",
        remedy: "name what needs much memory under `cutover.stop`, or stop it before the cutover.",
        check: Check::Facts(swap_needs_memory),
    },
    Rule {
        code: "R1225",
        title: "a swap that does not move",
        severity: Severity::Warning,
        absolute: false,
        why: "new will have less swap than old, or none. Swap on a volume of the plan is made again with the same size and UUID, \
              and a swap file travels with its file system.",
        remedy: "make one on new when it runs, and correct its line in /etc/fstab.",
        check: Check::Facts(no_swap_left),
    },
    Rule {
        code: "R1231",
        title: "memory and swap of new are too small",
        severity: Severity::Warning,
        absolute: false,
        why: "what runs on old uses more memory and swap than new has: processes would be killed there, at once or \
              in the first busy hour.",
        remedy: "take a server with more memory; or give new more swap when it runs (`fallocate`, `mkswap`, `swapon`), and start \
                 fewer services until then.",
        check: Check::Facts(too_small),
    },
];

fn swap_needs_memory(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let used: u64 = facts.old.swaps.iter().map(|swap| swap.used).sum();
    // 0: it is not known
    if used <= facts.old.memory_available || facts.old.memory_available == 0 {
        return Vec::new();
    }
    let (used, available) = (used >> 20, facts.old.memory_available >> 20);
    vec![
        Hit::new(
            format!("{used} MiB are in old's swap, and {available} MiB of memory are free to take them"),
            "name what needs much memory under `cutover.stop`, or stop it before the cutover",
        )
        .of("old: /proc/swaps"),
    ]
}

/// The swaps of old that new will not have.
fn staying<'a>(plan: &Plan, facts: &'a Facts) -> impl Iterator<Item = &'a Swap> {
    let (moving, names) = (moving(plan, facts), Names::of(&facts.old));
    facts.old.swaps.iter().filter(move |swap| match swap.kind.as_str() {
        "partition" => names.swap(swap).is_some_and(|on| !moving.contains(&on.path) && !in_memory(on)),
        _ => {
            let on = facts.old.file_system(&swap.path);
            on.is_some_and(|on| !names.mount(on).iter().any(|block| moving.contains(&block.path)))
        }
    })
}

fn in_memory(block: &Block) -> bool {
    block.kname.starts_with("zram")
}

fn no_swap_left(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    staying(plan, facts)
        .map(|swap| {
            Hit::new(
                format!("the swap {} ({} MiB) does not move", swap.path, swap.size >> 20),
                "make one on new when it runs (`lvcreate`, `mkswap`, `swapon`), and correct its line in /etc/fstab",
            )
            .of("old: /proc/swaps")
        })
        .collect()
}

fn too_small(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let (old, new) = (&facts.old, &facts.new);
    // 0: it is not known
    if old.memory_available == 0 || new.memory == 0 {
        return Vec::new();
    }
    let names = Names::of(old);
    let on_disk = || old.swaps.iter().filter(|swap| !names.swap(swap).is_some_and(in_memory));
    let swapped: u64 = on_disk().map(|swap| swap.used).sum();
    let used = old.memory.saturating_sub(old.memory_available) + swapped;
    let stays: u64 = staying(plan, facts).map(|swap| swap.size).sum();
    let swap = on_disk().map(|swap| swap.size).sum::<u64>() - stays;
    if used <= new.memory + swap {
        return Vec::new();
    }
    let mib = |bytes: u64| bytes >> 20;
    vec![
        Hit::new(
            format!(
                "{} MiB of memory and swap are in use on old; new will have {} MiB of memory and {} MiB of swap",
                mib(used),
                mib(new.memory),
                mib(swap)
            ),
            "take a server with more memory; or give new more swap when it runs (`fallocate`, `mkswap`, `swapon`), and \
             start fewer services until then",
        )
        .of("new: memory"),
    ]
}
