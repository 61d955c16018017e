//! What would take new for another server at its first boot.

use crate::facts::Facts;

/// cloud-init runs on old at each boot.
pub(crate) fn runs_cloud_init(facts: &Facts) -> bool {
    let unit = |unit: &String| {
        unit.starts_with("cloud-init") || unit == "cloud-config.service" || unit == "cloud-final.service"
    };
    let cmdline = facts.old.files.get("/proc/cmdline").is_some_and(|line| line.contains("cloud-init=disabled"));
    facts.old.services.iter().any(unit) && !facts.old.present.contains(CLOUD_INIT_DISABLED) && !cmdline
}

/// cloud-init does nothing where this file is.
pub(crate) const CLOUD_INIT_DISABLED: &str = "/etc/cloud/cloud-init.disabled";
