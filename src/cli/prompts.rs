//! What a person can say beforehand.

use crate::plan;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Prompts {
    /// Answer yes to every question. Findings that inhibit are not questions, nor is what others have changed meanwhile
    #[arg(long)]
    pub(super) yes: bool,
    /// Never ask: where a question is needed, fail and say so
    #[arg(long)]
    pub(super) no_input: bool,
    /// The host key that new's rescue system shows since it was booted again: `ssh-ed25519 AAAA...`
    #[arg(long, value_name = "KEY")]
    pub(super) new_host_key: Option<HostKey>,
}

/// As `ssh-keyscan` prints it behind the name.
#[derive(Debug, Clone)]
pub struct HostKey(pub(super) String);

impl std::str::FromStr for HostKey {
    type Err = String;

    fn from_str(text: &str) -> Result<HostKey, String> {
        plan::host_key(text.trim()).map_err(|fault| fault.to_string())?;
        // what follows is a comment
        Ok(HostKey(text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")))
    }
}
