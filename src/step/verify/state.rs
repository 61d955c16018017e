//! What a server has hashed, and whether it still means something.

use crate::host::{HostError, Look, Query, Side};
use crate::step::answered;

/// Prints `runs` where something still reads, what was noted when it began (`begun`), what came of it (`hash`), what was read
/// from and written to each device of device-mapper (`at`, in sectors), and the first word of each file that is there (`file`):
/// `DIR FILE...`. Linux, Documentation/block/stat.rst
pub(crate) const STATE: &str = r#"dir=$1
shift
[ ! -e "$dir/lock" ] || flock -n -s "$dir/lock" true || echo runs
[ ! -e "$dir/begun" ] || sed 's/^/begun /' "$dir/begun"
[ ! -e "$dir/hashes" ] || sed 's/^/hash /' "$dir/hashes"
for d in /sys/block/dm-*; do
  [ -e "$d/dm/name" ] || continue
  read -r name <"$d/dm/name" && read -r _ _ from _ _ _ to _ <"$d/stat" && echo "at $name $from $to"
done
for f; do
  [ -e "$f" ] || continue
  word=
  read -r word _ <"$f"
  echo "file $f ${word%.*}"
done"#;

/// As it stands on one server.
#[derive(Debug, Default)]
pub(super) struct State {
    pub runs: bool,
    /// by half: sectors read and written when it began, and since when the copy had gone on
    begun: Vec<Vec<String>>,
    /// by half
    hashes: Vec<(String, String)>,
    /// by device-mapper's names: sectors read, sectors written
    devices: Vec<(String, u64, String)>,
    files: Vec<(String, String)>,
}

impl State {
    pub(super) fn read<'f>(
        on: &dyn Look,
        side: Side,
        dir: &'f str,
        files: impl Iterator<Item = &'f String>,
    ) -> Result<State, HostError> {
        let argv = ["sh", "-c", STATE, "sh", dir].into_iter().chain(files.map(String::as_str));
        Ok(State::parse(&answered(on, side, Query::run(argv))?.stdout))
    }

    fn parse(text: &str) -> State {
        let mut state = State::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let owned = |word: &str| word.to_string();
            match words[..] {
                ["runs"] => state.runs = true,
                ["begun", ref of @ ..] => state.begun.push(of.iter().map(|word| owned(word)).collect()),
                ["hash", half, hash] => state.hashes.push((owned(half), owned(hash))),
                ["at", name, from, to] => {
                    state.devices.push((owned(name), from.parse().unwrap_or_default(), owned(to)));
                }
                ["file", ref path @ .., word] => state.files.push((path.join(" "), owned(word))),
                _ => {}
            }
        }
        state
    }

    /// Sectors that had been read from a half's device when it began; `None` where it has not, or where what it reads is not
    /// what it was: written to since, or copied again.
    pub(super) fn still(&self, half: &str, volume: &str, since: Option<&String>) -> Option<u64> {
        let begun = self.begun.iter().find(|of| of.first().is_some_and(|name| name == half))?;
        let [_, from, to, began] = begun.as_slice() else { return None };
        let (_, _, written) = self.devices.iter().find(|(name, ..)| name == volume)?;
        let now = since.map_or("-", |since| self.word(since).unwrap_or("none"));
        (written == to && now == began).then(|| from.parse().ok())?
    }

    /// Sectors read from a device since it is there.
    pub(super) fn sectors(&self, device: &str) -> u64 {
        self.devices.iter().find(|(name, ..)| name == device).map_or(0, |(_, from, _)| *from)
    }

    pub(super) fn hash(&self, half: &str) -> Option<&str> {
        self.hashes.iter().find(|(name, _)| name == half).map(|(_, hash)| hash.as_str())
    }

    /// The first word of a file that is there.
    pub(super) fn word(&self, file: &str) -> Option<&str> {
        self.files.iter().find(|(path, _)| path == file).map(|(_, word)| word.as_str())
    }
}
