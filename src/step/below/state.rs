//! How volumes lie, in the kernel's own words: their tables, the arrays beneath them, the legs of each.

use crate::host::{HostError, Look, Query, Side};
use crate::step::copy::ages::{Ages, ages_query};

/// Prints, for each `VOLUME NUMBER LEG`, what there is of it: `volume`, then `table`, `array`, `leg`, `held` and `lun` lines.
/// Linux, Documentation/admin-guide/md.rst and Documentation/ABI/testing/sysfs-block
pub(crate) const STATE: &str = r#"while [ $# -ge 3 ]; do
  echo "volume $1"
  dmsetup table "$1" 2>/dev/null | sed 's/^/table /'
  m=/sys/block/md$2/md
  if [ -e "$m/array_state" ] && [ "$(cat "$m/array_state")" != clear ]; then
    echo "array $(cat "$m/degraded") $(cat "$m/sync_action") $(cat "$m/sync_completed")"
    for d in "$m"/dev-*; do
      [ -e "$d/state" ] || continue
      k=${d##*/dev-}
      echo "leg $(cat "/sys/block/$k/dm/name" 2>/dev/null || echo "$k") $(cat "$d/state")"
    done
  fi
  for p in old new; do [ ! -e "/dev/mapper/replant-$2-$p" ] || echo "held $p"; done
  k=$(readlink -f "$3"); k=${k##*/}
  [ ! -e "/sys/block/$k/device/state" ] || echo "lun $(cat "/sys/block/$k/device/state")"
  shift 3
done"#;

/// What is asked of one volume.
pub(super) struct Asked<'a> {
    /// as device-mapper calls it
    pub volume: String,
    /// of the array
    pub number: u32,
    /// the disk that new offers
    pub leg: &'a str,
    /// the file that says when its copy began
    pub since: &'a str,
}

/// One volume.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lies {
    /// the lines of its table; none: there is no such device
    pub tables: Vec<String>,
    /// the array that is to be beneath it, where it runs
    pub array: Option<Array>,
    /// members of the array, by device-mapper's names, with what md says of each
    pub legs: Vec<(String, String)>,
    /// devices of ours that are there, whether or not they are used: `old`, `new`
    pub held: Vec<String>,
    /// what SCSI says of new's disk: `running`; `None`: there is no such disk
    pub lun: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    /// legs that lack something
    pub degraded: u32,
    /// `idle`, `recover`, …
    pub action: String,
    /// sectors done, and in all, while it works
    pub done: Option<(u64, u64)>,
}

impl Lies {
    /// What md says of a leg of ours: `old` or `new`.
    pub(super) fn leg(&self, number: u32, which: &str) -> Option<&str> {
        let name = format!("replant-{number}-{which}");
        self.legs.iter().find(|(leg, _)| *leg == name).map(|(_, state)| state.as_str())
    }

    /// Nothing of an array is there.
    pub(super) fn bare(&self) -> bool {
        self.array.is_none() && self.held.is_empty()
    }

    /// The volume lies on what LVM gave it: linear or striped, and on nothing of md's that is ours.
    pub(super) fn plain(&self, ours: &str) -> bool {
        let kind = |table: &String| table.split_whitespace().nth(2).unwrap_or_default().to_string();
        !self.tables.is_empty()
            && self.tables.iter().all(|table| matches!(kind(table).as_str(), "linear" | "striped") && table != ours)
    }
}

/// All that copies are judged by, in one look.
pub(super) struct State {
    /// in the order of the question
    pub volumes: Vec<Lies>,
    pub log: String,
    pub ages: Ages,
}

impl State {
    pub(super) fn read(on: &dyn Look, side: Side, copies: &[Asked]) -> Result<State, HostError> {
        let mut argv: Vec<String> = ["sh", "-c", STATE, "sh"].map(str::to_string).to_vec();
        for copy in copies {
            argv.extend([copy.volume.clone(), copy.number.to_string(), copy.leg.to_string()]);
        }
        let since: Vec<&str> = copies.iter().map(|copy| copy.since).collect();
        let queries = [Query::Run(argv), Query::run(["dmesg"]), ages_query(&since)];
        let answers = on.look(side, &queries)?;
        let unclear = |cause: String| HostError::Unclear { side, command: "how volumes lie".into(), cause };
        let [state, log, ages] = answers.as_slice() else {
            return Err(unclear(format!("{} answers to {} questions", answers.len(), queries.len())));
        };
        let volumes = parse(&state.stdout);
        if volumes.len() != copies.len() {
            return Err(unclear(format!("{} volumes of {}: {}", volumes.len(), copies.len(), state.stderr.trim())));
        }
        Ok(State { volumes, log: log.stdout.clone(), ages: Ages::parse(&ages.stdout) })
    }
}

fn parse(text: &str) -> Vec<Lies> {
    let mut all: Vec<Lies> = Vec::new();
    for line in text.lines() {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        if what == "volume" {
            all.push(Lies::default());
        }
        let Some(one) = all.last_mut() else { continue };
        match what {
            "table" => one.tables.push(rest.trim().to_string()),
            "array" => one.array = array(rest),
            "leg" => one.legs.extend(rest.split_once(' ').map(|(leg, state)| (leg.to_string(), state.to_string()))),
            "held" => one.held.push(rest.to_string()),
            "lun" => one.lun = Some(rest.to_string()),
            _ => {}
        }
    }
    all
}

/// `1 recover 12345 / 99999`, `0 idle none`
fn array(words: &str) -> Option<Array> {
    let mut words = words.split_whitespace();
    let degraded = words.next()?.parse().ok()?;
    let action = words.next()?.to_string();
    let done = match (words.next(), words.next(), words.next()) {
        (Some(done), Some("/"), Some(all)) => done.parse().ok().zip(all.parse().ok()),
        _ => None,
    };
    Some(Array { degraded, action, done })
}
