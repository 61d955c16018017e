//! Builds what the machines start from, and keeps it. Trees and file systems are made natively; only md, LVM and GRUB
//! need a builder machine. Everything is cached by a hash of the recipe.

use crate::machine::{Boot, Bus, Disk, Hardware, Kernel, Machine, copy_sparse};
use crate::recipe::{self, OldServer};
use crate::shell::{Guest, run};
use crate::workspace::Lab;
use crate::{Fallible, accelerator, fail, net, say};
use sha2::{Digest, Sha256};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The finished images, in one directory.
#[derive(Clone)]
pub struct Images {
    pub dir: PathBuf,
}

impl Images {
    pub fn kernel(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }
    pub fn rescue_initrd(&self) -> PathBuf {
        self.dir.join("initrd.rescue")
    }
    /// The root file system of a rescue system: `tgt` has that package, `lio` has only the kernel's target.
    pub fn rescue(&self, flavour: &str) -> PathBuf {
        self.dir.join(format!("rescue-{flavour}.img"))
    }
    pub fn old_disk(&self, old: &OldServer, n: usize) -> PathBuf {
        self.dir.join(format!("old-{}-{n}.img", old.name))
    }
    /// The key with which the lab and replant log in.
    pub fn key(&self) -> PathBuf {
        self.dir.join("key")
    }
    /// The host key of `old` or `rescue`, as it stands in a known_hosts file.
    pub fn host_key(&self, of: &str) -> Fallible<String> {
        let public = fs_err::read_to_string(self.dir.join(format!("host-{of}.pub")))?;
        Ok(public.split(' ').take(2).collect::<Vec<_>>().join(" ").trim().into())
    }
    /// What the package mirror serves.
    pub fn packages(&self) -> PathBuf {
        self.dir.join("packages")
    }
}

/// The images: those that are there, or new ones.
pub fn ensure(lab: &Lab) -> Fallible<Images> {
    let recipe = [
        include_str!("recipe.rs"),
        include_str!("image.rs"),
        include_str!("guest/witness.rs"),
        include_str!("net.rs"),
    ];
    let images = Images { dir: lab.images().join(format!("images-{}", digest(&recipe))) };
    if images.dir.join("complete").exists() {
        return Ok(images);
    }
    let (_, took) = say::timed("building the images (once; they are kept)", || {
        let base = base(lab)?;
        let _ = fs_err::remove_dir_all(&images.dir);
        fs_err::create_dir_all(&images.dir)?;
        build(lab, &base, &images)?;
        Ok(fs_err::write(images.dir.join("complete"), "")?)
    })?;
    say::line(format_args!("images in {} after {:.0} s", images.dir.display(), took.as_secs_f64()));
    Ok(images)
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part.as_bytes()));
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The system both servers start from, and the packages they install later: all that needs the network.
fn base(lab: &Lab) -> Fallible<PathBuf> {
    let packages = recipe::PACKAGES.join(",");
    let rest =
        [recipe::RELEASE, &packages, recipe::ON_THE_MIRROR, recipe::RESCUE_TARGET, recipe::DPKG_TRIM].join("|");
    let trimmed = format!("{:?}{:?}", recipe::TRIMMED, recipe::TRIMMED_MODULES);
    let dir = lab.images().join(format!("base-{}", digest(&[&rest, &trimmed])));
    if dir.join("complete").exists() {
        return Ok(dir);
    }
    let _ = fs_err::remove_dir_all(&dir);
    fs_err::create_dir_all(&dir)?;
    let tree = dir.join("tree");
    say::step("debootstrap", || {
        run(&[
            "debootstrap",
            "--variant=minbase",
            &format!("--include={packages}"),
            recipe::RELEASE,
            &tree.display().to_string(),
            &mirror(),
        ])
    })?;
    say::step("packages for the mirror and for rescue", || {
        put(&tree, "usr/sbin/policy-rc.d", 0o755, "#!/bin/sh\nexit 101\n")?;
        put(&tree, "etc/dpkg/dpkg.cfg.d/lab", 0o644, recipe::DPKG_TRIM)?;
        chroot(&tree, &["apt-get", "clean"])?;
        chroot(&tree, &["apt-get", "-q", "update"])?;
        for package in [recipe::ON_THE_MIRROR, recipe::RESCUE_TARGET] {
            chroot(&tree, &["apt-get", "-qy", "--no-install-recommends", "--download-only", "install", package])?;
            let to = dir.join(package);
            fs_err::create_dir_all(&to)?;
            for entry in fs_err::read_dir(tree.join("var/cache/apt/archives"))? {
                let from = entry?.path();
                if from.extension().is_some_and(|extension| extension == "deb") {
                    fs_err::rename(&from, to.join(from.file_name().unwrap_or_default()))?;
                }
            }
        }
        Ok(())
    })?;
    say::step("trimming", || {
        for path in recipe::TRIMMED {
            let _ = fs_err::remove_dir_all(tree.join(path));
        }
        let version = kernel_version(&tree)?;
        for path in recipe::TRIMMED_MODULES {
            let _ = fs_err::remove_dir_all(tree.join("lib/modules").join(&version).join("kernel").join(path));
        }
        chroot(&tree, &["depmod", &version])?;
        for unit in recipe::MASKED {
            let link = tree.join("etc/systemd/system").join(unit);
            let _ = fs_err::remove_file(&link);
            fs_err::os::unix::fs::symlink("/dev/null", link)?;
        }
        for entry in fs_err::read_dir(tree.join("etc/ssh"))? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ssh_host_")) {
                fs_err::remove_file(path)?;
            }
        }
        put(&tree, "etc/ssh/sshd_config.d/lab.conf", 0o644, recipe::SSHD)?;
        chroot(&tree, &["passwd", "-d", "root"])?;
        enable(&tree, "serial-getty@.service", "getty.target.wants/serial-getty@ttyS0.service")
    })?;
    fs_err::write(dir.join("complete"), "")?;
    Ok(dir)
}

/// The mirror that this machine itself uses.
fn mirror() -> String {
    let debian = "http://deb.debian.org/debian";
    let sources = std::fs::read_to_string("/etc/apt/sources.list.d/debian.sources").unwrap_or_default();
    let listed = std::fs::read_to_string("/etc/apt/sources.list").unwrap_or_default();
    let from_sources =
        sources.lines().find_map(|line| line.strip_prefix("URIs:")).and_then(|rest| rest.split_whitespace().next());
    let from_list = listed.lines().filter(|line| line.starts_with("deb ")).find_map(|line| {
        line.split_whitespace().find(|word| word.contains("://") && word.trim_end_matches('/').ends_with("/debian"))
    });
    from_sources.or(from_list).unwrap_or(debian).to_string()
}

fn build(lab: &Lab, base: &Path, images: &Images) -> Fallible<()> {
    let dir = &images.dir;
    let work = dir.join("work");
    fs_err::create_dir_all(&work)?;
    let version = kernel_version(&base.join("tree"))?;
    say::step("keys, witness, package mirror", || {
        for (name, comment) in [("key", "replant lab"), ("host-old", "srv1"), ("host-rescue", "rescue")] {
            run(&[
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                comment,
                "-f",
                &dir.join(name).display().to_string(),
            ])?;
        }
        fs_err::copy(base.join("tree/boot").join(format!("vmlinuz-{version}")), images.kernel())?;
        fs_err::write(work.join("witness.rs"), include_str!("guest/witness.rs"))?;
        let (source, binary) =
            (work.join("witness.rs").display().to_string(), work.join("witness").display().to_string());
        run(&["rustc", "--edition=2021", "-O", "-C", "target-feature=+crt-static", "-o", &binary, &source])?;
        package_mirror(&base.join(recipe::ON_THE_MIRROR), &images.packages())
    })?;
    say::step("the rescue system, without and with tgt", || rescue(base, images, &work, &version))?;
    say::step("the old server's tree", || old_tree(base, images, &work))?;
    say::step("builder machines: md, LVM and GRUB on the old servers' disks", || {
        std::thread::scope(|scope| {
            let builders: Vec<_> = recipe::OLD_SERVERS
                .iter()
                .map(|old| {
                    let work = &work;
                    scope.spawn(move || {
                        old_contents(old, work)?;
                        build_old(lab, images, old, work)
                    })
                })
                .collect();
            builders
                .into_iter()
                .try_for_each(|builder| builder.join().unwrap_or_else(|_| fail!("a builder thread panicked")))
        })
    })?;
    fs_err::remove_dir_all(&work)?;
    Ok(())
}

fn package_mirror(packages: &Path, to: &Path) -> Fallible<()> {
    run(&["cp", "-r", "-T", &packages.display().to_string(), &to.display().to_string()])?;
    let script = "cd \"$0\" && apt-ftparchive packages . > Packages && apt-ftparchive release . > /dev/shm/replant-lab-Release.$$ && mv /dev/shm/replant-lab-Release.$$ Release";
    run(&["sh", "-c", script, &to.display().to_string()]).map(drop)
}

/// A copy of the base tree with what is common to both servers.
fn tree(base: &Path, images: &Images, to: &Path, host_key: &str, files: &[recipe::File]) -> Fallible<()> {
    run(&["cp", "-a", "--reflink=auto", "-T", &base.join("tree").display().to_string(), &to.display().to_string()])?;
    for (path, mode, text) in files {
        put(to, path, *mode, text)?;
    }
    for (from, path, mode) in [
        (images.dir.join(format!("host-{host_key}")), "etc/ssh/ssh_host_ed25519_key", 0o600),
        (images.dir.join(format!("host-{host_key}.pub")), "etc/ssh/ssh_host_ed25519_key.pub", 0o644),
        (images.dir.join("key.pub"), "root/.ssh/authorized_keys", 0o600),
        (images.dir.join("work/witness"), "usr/local/sbin/witness", 0o755),
    ] {
        put(to, path, mode, "")?;
        fs_err::copy(from, to.join(path))?;
        fs_err::set_permissions(to.join(path), PermissionsExt::from_mode(mode))?;
    }
    fs_err::set_permissions(to.join("root/.ssh"), PermissionsExt::from_mode(0o700))?;
    Ok(())
}

fn rescue(base: &Path, images: &Images, work: &Path, version: &str) -> Fallible<()> {
    let root = work.join("rescue");
    tree(base, images, &root, "rescue", &recipe::rescue_files())?;
    enable(&root, "labnet.service", "multi-user.target.wants/labnet.service")?;
    // The rescue system starts no arrays and no volume groups by itself before its root is there.
    let hooks = root.join("usr/share/initramfs-tools/hooks");
    for hook in ["lvm2", "mdadm"] {
        fs_err::rename(hooks.join(hook), root.join(hook))?;
    }
    chroot(&root, &["mkinitramfs", "-o", "/initrd.rescue", version])?;
    fs_err::rename(root.join("initrd.rescue"), images.rescue_initrd())?;
    for hook in ["lvm2", "mdadm"] {
        fs_err::rename(root.join(hook), hooks.join(hook))?;
    }
    let image = |flavour: &str| {
        fs_err::remove_file(root.join("usr/sbin/policy-rc.d"))?;
        mke2fs(&images.rescue(flavour), 1200, &root, &["-O", "^has_journal"])?;
        put(&root, "usr/sbin/policy-rc.d", 0o755, "#!/bin/sh\nexit 101\n")
    };
    image("lio")?;
    let debs = root.join("debs");
    run(&["cp", "-r", "-T", &base.join(recipe::RESCUE_TARGET).display().to_string(), &debs.display().to_string()])?;
    chroot(&root, &["sh", "-c", "dpkg --unpack /debs/*.deb && dpkg --configure -a"])?;
    fs_err::remove_dir_all(debs)?;
    // Installed, and not running: replant is to start it.
    let _ = chroot(&root, &["systemctl", "disable", "tgt"]);
    image("tgt")?;
    Ok(fs_err::remove_dir_all(root)?)
}

fn old_tree(base: &Path, images: &Images, work: &Path) -> Fallible<()> {
    let root = work.join("old");
    tree(base, images, &root, "old", &recipe::old_files(&recipe::OLD_SERVERS[0]))?;
    enable(&root, "rec.service", "multi-user.target.wants/rec.service")?;
    fs_err::create_dir_all(root.join("var/lib/rec"))?;
    for (dir, mib) in recipe::BALLAST {
        let script = format!(
            "mkdir -p \"$0/{dir}\" && cd \"$0/{dir}\" && head -c {mib}M /dev/urandom | split -b 5M - part- && sha256sum part-* > SHA256SUMS"
        );
        run(&["sh", "-c", &script, &root.display().to_string()])?;
    }
    fs_err::remove_file(root.join("usr/sbin/policy-rc.d"))?;
    Ok(())
}

/// The contents of one old server's file systems. The variants differ in their identifiers only.
fn old_contents(old: &OldServer, work: &Path) -> Fallible<()> {
    let root = work.join(format!("old-{}", old.name));
    run(&["cp", "-a", "--reflink=auto", "-T", &work.join("old").display().to_string(), &root.display().to_string()])?;
    for (path, mode, text) in &recipe::old_files(old) {
        put(&root, path, *mode, text)?;
    }
    let image = |what: &str| work.join(format!("{}-{what}.img", old.name));
    let version = kernel_version(&root)?;
    // The initramfs holds mdadm.conf, and with it the identifiers of this variant's arrays.
    chroot(&root, &["update-initramfs", "-u", "-k", &version])?;
    let (boot, var) = (work.join(format!("{}-boot", old.name)), work.join(format!("{}-var", old.name)));
    for (tree, path) in [(&boot, "boot"), (&var, "var")] {
        fs_err::rename(root.join(path), tree)?;
        fs_err::create_dir(root.join(path))?;
    }
    mke2fs(&image("boot"), old.boot_mib - 8, &boot, &["-L", "boot", "-U", &old.uuid("boot")])?;
    mke2fs(&image("root"), recipe::ROOT_MIB, &root, &["-U", &old.uuid("root")])?;
    run(&[
        "tar",
        "-C",
        &var.display().to_string(),
        "--numeric-owner",
        "-cf",
        &image("var").display().to_string(),
        ".",
    ])?;
    Ok(())
}

/// Lets a builder machine assemble the old server's disks.
fn build_old(lab: &Lab, images: &Images, old: &OldServer, work: &Path) -> Fallible<()> {
    let namespace = format!("replant-build-{}", old.name);
    let dir = work.join(format!("builder-{}", old.name));
    fs_err::create_dir_all(&dir)?;
    let disks: Vec<Disk> =
        (0..2).map(|n| Disk { image: images.old_disk(old, n), serial: format!("OLD{n}") }).collect();
    for Disk { image, .. } in &disks {
        fs_err::File::create(image)?.set_len(u64::from(old.disk_mib) << 20)?;
    }
    let root = dir.join("rescue.img");
    copy_sparse(&images.rescue("lio"), &root)?;
    let append = format!("{} labip={} labhost=builder", recipe::RESCUE_APPEND, net::OLD);
    let hardware = Hardware {
        accelerator: accelerator::choose(lab, &images.kernel())?,
        tap: "old",
        card: net::OLD_CARD,
        slot: 3,
        memory_mib: recipe::MEMORY_MIB,
        bus: Bus::Ahci,
        disks: &disks,
    };
    let kernel = Kernel { kernel: &images.kernel(), initrd: &images.rescue_initrd(), append: &append, root: &root };
    let mut argv = hardware.argv("builder", &dir, Some(&kernel));
    for (n, content) in ["boot", "root", "var"].iter().enumerate() {
        let image = work.join(format!("{}-{content}.img", old.name));
        argv.extend([
            "-drive".into(),
            format!("file={},if=none,format=raw,id=c{n},cache=unsafe,readonly=on", image.display()),
        ]);
        argv.extend(["-device".into(), format!("virtio-blk-pci,drive=c{n},addr={:#x},serial={content}", 0x11 + n)]);
    }
    let boots = [("build".to_string(), Boot { argv, fresh: None })].into();
    let machine = Machine { name: "builder".into(), dir: dir.clone(), namespace: namespace.clone(), boots };
    machine.save("build")?;
    net::create(&namespace)?;
    machine.on()?;
    let guest =
        Guest { namespace: namespace.clone(), address: net::OLD, key: images.key(), control: dir.join("ssh") };
    let outcome = say::step(&format!("  builder for `{}`: boot", old.name), || guest.wait(Duration::from_secs(300)))
        .and_then(|()| {
            say::step(&format!("  builder for `{}`: storage and GRUB", old.name), || {
                guest.script_within(&recipe::builder_script(old), Duration::from_secs(900))
            })
        });
    guest.forget();
    machine.off()?;
    net::destroy(&namespace)?;
    fs_err::write(images.dir.join(format!("builder-{}.log", old.name)), outcome?)?;
    Ok(())
}

fn put(tree: &Path, path: &str, mode: u32, text: &str) -> Fallible<()> {
    let path = tree.join(path);
    if let Some(parent) = path.parent() {
        fs_err::create_dir_all(parent)?;
    }
    fs_err::write(&path, text)?;
    Ok(fs_err::set_permissions(path, PermissionsExt::from_mode(mode))?)
}

fn enable(tree: &Path, unit: &str, link: &str) -> Fallible<()> {
    let dir = tree.join("etc/systemd/system");
    let target = if dir.join(unit).exists() {
        format!("/etc/systemd/system/{unit}")
    } else {
        format!("/lib/systemd/system/{unit}")
    };
    let link = dir.join(link);
    if let Some(parent) = link.parent() {
        fs_err::create_dir_all(parent)?;
    }
    let _ = fs_err::remove_file(&link);
    Ok(fs_err::os::unix::fs::symlink(target, link)?)
}

fn chroot(tree: &Path, argv: &[&str]) -> Fallible<()> {
    let tree = tree.display().to_string();
    let mut whole = vec![
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "LC_ALL=C",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "chroot",
        &tree,
    ];
    whole.extend(argv);
    run(&whole).map(drop)
}

fn mke2fs(image: &Path, mib: u32, from: &Path, options: &[&str]) -> Fallible<()> {
    let (image, from, size) = (image.display().to_string(), from.display().to_string(), format!("{mib}M"));
    let mut argv = vec!["mke2fs", "-q", "-t", "ext4", "-d", &from];
    argv.extend(options);
    argv.extend([image.as_str(), size.as_str()]);
    run(&argv).map(drop)
}

fn kernel_version(tree: &Path) -> Fallible<String> {
    for entry in fs_err::read_dir(tree.join("boot"))? {
        if let Some(version) = entry?.file_name().to_string_lossy().strip_prefix("vmlinuz-") {
            return Ok(version.to_string());
        }
    }
    fail!("no kernel in {}", tree.display())
}
