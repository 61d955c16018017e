//! Steps as they were saved once, read as what they are now.

use serde::{Deserialize, Deserializer};

use super::{BootLoader, BootProof, FsCheck, Job, Mark, Step, StepKind};

/// Reads a step. A [`Job`] that is a step of its own by now becomes that one, if the two do and say the same.
///
/// # Errors
/// What is no step.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StepKind, D::Error> {
    let step = StepKind::deserialize(from)?;
    Ok(match &step {
        StepKind::Job(job) => of_job(job).unwrap_or(step),
        _ => step,
    })
}

fn of_job(job: &Job) -> Option<StepKind> {
    let kinds: [Option<StepKind>; 3] = [
        FsCheck::of_job(job).map(StepKind::from),
        BootLoader::of_job(job).map(StepKind::from),
        BootProof::of_job(job).map(StepKind::from),
    ];
    let says = |step: &dyn Step| (step.title(), step.mark() == Mark::Check, step.apply(), step.undo(), step.bytes());
    kinds.into_iter().flatten().find(|kind| says(kind.as_step()) == says(job))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(title: &str, args: [&str; 2]) -> Job {
        Job {
            title: title.into(),
            check: false,
            script: "true".into(),
            args: args.map(str::to_string).to_vec(),
            dir: "/run/replant".into(),
            name: "x".into(),
            bytes: 0,
            leaves: Vec::new(),
        }
    }

    #[test]
    fn a_role_of_a_job_is_read_as_its_step_only_where_that_means_the_same() {
        let check = job("check vg0/root (ext4)", ["ext4", "/dev/mapper/vg0-root"]);
        let loader = job("boot loader on disk a", ["/root", "/dev/a"]);
        let proof = Job { check: true, ..job("/boot arrived byte for byte", ["/dev/md0", "/hash"]) };
        let read = |job: &Job| {
            let saved = serde_json::to_value(StepKind::from(job.clone())).unwrap();
            deserialize(saved).unwrap()
        };
        assert!(
            matches!(read(&check), StepKind::FsCheck(step) if step.volume == "vg0/root" && step.fstype == "ext4")
        );
        assert!(matches!(read(&loader), StepKind::BootLoader(step) if step.label == "a" && step.root == "/root"));
        assert!(matches!(read(&proof), StepKind::BootProof(step) if step.target == "/boot"));
        for other in [
            Job { check: false, ..proof.clone() },
            Job { check: true, ..check.clone() },
            Job { bytes: 1, ..check.clone() },
            Job { leaves: vec!["/hash".into()], ..loader.clone() },
            job("check vg0/root (ext4)", ["xfs", "/dev/mapper/vg0-root"]),
            job("copy /boot", ["ext4", "/dev/mapper/vg0-root"]),
        ] {
            assert_eq!(read(&other), StepKind::from(other.clone()), "it stays what it was");
        }
    }
}
