//! Copies and originals, read past memory and hashed; and copies that lie.

use super::world::World;
use super::written::Segtype;
use super::{Said, fail};
use crate::host::Server;
use crate::step::{self, dm_name};

impl World {
    /// `state::STATE`
    pub(super) fn hashed_state(&self, server: Server, args: &[&str]) -> String {
        let [dir, files @ ..] = args else { panic!("what was hashed: {args:?}") };
        let mut text = String::new();
        for (name, word) in [("begun", "begun"), ("hashes", "hash")] {
            let lines = self.read_file(server, &format!("{dir}/{name}")).unwrap_or_default();
            text += &lines.lines().map(|line| format!("{word} {line}\n")).collect::<String>();
        }
        for line in self.write_counts(server).lines() {
            let (name, written) = line.rsplit_once(' ').unwrap_or_default();
            text += &format!("at {name} 0 {written}\n");
        }
        for file in files {
            if let Some(word) = self.first_word(server, file) {
                text += &format!("file {file} {word}\n");
            }
        }
        text
    }

    fn first_word(&self, server: Server, file: &str) -> Option<String> {
        let text = self.read_file(server, file)?;
        let word = text.split_whitespace().next().unwrap_or_default();
        Some(word.split('.').next().unwrap_or_default().to_string())
    }

    /// hash.sh: in the background of real servers, and here at once
    pub(super) fn hash_halves(&mut self, server: Server, args: &[&str]) -> Said {
        let [dir, halves @ ..] = args else { panic!("hash.sh {args:?}") };
        let (halves, []) = halves.as_chunks::<8>() else { panic!("hash.sh {args:?}") };
        let counts = self.write_counts(server);
        let (mut begun, mut hashes) = (String::new(), String::new());
        for [key, device, volume, _, _, _, _, since] in halves {
            let written = counts.lines().find_map(|line| line.strip_prefix(volume)?.strip_prefix(' ')).unwrap_or("");
            let since = match *since {
                "-" => "-".to_string(),
                file => self.first_word(server, file).unwrap_or_else(|| "none".into()),
            };
            begun += &format!("{key} 0 {written} {since}\n");
            let hash = match self.dev(server, device) {
                Some(dev) if dev.live => self.hash(&dev.loc),
                _ => "unread".into(),
            };
            hashes += &format!("{key} {hash}\n");
        }
        self.write_file(server, &format!("{dir}/begun"), &begun, 0o600)?;
        self.write_file(server, &format!("{dir}/hashes"), &hashes, 0o600)?;
        Ok(String::new())
    }

    /// `hashed::END`
    pub(super) fn end_hashing(&mut self, server: Server, args: &[&str]) -> Said {
        let [dir, marks @ ..] = args else { panic!("the end of hashing: {args:?}") };
        let files = self.files_below(server, dir).into_iter().map(|(path, _)| path);
        for path in files.chain(marks.iter().map(|mark| mark.to_string())).collect::<Vec<_>>() {
            self.remove_file(server, &path)?;
        }
        Ok(String::new())
    }

    /// `same_copies::GIVE_UP`
    pub(super) fn give_up_copies(&mut self, server: Server, args: &[&str]) -> Said {
        let [dir, marks @ ..] = args else { panic!("copies are given up: {args:?}") };
        for mark in marks {
            self.write_file(server, mark, "differs\n", 0o600)?;
        }
        let runner = self.read_file(server, &format!("{dir}/dead-man.sh"));
        if runner.as_deref() != Some(step::quiet::dead_man::WATCH) {
            return fail(2, format!("sh: 0: cannot open {dir}/dead-man.sh: No such file\n"));
        }
        self.fire_now(server, dir);
        Ok(String::new())
    }

    /// The copy of this volume of old's is not what everybody believes, and nothing that can be asked tells.
    pub fn lie(&mut self, vg: &str, lv: &str) {
        let volume = dm_name(vg, lv);
        for under in self.old.run.below.iter_mut().filter(|under| under.volume == volume) {
            under.lost = true;
        }
        let views = self.groups(Server::Old);
        let mirrored = views.iter().filter(|view| view.group.name == vg).flat_map(|view| &view.group.lvs);
        let uuids: Vec<String> = mirrored
            .filter(|one| one.name == lv && one.segtype != Segtype::Linear)
            .map(|one| one.uuid.clone())
            .collect();
        for uuid in uuids {
            if let Some(active) = self.active_mut(Server::Old, &uuid) {
                active.lost = true;
            }
        }
    }
}
