//! From an argument vector to what it says and does. Whatever is not in these tables is a command that nobody taught the
//! simulated servers, and a panic.

use super::world::{System, World};
use super::{Args, Said, fail, secret};
use crate::facts::{activity, apt, filesystems, health, lsblk, lvm, md, mounts, net, os, parts, texts, writers};
use crate::family::{Builder, Family};
use crate::host::{Act, HostError, Query, READ_FILE, Server, Side, Text};
use crate::step;

/// The argument vector of a query.
fn argv(query: Query) -> Vec<String> {
    match query {
        Query::Run(argv) => argv,
        Query::Power(_) | Query::Control(_) | Query::Console(_) => Vec::new(),
    }
}

impl World {
    /// Scripts and long questions of the facts.
    fn ask_fact(&mut self, server: Server, asked: &[&str]) -> Option<Said> {
        let is = |query: Query| argv(query) == asked;
        if is(lsblk::query()) {
            return Some(Ok(self.lsblk(server)));
        }
        if is(os::links_query()) {
            return Some(Ok(self.links(server)));
        }
        if is(md::exports_query()) {
            let arrays = self.machine(server).run.arrays.iter();
            let own = arrays.map(|array| format!("== {}\n{}", array.name, self.md_export(server, array)));
            let below = self.machine(server).run.below.iter().map(|under| {
                let (number, uuid) = (under.number, &under.uuid);
                let head = "MD_LEVEL=raid1\nMD_DEVICES=2\nMD_METADATA=1.0";
                format!("== md{number}\n{head}\nMD_UUID={uuid}\nMD_NAME=replant:replant-{number}\n")
            });
            return Some(Ok(own.chain(below).collect()));
        }
        if is(parts::query()) {
            return Some(Ok(self.parts(server)));
        }
        for side in [Side::Old, Side::New] {
            if is(filesystems::query(side)) {
                return Some(Ok(self.file_systems(server, side == Side::Old)));
            }
        }
        if is(health::query()) {
            return Some(Ok(self.health(server)));
        }
        if is(activity::query()) {
            return Some(Ok(self.activity(server)));
        }
        if is(writers::query()) {
            return Some(Ok(self.writers_answer(server)));
        }
        if is(apt::iscsi_packages_query()) {
            return Some(self.apt_simulate(server));
        }
        if is(mounts::query()) {
            return Some(self.findmnt(server));
        }
        if is(net::query()) {
            return Some(self.ip_json(server));
        }
        if is(lvm::lvs_query()) {
            return Some(Ok(self.lvs(server)));
        }
        if is(lvm::vgs_query()) {
            return Some(Ok(self.vgs(server)));
        }
        if is(lvm::pvs_query()) {
            return Some(Ok(self.pvs(server)));
        }
        if let Query::Run(texts) = texts::query()
            && asked.len() >= 4
            && texts[..4] == asked[..4]
        {
            return Some(Ok(self.texts(server, &asked[4..])));
        }
        None
    }

    /// Answers a question. None of these changes anything.
    pub(super) fn ask(&mut self, server: Server, asked: &[&str]) -> Said {
        if let Some(said) = self.ask_fact(server, asked) {
            return said;
        }
        let args = Args::of(asked);
        match asked {
            ["sh", "-c", script, "sh", rest @ ..] => self.ask_script(server, script, rest),
            ["sh", "-c", script] => self.ask_script(server, script, &[]),
            ["lvm", "version"] => {
                Ok("  LVM version:     2.03.16(2) (2022-05-18)\n  Library version: 1.02.185 (2022-05-18)\n".into())
            }
            ["lvmconfig", ..] => self.lvmconfig(server, &args),
            ["dmsetup", "status", names @ ..] => {
                self.dm_status(server, &names.iter().map(|name| name.to_string()).collect::<Vec<_>>())
            }
            ["dmesg"] => {
                Ok(self.machine(server).run.kernel_log.iter().map(|line| format!("[   1.0] {line}\n")).collect())
            }
            ["wipefs", "--json", _] => self.wipefs(server, &args_after(asked)),
            ["sfdisk", "--json", _] => self.sfdisk(server, &args_after(asked), None),
            ["mdadm", "--examine" | "--detail", "--export", _] => self.mdadm(server, &args_after(asked)),
            ["blockdev", "--getsize64" | "--getss", _] => self.blockdev(server, &args_after(asked)),
            ["readlink", "-f", path] => Ok(match self.dev(server, path) {
                Some(dev) => format!("{}\n", dev.real()),
                None => format!("{path}\n"),
            }),
            ["cat", path] => match self.read_file(server, path) {
                Some(text) => Ok(text),
                None => fail(1, format!("cat: {path}: No such file or directory\n")),
            },
            ["systemctl", "is-active" | "list-units" | "list-unit-files", ..] => self.systemctl(server, &asked[1..]),
            ["dpkg-query", "-W", "-f", _] => self.dpkg_query(server),
            ["ip", "-oneline", "address", "show", "scope", "global"] => self.ip_oneline(server),
            ["lsblk", "--nodeps", "--noheadings", "--output", "SERIAL"] => {
                let disks = self.bare_devices(server).into_iter().filter(|dev| dev.kind == "disk");
                Ok(disks.map(|dev| format!("{}\n", dev.serial.unwrap_or_default())).collect())
            }
            ["tgtadm", "--lld", "iscsi", "--mode", "portal" | "target", "--op", "show"] => {
                self.tgtadm(server, &args_after(asked))
            }
            ["xfs_info", target] => self.xfs_info(server, target),
            ["dumpe2fs", "-h", path] => self.dumpe2fs(server, path),
            _ => panic!("the simulated servers cannot be asked {asked:?}"),
        }
    }

    fn ask_script(&mut self, server: Server, script: &str, args: &[&str]) -> Said {
        match (script, args) {
            (READ_FILE, [path]) => Ok(match self.read_file(server, path) {
                Some(text) => format!("present\n{text}"),
                None => "absent\n".into(),
            }),
            (step::link::daemon::TGTD_RUNS, []) => {
                Ok(if self.machine(server).run.tgt.is_some() { "4242\n" } else { "" }.into())
            }
            (step::copy::ages::AGES, paths) => Ok(self.ages(server, paths)),
            (step::copy::ages::SERVED, []) => Ok(self.served(server)),
            (step::hold::into_hold::HOLDS, []) => {
                let holds = self.machine(server).system == System::Hold && self.exists(server, super::hold::PIPE);
                Ok(if holds { "holds\n" } else { "" }.into())
            }
            (step::hold::doing::DOING, []) => Ok(self.hold_stage(server)),
            (crate::rehearsal::ROOM, groups) => Ok(self.rehearsal_room(server, groups)),
            (crate::rehearsal::REPORT, units) => Ok(self.rehearsal_report(server, units)),
            (crate::rehearsal::LISTENS, []) => Ok(self.listens()),
            (step::below::state::STATE, args) => Ok(self.below_state(server, args)),
            (step::below::ram_disk::RAM_DISKS, []) => Ok(self.ram_disks(server)),
            (step::quiet::same_boot::COMPARE, [device, hash]) => self.compare_boot(server, device, hash),
            (step::link::login::SESSIONS, []) => Ok(self.sessions(server)),
            (step::link::lio_export::LIO_STATE, [iqn, name]) => Ok(self.lio_state(server, iqn, name)),
            (state, [kernel, keep]) if state == Builder::InitramfsTools.scripts().state => {
                Ok(self.initramfs_state(server, kernel, keep).into())
            }
            (step::quiet::writes_counted::COUNT, []) => Ok(self.write_counts(server)),
            (step::quiet::dead_man::STATE, [dir, unit]) => Ok(self.dead_man_state(server, dir, unit).into()),
            (step::verify::state::STATE, args) => Ok(self.hashed_state(server, args)),
            (step::ask::GONE, [path]) => Ok(if self.exists(server, path) { "" } else { "gone\n" }.into()),
            _ => panic!("the simulated servers do not know this script, asked with {args:?}:\n{script}"),
        }
    }

    /// Does it on this server, which answers as `on`.
    pub(super) fn act(&mut self, on: Side, server: Server, act: &Act) -> Result<(), HostError> {
        let filled = |text: &Text| {
            let mut filled = text.0.clone();
            for name in text.secrets() {
                filled = filled.replace(&crate::host::secret_place(name), &secret(name));
            }
            filled
        };
        let (command, said) = match act {
            Act::Run { argv, stdin, .. } => {
                let all: Vec<&str> = argv.iter().map(String::as_str).collect();
                let stdin = stdin.as_ref().map(&filled);
                (argv.join(" "), self.run(server, &all, stdin.as_deref()))
            }
            Act::Put { path, text, mode } => {
                let mode = mode.or_else(|| self.file(server, path).map(|file| file.mode)).unwrap_or(0o644);
                (format!("write {path}"), self.write_file(server, path, &filled(text), mode).map(|()| String::new()))
            }
            Act::Remove { path } => {
                (format!("remove {path}"), self.remove_file(server, path).map(|()| String::new()))
            }
            Act::Power { .. } => unreachable!("power is switched by its control"),
        };
        match said {
            Ok(_) => Ok(()),
            Err(fail) => Err(HostError::Failed { side: on, command, code: fail.code, output: fail.err }),
        }
    }

    /// udev reads a device again.
    fn udev_asks(&mut self, server: Server, path: &str) -> Said {
        let dev = self.must(server, "udevadm", path)?;
        let run = &mut self.machine_mut(server).run;
        run.unnamed.retain(|loc| *loc != dev.loc);
        for session in run.sessions.iter_mut().filter(|one| dev.path.ends_with(&one.disk)) {
            session.told = session.live;
        }
        Ok(String::new())
    }

    /// `login::LOGIN`
    fn log_in_or_ask(&mut self, server: Server, iqn: &str, portal: &str, device: &str) -> Said {
        let session = self.machine(server).run.sessions.iter().any(|one| one.iqn == iqn);
        match (session, self.dev(server, device).is_some()) {
            (true, true) => self.run(server, &["udevadm", "trigger", "--settle", "--action=change", device], None),
            (true, false) => Ok(String::new()),
            (false, _) => self.run(server, &["iscsiadm", "-m", "node", "-T", iqn, "-p", portal, "--login"], None),
        }
    }

    pub(super) fn run(&mut self, server: Server, argv: &[&str], stdin: Option<&str>) -> Said {
        let args = args_after(argv);
        match argv {
            ["sh", "-c", script, "sh", rest @ ..] => self.run_script(server, script, rest),
            ["sh", "-c", step::hold::release::GO, "hold-go.sh", rest @ ..] => self.hold_go(server, rest),
            ["sh", path, rest @ ..] => self.run_file(server, path, rest),
            ["udevadm", "settle"] | ["udevadm", "control", "--reload"] | ["sync"] => Ok(String::new()),
            ["udevadm", "trigger", "--settle", "--action=change", path] => self.udev_asks(server, path),
            ["rm", "-f", "--", path] => self.remove_file(server, path).map(|()| String::new()),
            ["sync", path] => self.must(server, "sync", path).map(|_| String::new()),
            ["mkdir", "-p", path] => {
                if self.read_only(server, path) {
                    return fail(1, format!("mkdir: cannot create directory '{path}': Read-only file system\n"));
                }
                Ok(String::new())
            }
            ["rm", "-rf", directory] => {
                for (path, _) in self.files_below(server, directory) {
                    self.remove_file(server, &path)?;
                }
                Ok(String::new())
            }
            ["tee", "/dev/kmsg"] => {
                let lines = stdin.unwrap_or_default().lines().map(str::to_string);
                self.machine_mut(server).run.kernel_log.extend(lines.collect::<Vec<_>>());
                Ok(String::new())
            }
            ["tee", path] => {
                self.write_file(server, path, stdin.unwrap_or_default(), 0o644)?;
                Ok(String::new())
            }
            ["hostname", name] => {
                self.machine_mut(server).run.hostname = name.to_string();
                Ok(String::new())
            }
            ["systemctl", "start" | "stop", ..] => self.systemctl(server, &argv[1..]),
            ["mount", rest @ ..] => self.mount(server, rest),
            ["umount", rest @ ..] => self.umount(server, rest),
            ["swapoff", path] => self.swapoff(server, path),
            ["swapon", path] => self.swapon(server, path),
            ["wipefs", "--all", "--quiet", _] => self.wipefs(server, &args),
            ["sfdisk", "--quiet", ..] => self.sfdisk(server, &args, stdin),
            ["blockdev", "--rereadpt" | "--flushbufs", _] => self.blockdev(server, &args),
            ["mdadm", "--create" | "--assemble", ..] => self.mdadm(server, &args),
            ["mkswap", ..] => self.mkswap(server, &args),
            ["xfs_growfs", target] => self.xfs_growfs(server, target),
            ["resize2fs", path] => self.resize2fs(server, path),
            ["tgtd", ..] => self.tgtd(server, &args),
            ["tgtadm", ..] => self.tgtadm(server, &args),
            ["tgt-admin", ..] => self.tgt_admin(server, &args),
            ["iscsiadm", "-m", "node", ..] => self.iscsiadm(server, &args),
            ["pvcreate", ..] => self.pvcreate(server, &args),
            ["pvremove", ..] => self.pvremove(server, &args),
            ["pvresize", _] => self.pvresize(server, &args),
            ["vgcreate", ..] => self.vgcreate(server, &args),
            ["modprobe", "brd", _, size] => {
                let kib = size.strip_prefix("rd_size=").and_then(|kib| kib.parse().ok());
                self.ram_disk(server, Some(kib.unwrap_or_else(|| panic!("modprobe {size}"))))
            }
            ["modprobe", "--remove", "brd"] => self.ram_disk(server, None),
            ["vgextend", ..] => self.vgextend(server, &args),
            ["vgchange", ..] => self.vgchange(server, &args),
            ["vgrename", _, _] => self.vgrename(server, &args),
            ["vgsplit", ..] => self.vgsplit(server, &args),
            ["vgremove", ..] => self.vgremove(server, &args),
            ["lvconvert", "--yes", "--mirrors", "0", name, device] => self.unmirror(server, name, device),
            ["lvconvert", ..] if args.value("--splitmirrors").is_some() => self.splitmirrors(server, &args),
            ["lvrename", _, _, _] => self.lvrename(server, &args),
            ["lvcreate", ..] => self.lvcreate(server, &args),
            ["lvremove", ..] => self.lvremove(server, &args),
            ["lvchange", ..] => self.lvchange(server, &args),
            ["lvextend", ..] => self.lvextend(server, &args),
            _ => panic!("the simulated servers do not know the command {argv:?}"),
        }
    }

    fn run_script(&mut self, server: Server, script: &str, args: &[&str]) -> Said {
        if let Some(said) = self.dead_man(server, script, args) {
            return said;
        }
        match (script, args) {
            (stop, [record, order, units @ ..]) if stop == step::system::service::stop_script() => {
                self.stop_units(server, record, *order == "in-order", units)
            }
            (start, [record, units @ ..]) if start == step::system::service::start_script() => {
                self.start_units(server, record, units)
            }
            (step::quiet::flushed::FLUSH, [mark]) => {
                self.machine_mut(server).run.unsynced.clear();
                self.write_file(server, mark, "flushed\n", 0o644).map(|()| String::new())
            }
            (step::system::service::START_ALL, [record]) => self.start_all(server, record),
            (seal, [target, was]) if seal == step::quiet::remount::seal() => self.seal(server, target, was),
            (open, [target, was]) if open == step::quiet::remount::open() => self.open_again(server, target, was),
            (count, [record]) if count == step::quiet::writes_counted::script() => {
                let text = self.write_counts(server);
                self.write_file(server, record, &text, 0o644).map(|()| String::new())
            }
            (step::link::login::LOGIN, [iqn, portal, device]) => self.log_in_or_ask(server, iqn, portal, device),
            (step::disks::array::CREATE, create) => self.md_create_blank(server, create),
            (step::disks::array::ERASE, [id, device, uuid, members @ ..]) => {
                self.md_erase(server, id, device, uuid, members)
            }
            (step::disks::wiped::STOP_ARRAY, [path]) => self.md_stop(server, path),
            (step::copy::physical_volume::WIPE, [device, uuid, own, config]) => {
                self.give_up_own(server, own, uuid, config)?;
                self.run(server, &["wipefs", "--all", "--quiet", device], None)
            }
            (step::volumes::own_group::REMOVE, [group, device]) => {
                if self.group(server, group).is_ok() {
                    self.run(server, &["vgremove", "--yes", "-ff", group], None)?;
                }
                self.run(server, &["pvremove", "--yes", "-ff", device], None)
            }
            (step::copy::group_member::JOIN, [group, device, uuid]) => self.join(server, group, device, uuid),
            (step::copy::group_member::LEAVE, [group, device, uuid]) => self.leave(server, group, device, uuid),
            (step::copy::mirror::UNMIRROR, [volume, device, uuid]) => {
                self.unmirror_or_give_up(server, volume, device, uuid)
            }
            (step::copy::mirror::RAID1, [volume, device, _region, since]) => {
                self.convert_raid1(server, volume, device, since)
            }
            (step::copy::mirror::CORE_LOG, [volume, device, _region, since]) => {
                self.convert_core_log(server, volume, device, since)
            }
            (step::hold::held_again::RESET, []) => self.hold_reset(server),
            (step::verify::hashed::END, args) => self.end_hashing(server, args),
            (step::verify::same_copies::GIVE_UP, args) => self.give_up_copies(server, args),
            (step::below::unwritten::CLEAN, all) => self.call_clean(server, all),
            // directories are not modelled: an empty one is none
            (step::link::iscsi_node::REMOVE_EMPTY, [_]) => Ok(String::new()),
            _ => panic!("the simulated servers do not know this script, run with {args:?}:\n{script}"),
        }
    }

    /// A script that was put there as a file, known by its text.
    fn run_file(&mut self, server: Server, path: &str, args: &[&str]) -> Said {
        let Some(script) = self.read_file(server, path) else {
            return fail(127, format!("sh: 0: cannot open {path}: No such file\n"));
        };
        let builder = Builder::InitramfsTools.scripts();
        match script.as_str() {
            script if script == builder.build => self.initramfs_build(server, args),
            script if script == builder.restore => self.initramfs_restore(server, args),
            script if script == builder.hold.build => self.hold_build(server, args),
            script if script == Family::Debian.scripts().packages => match args {
                ["install", wanted @ ..] => self.packages_install(server, wanted),
                ["purge", names @ ..] => self.packages_purge(server, names),
                _ => panic!("packages.sh {args:?}"),
            },
            step::below::beneath::BENEATH => self.put_below(server, args),
            step::below::beneath::USED => self.set_bits(server, args),
            step::below::beneath::BACK => self.take_from_below(server, args),
            step::verify::hashed::HASH => self.hash_halves(server, args),
            step::below::at_rest::REST => self.put_to_rest(server, args),
            step::hold::rehearsal::REHEARSE => self.rehearse(server, args),
            step::below::fresh_legs::DROP => self.drop_new_leg(server, args),
            step::link::lio_export::EXPORT => self.lio_export(server, args),
            step::link::lio_export::WITHDRAW => self.lio_withdraw(server, args),
            script if World::lets_go(script) => self.let_go(server, args),
            _ => self.job(server, &script, args),
        }
    }
}

/// The arguments behind the command's name.
fn args_after(argv: &[&str]) -> Args {
    Args::of(argv.get(1..).unwrap_or_default())
}
