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
pub(super) const MANY_PLACES: &str = "R0124";

/// What each says, in a few words.
pub const DIAGNOSTICS: &[(&str, &str)] = &[
    (UNREADABLE, "the file cannot be read, or is empty"),
    (SYNTAX, "it is not YAML as plans use it"),
    (UNKNOWN_FIELD, "a field that plans do not have"),
    (MISSING_FIELD, "a field that is needed is not there"),
    (DUPLICATE_KEY, "a field is given twice"),
    (WRONG_TYPE, "a value of another kind than is wanted"),
    (UNKNOWN_CHOICE, "a word that is not among the choices"),
    (MALFORMED, "a value that does not have the form it should have"),
    (OUT_OF_RANGE, "a number or a list that is too small or too large"),
    (TOO_LARGE, "the file is larger or deeper than a plan can be"),
    (LITERAL_SECRET, "a secret stands in the plan itself"),
    (VERSION, "a version of plans that is not known"),
    (DECLARED_TWICE, "a name is declared or listed twice"),
    (NO_IDENTITY, "a disk with neither serial number nor WWN"),
    (SAME_DISK, "two disks with the same identity"),
    (SAME_ADDRESS, "an address that cannot be right: the same for old and new, or no server's"),
    (UNKNOWN_DISK, "a disk that is not declared"),
    (UNKNOWN_ARRAY, "an array that is not declared"),
    (UNKNOWN_PARTITION, "a partition that is not declared"),
    (PARTITION_TAKEN, "a partition in two arrays"),
    (ARRAY_TAKEN, "an array that is used twice"),
    (TOO_FEW_MEMBERS, "an array with fewer members than its level needs"),
    (MEMBERS_ADVICE, "an array without redundancy, or with an unusual number of members"),
    (REST_NOT_LAST, "`rest` is given twice, or is not the last"),
    (SIZE, "a partition that is too small, or of an unlikely size"),
    (TABLE_LIMIT, "more than a DOS partition table can hold"),
    (BOOT_LEVEL, "an array that GRUB cannot boot from"),
    (GROW, "growth that cannot be: of what is not copied, or `rest` twice"),
    (EMPTY_COMMAND, "a power command that is empty, or one word where words are wanted"),
    (SECRET_KIND, "a secret that cannot be had like this"),
    (REASON, "a waiver without a reason"),
    (NOTHING_COPIED, "nothing would be copied"),
    (UNUSED, "something is made and not used"),
    (SUDO, "sudo where it is not needed, or none where it probably is"),
    (TRANSFER, "a setting of the transfer or the cutover that is out of range"),
    (MANY_PLACES, "data is to go to a partition that several disks have"),
];
