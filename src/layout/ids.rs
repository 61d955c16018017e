//! Identifiers for everything that will be made.

use uuid::Uuid;

/// Identifiers that are the same each time the same plan is made for the same servers, and never the same for others.
pub(crate) struct Ids(Uuid);

impl Ids {
    /// Of whatever makes a migration this one.
    pub(super) fn of(seed: &str) -> Ids {
        Ids(Uuid::new_v5(&Uuid::NAMESPACE_URL, seed.as_bytes()))
    }

    pub(super) fn uuid(&self, what: &str) -> Uuid {
        Uuid::new_v5(&self.0, what.as_bytes())
    }

    /// md's form: `11111111:22222222:33333333:44444401`
    pub(super) fn md(&self, what: &str) -> String {
        let hex = self.uuid(what).simple().to_string();
        format!("{}:{}:{}:{}", &hex[..8], &hex[8..16], &hex[16..24], &hex[24..])
    }

    /// LVM's form: groups of 6-4-4-4-4-4-6 letters and digits
    pub(super) fn lvm(&self, what: &str) -> String {
        let hex = self.uuid(what).simple().to_string();
        let cuts = [0, 6, 10, 14, 18, 22, 26, 32];
        cuts.windows(2).map(|cut| &hex[cut[0]..cut[1]]).collect::<Vec<_>>().join("-")
    }
}
