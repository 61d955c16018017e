//! Values with a notation of their own: sizes, growth, durations, secrets.
//!
//! Sizes are exact bytes: a plan says what will be on the disk, so there is no `50%` and no `1G` that could be either.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// Why a value cannot be read, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, without the value itself.
    pub message: String,
    /// What to write.
    pub help: Option<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault { message: message.into(), help: Some(help.into()) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}

/// A number of bytes, written `512MiB`, `2TB` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// The size of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So many bytes.
    Bytes(u64),
    /// What the other partitions leave.
    Rest,
}

/// What a volume grows to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grow {
    /// Everything that is free in its group.
    Rest,
    /// So many bytes more.
    By(u64),
    /// So many bytes in all.
    To(u64),
}

/// A length of time in whole seconds, written `90s`, `5min`, `2h`, `1h30min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

/// A length of time after which something happens, or `off`: it never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// After so long.
    After(Duration),
    /// Never.
    Off,
}

/// Where a secret is; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// Made by replant for this migration, and kept in its directory.
    Generated,
    /// In this environment variable.
    Env(String),
    /// In this file, without its last newline.
    File(PathBuf),
}

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

const SIZES: &str = "a size is a whole number and a unit: `512MiB`, `20GiB`, `2TB`";

impl FromStr for Bytes {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Bytes, Fault> {
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        if let (false, Some((_, factor))) = (number.is_empty(), UNITS.iter().find(|(name, _)| *name == unit)) {
            let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor));
            return bytes.map(Bytes).ok_or_else(|| Fault::new("is more than 16 EiB", SIZES));
        }
        Err(why_not_a_size(text, number, unit))
    }
}

/// The slips that people make, each with what they meant.
fn why_not_a_size(text: &str, number: &str, unit: &str) -> Fault {
    let meant = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()));
    if number.is_empty() {
        return Fault::new("is not a size", SIZES);
    }
    if unit.is_empty() {
        return Fault::new("has no unit", format!("did you mean `{number}MiB`?"));
    }
    if unit == "%" {
        return Fault::new("is a share, and sizes are exact", format!("{SIZES}; or `rest` for all that is left"));
    }
    if let Some((meant, _)) = meant {
        let what =
            if unit.trim() == unit { format!("has no unit `{unit}`") } else { "has a space before its unit".into() };
        return Fault::new(what, format!("did you mean `{number}{meant}`?"));
    }
    if let letter @ ("k" | "K" | "m" | "M" | "g" | "G" | "t" | "T") = unit.trim() {
        let letter = letter.to_ascii_uppercase();
        let decimal = if letter == "K" { "k" } else { &letter };
        let help = format!("write `{number}{letter}iB` (binary) or `{number}{decimal}B` (decimal)");
        return Fault::new("could be binary or decimal", help);
    }
    if let Some((whole, unit)) = exact_fraction(text) {
        return Fault::new("is not a whole number", format!("write `{whole}{unit}`"));
    }
    Fault::new("is not a size", SIZES)
}

/// `1.5GiB` as `1536MiB`.
fn exact_fraction(text: &str) -> Option<(u64, &'static str)> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let number: f64 = number.parse().ok()?;
    let (smaller, factor) = match unit.trim() {
        "TiB" => ("GiB", 1024.0),
        "GiB" => ("MiB", 1024.0),
        "MiB" => ("KiB", 1024.0),
        "TB" => ("GB", 1000.0),
        "GB" => ("MB", 1000.0),
        "MB" => ("kB", 1000.0),
        _ => return None,
    };
    let whole = (number * factor).round();
    (1.0..1e15).contains(&whole).then_some((whole as u64, smaller))
}

/// The largest unit that divides exactly, so that what was written is what is printed.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |factor: u64| self.0 != 0 && self.0.is_multiple_of(factor);
        let (unit, factor) = UNITS.iter().find(|(_, factor)| whole(*factor)).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl FromStr for Size {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Size, Fault> {
        match text {
            "rest" => Ok(Size::Rest),
            "100%" | "all" | "Rest" | "REST" | "max" | "*" => {
                Err(Fault::new("is not a size", "for all that is left, write `rest`"))
            }
            _ => text.parse().map(|Bytes(bytes)| Size::Bytes(bytes)),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Bytes(bytes) => Bytes(*bytes).fmt(f),
            Size::Rest => f.write_str("rest"),
        }
    }
}

impl FromStr for Grow {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Grow, Fault> {
        match text.strip_prefix('+') {
            Some(more) => more.parse().map(|Bytes(bytes)| Grow::By(bytes)),
            None if text.starts_with('-') => {
                Err(Fault::new("would shrink the volume", "a volume can only grow: `+10GiB`, `20GiB`, `rest`"))
            }
            None => text.parse().map(|size| match size {
                Size::Bytes(bytes) => Grow::To(bytes),
                Size::Rest => Grow::Rest,
            }),
        }
    }
}

impl fmt::Display for Grow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grow::Rest => f.write_str("rest"),
            Grow::By(bytes) => write!(f, "+{}", Bytes(*bytes)),
            Grow::To(bytes) => Bytes(*bytes).fmt(f),
        }
    }
}

const TIMES: [(&str, u64); 4] = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)];
const DURATIONS: &str = "a duration is whole numbers with units: `90s`, `5min`, `2h`, `1h30min`";

impl Duration {
    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Duration {
        Duration(seconds)
    }

    /// In seconds.
    pub const fn as_secs(self) -> u64 {
        self.0
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> std::time::Duration {
        std::time::Duration::from_secs(duration.0)
    }
}

impl FromStr for Duration {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Duration, Fault> {
        let (mut rest, mut total, mut smallest) = (text, 0u64, u64::MAX);
        while !rest.is_empty() {
            let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
            let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
            let known = TIMES.iter().find(|(name, _)| *name == unit);
            let (false, Some((_, factor))) = (number.is_empty(), known) else {
                return Err(why_not_a_duration(text, number, unit));
            };
            if *factor >= smallest {
                return Err(Fault::new("has its units out of order", DURATIONS));
            }
            let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor));
            total =
                part.and_then(|part| total.checked_add(part)).ok_or_else(|| Fault::new("is too long", DURATIONS))?;
            (smallest, rest) = (*factor, after);
        }
        if text.is_empty() { Err(Fault::new("is not a duration", DURATIONS)) } else { Ok(Duration(total)) }
    }
}

impl Limit {
    /// How long; `None`: for ever.
    pub fn seconds(self) -> Option<u64> {
        match self {
            Limit::After(time) => Some(time.as_secs()),
            Limit::Off => None,
        }
    }
}

impl FromStr for Limit {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Limit, Fault> {
        match text {
            "off" => Ok(Limit::Off),
            "no" | "none" | "never" | "false" | "Off" | "OFF" => {
                Err(Fault::new("is not a duration", "for never, write `off`"))
            }
            _ => text.parse().map(Limit::After),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::After(time) => time.fmt(f),
            Limit::Off => f.write_str("off"),
        }
    }
}

fn why_not_a_duration(text: &str, number: &str, unit: &str) -> Fault {
    let joined: String = text.split_whitespace().collect();
    if joined != text && joined.parse::<Duration>().is_ok() {
        let what =
            if number == text.trim_end_matches(unit) { "has a space before its unit" } else { "has a space in it" };
        return Fault::new(what, format!("did you mean `{joined}`?"));
    }
    let meant = match unit.trim().to_ascii_lowercase().as_str() {
        "" if !number.is_empty() && number == text => {
            return Fault::new("has no unit", format!("write `{number}s` or `{number}min`"));
        }
        "m" | "min" | "mins" | "minute" | "minutes" => "min",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return Fault::new("is not a duration", DURATIONS),
    };
    if number.is_empty() {
        return Fault::new("is not a duration", DURATIONS);
    }
    Fault::new(format!("has no unit `{}`", unit.trim()), format!("did you mean `{number}{meant}`?"))
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, factor) in TIMES {
            if rest >= factor {
                write!(f, "{}{unit}", rest / factor)?;
                rest %= factor;
            }
        }
        Ok(())
    }
}

/// These are strings in YAML, JSON and the schema; `format` names the entry of `words.rs` that explains them.
macro_rules! written_as_text {
    ($($type:ident $format:literal $description:literal;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(|fault| de::Error::custom(format_args!("`{text}` {fault}")))
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": $description, "type": "string", "format": $format })
            }
        }
    )*};
}

written_as_text! {
    Bytes "bytes" "A number of bytes: `512MiB`, `2TB`.";
    Size "size" "The size of a partition: `512MiB`, `2TB`, or `rest`.";
    Grow "grow" "What a volume grows to: `rest`, `+10GiB` more, or `20GiB` in all.";
    Duration "duration" "A length of time: `90s`, `5min`, `2h`, `1h30min`.";
    Limit "limit" "A length of time, `5min`, or `off`.";
}
