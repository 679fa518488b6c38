//! Flags that every client verb takes: where the server is, how to speak to it, and what the output looks like.
//!
//! They are spin's persistent flags (`cmd/root.go`) plus those for certificates, named as kubectl's, and `--plain`. Boolean flags may carry a value
//! (`--insecure=false`), as the Go flag package that scripts were written for has it.

use std::path::PathBuf;

use clap::ArgAction;

/// Flags that every client verb takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Connection and output", args_override_self = true)]
pub struct Global {
    /// Address of the server [default: $GENNAKER_URL, gate.endpoint of ~/.spin/config, http://localhost:8084]
    #[arg(
        long,
        visible_alias = "gate-endpoint",
        value_name = "URL",
        global = true
    )]
    pub server: Option<String>,

    /// Path of the spin configuration [default: ~/.spin/config]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Accept any certificate of the server
    #[arg(short = 'k', long, global = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value = "false", hide_default_value = true,
        value_parser = go_bool, value_name = "BOOL")]
    pub insecure: bool,

    /// Authorities to trust besides the machine's, PEM; SSL_CERT_FILE names others instead of the machine's
    #[arg(long, value_name = "FILE", global = true)]
    pub certificate_authority: Option<PathBuf>,

    /// Certificate to show to the server, PEM [default: auth.x509 of the configuration]
    #[arg(long, value_name = "FILE", global = true, requires = "client_key")]
    pub client_certificate: Option<PathBuf>,

    /// Private key of the certificate to show, PEM
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        requires = "client_certificate"
    )]
    pub client_key: Option<PathBuf>,

    /// Do not follow redirects
    #[arg(long, global = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value = "false", hide_default_value = true, value_parser = go_bool,
        value_name = "BOOL")]
    pub ignore_redirects: bool,

    /// Headers for every request: key1=value1,key2=value2
    #[arg(long, value_name = "LIST", global = true)]
    pub default_headers: Option<String>,

    /// Longest wait for a task, in seconds [default: gate.retryTimeout of the configuration, or 60]
    #[arg(long, value_name = "SECONDS", global = true)]
    pub retry_timeout: Option<u64>,

    /// Print only what is essential
    #[arg(short = 'q', long, global = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value = "false", hide_default_value = true, value_parser = go_bool,
        value_name = "BOOL")]
    pub quiet: bool,

    /// No colours
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = go_bool, value_name = "BOOL")]
    pub no_color: Option<bool>,

    /// Output format: json, yaml, jsonpath=EXPRESSION; the verbs of gennaker also know jsonl and name
    #[arg(short = 'o', long, value_name = "FORMAT", global = true)]
    pub output: Option<String>,

    /// Lines instead of a live view, no colours
    #[arg(long, global = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value = "false", hide_default_value = true, value_parser = go_bool,
        value_name = "BOOL")]
    pub plain: bool,
}

/// A boolean as Go's `strconv.ParseBool` reads it.
pub(crate) fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("neither true nor false".to_owned()),
    }
}
