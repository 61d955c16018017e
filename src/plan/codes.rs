//! The codes of what `validate` says: R00xx the file and its shape, R01xx the plan's own rules.

pub(super) const UNREADABLE: &str = "R0001";
pub(super) const SYNTAX: &str = "R0002";
pub(super) const UNKNOWN_FIELD: &str = "R0003";
pub(super) const MISSING_FIELD: &str = "R0004";
pub(super) const DUPLICATE_KEY: &str = "R0005";
pub(super) const WRONG_TYPE: &str = "R0006";
pub(super) const UNKNOWN_CHOICE: &str = "R0007";
pub(super) const MALFORMED: &str = "R0008";
pub(super) const OUT_OF_RANGE: &str = "R0009";
pub(super) const TOO_LARGE: &str = "R0010";
pub(super) const LITERAL_SECRET: &str = "R0011";
pub(super) const VERSION: &str = "R0012";

pub(super) const DECLARED_TWICE: &str = "R0101";
pub(super) const NO_IDENTITY: &str = "R0102";
pub(super) const SAME_DISK: &str = "R0103";
pub(super) const SAME_ADDRESS: &str = "R0104";
pub(super) const UNKNOWN_DISK: &str = "R0105";
pub(super) const UNKNOWN_ARRAY: &str = "R0106";
pub(super) const UNKNOWN_PARTITION: &str = "R0107";
pub(super) const PARTITION_TAKEN: &str = "R0108";
pub(super) const ARRAY_TAKEN: &str = "R0109";
pub(super) const TOO_FEW_MEMBERS: &str = "R0110";
pub(super) const MEMBERS_ADVICE: &str = "R0111";
pub(super) const REST_NOT_LAST: &str = "R0112";
pub(super) const SIZE: &str = "R0113";
pub(super) const TABLE_LIMIT: &str = "R0114";
pub(super) const BOOT_LEVEL: &str = "R0115";
pub(super) const GROW: &str = "R0116";
pub(super) const EMPTY_COMMAND: &str = "R0117";
pub(super) const SECRET_KIND: &str = "R0118";
pub(super) const REASON: &str = "R0119";
pub(super) const NOTHING_COPIED: &str = "R0120";
pub(super) const UNUSED: &str = "R0121";
pub(super) const SUDO: &str = "R0122";
pub(super) const TRANSFER: &str = "R0123";
