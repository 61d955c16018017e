//! What a person can say beforehand.

use crate::plan;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Prompts {
    /// Answer yes to every question. Does not override inhibitors, nor accept changes that nobody has reviewed
    #[arg(long)]
    pub(super) yes: bool,
    /// Never ask: fail where an answer would be needed
    #[arg(long)]
    pub(super) no_input: bool,
    /// Host key of new's rescue system after it was booted again: `ssh-ed25519 AAAA...`
    #[arg(long, value_name = "KEY")]
    pub(super) new_host_key: Option<HostKey>,
}

/// As `ssh-keyscan` prints it behind the name.
#[derive(Debug, Clone)]
pub(super) struct HostKey(pub(super) String);

impl std::str::FromStr for HostKey {
    type Err = String;

    fn from_str(text: &str) -> Result<HostKey, String> {
        plan::host_key(text.trim()).map_err(|fault| fault.to_string())?;
        // what follows is a comment
        Ok(HostKey(text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")))
    }
}
