use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side, Text};
use crate::step::{Compared, Mark, Seen, Step, Touched, Undo, signatures};
use crate::units::Sectors;

/// A partition table on an empty disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionTable {
    /// `/dev/disk/by-id/…`
    pub disk: String,
    /// for people: name in the plan, serial
    pub label: String,
    /// `gpt` or `dos`
    pub kind: String,
    /// GPT: a UUID; DOS: `0x12345678`
    pub id: String,
    /// in the order of their numbers
    pub partitions: Vec<Partition>,
}

/// One partition of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// of a GPT's entry; a DOS table keeps none
    pub name: String,
    /// from 1, as the kernel counts them: sfdisk(8)
    pub number: u32,
    /// in logical sectors of the disk
    #[schemars(with = "u64")]
    pub start: Sectors,
    /// in logical sectors of the disk
    #[schemars(with = "u64")]
    pub size: Sectors,
    /// GPT: a type GUID; DOS: `fd`
    pub kind: String,
    /// GPT only
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// DOS only: the active partition
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bootable: bool,
}

impl PartitionTable {
    /// The input of sfdisk(8).
    pub fn script(&self) -> String {
        let mut script = format!("label: {}\nlabel-id: {}\nunit: sectors\n\n", self.kind, self.id);
        for part in &self.partitions {
            script += &format!("{} : start={}, size={}, type={}", part.number, part.start.0, part.size.0, part.kind);
            if let Some(uuid) = &part.uuid {
                script += &format!(", uuid={uuid}, name=\"{}\"", part.name);
            }
            if part.bootable {
                script += ", bootable";
            }
            script.push('\n');
        }
        script
    }

    /// What the table on the disk says, against ours: `None` where they agree.
    fn differs(&self, json: &str) -> Result<Option<String>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Dump {
            partitiontable: Table,
        }
        #[derive(Deserialize)]
        struct Table {
            id: Option<String>,
            #[serde(default)]
            partitions: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            start: Sectors,
            size: Sectors,
            #[serde(rename = "type")]
            kind: String,
        }
        let table = serde_json::from_str::<Dump>(json)?.partitiontable;
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        if !same(table.id.as_deref().unwrap_or_default(), &self.id) {
            return Ok(Some(format!("it has a partition table with id {}", table.id.as_deref().unwrap_or("none"))));
        }
        // sfdisk lists by number; ours may be written in another order
        let mut ours: Vec<_> = self.partitions.iter().collect();
        ours.sort_by_key(|part| part.number);
        let agree = ours.len() == table.partitions.len()
            && ours.iter().zip(&table.partitions).all(|(our, found)| {
                our.start == found.start && our.size == found.size && same(&our.kind, &found.kind)
            });
        Ok(if agree { None } else { Some("its partition table has our id but other partitions".into()) })
    }
}

impl Step for PartitionTable {
    fn title(&self) -> String {
        let parts: Vec<&str> = self.partitions.iter().map(|part| part.name.as_str()).collect();
        format!("partition disk {} ({}: {})", self.label, self.kind, parts.join(", "))
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let signatures = signatures(on, side, &self.disk)?;
        if signatures.is_empty() {
            return Ok(Seen::Absent);
        }
        let dump = on.ask(side, Query::run(["sfdisk", "--json", &self.disk]))?;
        if !dump.success() {
            return Ok(Seen::Foreign(format!("disk {} holds {}", self.label, signatures.join(", "))));
        }
        match self.differs(&dump.stdout) {
            Ok(None) => Ok(Seen::Present),
            Ok(Some(what)) => Ok(Seen::Foreign(format!("disk {}: {what}", self.label))),
            Err(error) => Err(HostError::Unclear { side, command: "sfdisk --json".into(), cause: error.to_string() }),
        }
    }

    fn apply(&self) -> Vec<Act> {
        vec![
            Act::feed(
                ["sfdisk", "--quiet", "--wipe", "always", "--wipe-partitions", "always", &self.disk],
                Text(self.script()),
            ),
            Act::run(["udevadm", "settle"]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![
            Act::run(["wipefs", "--all", "--quiet", &self.disk]),
            Act::run(["blockdev", "--rereadpt", &self.disk]),
            Act::run(["udevadm", "settle"]),
        ])
    }

    fn touches(&self, of: &Compared) -> Vec<Touched> {
        let on_it = ["partition", "array", "device"].map(Touched::any);
        of.disk(&self.disk).into_iter().chain(on_it).collect()
    }
}
