//! The scripts that old's initramfs gets, run by sh(1) against an `lvm` that only tells what it was asked to do.

use std::process::Command;

use replant::course;
use replant::facts;
use replant::plan;
use replant::sim::Sim;
use replant::step::StepKind;

/// The physical volumes of old in the two groups, and the texts of both scripts.
fn scripts() -> (Vec<(String, String)>, [String; 2]) {
    let path = format!("{}/plans/two-groups.yaml", env!("CARGO_MANIFEST_DIR"));
    let plan = plan::load(path.as_ref()).unwrap().plan;
    let sim = Sim::from_plan(&plan, None);
    let facts = facts::both(&sim).unwrap();
    let pvs = facts.old.pvs.iter().map(|pv| (pv.uuid.clone(), pv.vg.clone())).collect();
    let nodes = course::make(&plan, "digest", &facts).unwrap().nodes;
    let text = |id: &str| {
        let node = nodes.iter().find(|node| node.id.0 == id).unwrap();
        let StepKind::File(file) = &node.step else { panic!("{id}") };
        assert_eq!(file.mode, Some(0o755));
        file.text.0.clone()
    };
    (pvs, [text("boot-hook"), text("late-boot-hook")])
}

/// Runs a script where these physical volumes are to be seen, and these groups miss nothing; what it changes.
fn run(script: &str, pvs: &[&str], whole: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let pvs: String = pvs.iter().map(|uuid| format!("  /dev/sda {uuid}\\n")).collect();
    let whole = whole.iter().map(|vg| format!("{vg}) echo '  0' ;; ")).collect::<String>();
    let lvm = format!(
        "#!/bin/sh\nfor last; do :; done\ncase $1 in\npvs) printf '{pvs}  [unknown] lost\\n' ;;\n\
         vgs) case $last in {whole}*) echo '  1' ;; esac ;;\n*) echo \"$*\" >>{} ;;\nesac\n",
        at("done").display()
    );
    std::fs::write(at("lvm"), lvm).unwrap();
    std::fs::write(at("sleep"), "#!/bin/sh\n").unwrap();
    // the clock is at the end of its quarter of a minute
    std::fs::write(at("since"), "0\n").unwrap();
    let text = script.replace("/run/replant-since", at("since").to_str().unwrap());
    std::fs::write(at("script"), text.replace("-ge 15 ] || exit 0", "-ge 0 ] || exit 0")).unwrap();
    for name in ["lvm", "sleep"] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let out = Command::new("sh").arg(at("script")).env("PATH", path).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}\n{script}");
    std::fs::read_to_string(at("done")).unwrap_or_default().lines().map(str::to_string).collect()
}

#[test]
fn only_what_is_old_s_and_incomplete_is_made_plain() {
    let (pvs, scripts) = scripts();
    let of = |vg: &str| pvs.iter().filter(|(_, home)| home == vg).map(|(uuid, _)| uuid.as_str()).collect::<Vec<_>>();
    let (system, data) = (of("system"), of("data"));
    let all: Vec<&str> = system.iter().chain(&data).copied().collect();
    let gives_up = |done: &[String], vg: &str| {
        done.contains(&format!("vgreduce --removemissing --mirrorsonly --force {vg}"))
            && done.contains(&format!("vgchange --sysinit --activate y --activationmode degraded {vg}"))
    };
    for script in &scripts {
        assert_eq!(run(script, &all, &["system", "data"]), Vec::<String>::new(), "nothing is missing");
        let done = run(script, &all, &[]);
        assert!(gives_up(&done, "system") && gives_up(&done, "data"), "{done:?}");
        // `/` is there, and the other group is not complete
        let done = run(script, &all, &["system"]);
        assert!(!gives_up(&done, "system") && gives_up(&done, "data"), "{done:?}");
        // a disk of old's own is missing: whoever gives up then may lose what is on it
        let done = run(script, &system, &["system"]);
        assert_eq!(done, Vec::<String>::new());
        let done = run(script, &data, &[]);
        assert!(!gives_up(&done, "system") && gives_up(&done, "data"), "{done:?}");
        // on new none of old's disks is there
        assert_eq!(run(script, &["another"], &[]), Vec::<String>::new());
    }
}
