//! `canary …`: spin's `cmd/canary`.

use std::path::PathBuf;

use clap::{ArgAction, Subcommand};

use super::Extra;
use crate::{Global, global::go_bool};

/// `canary …`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_override_self = true, disable_help_subcommand = true)]
pub struct CanaryArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: CanaryCommand,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// What can be done with canary analysis.
#[derive(Clone, Debug, Subcommand)]
pub enum CanaryCommand {
    /// Canary configurations
    #[command(alias = "canary-configs", alias = "cc", disable_help_subcommand = true)]
    CanaryConfig {
        /// What to do.
        #[command(subcommand)]
        command: CanaryConfigCommand,
    },
    /// A verdict on metrics of files, without a server
    Judge(Box<CanaryJudgeArgs>),
    /// What came of an analysis, as a table
    Report(CanaryReportArgs),
    /// A verdict about the past, from the server's metrics
    Retro(Box<RetroArgs>),
    /// How often a configuration fails a canary that is no different, and the smallest change that it sees
    Calibrate(Box<CalibrateArgs>),
}

/// `canary report`: ours.
#[derive(Clone, Debug, clap::Args)]
pub struct CanaryReportArgs {
    /// Id of an execution or an analysis, or a file with the result of one; - is the standard input
    #[arg(value_name = "ID|FILE")]
    pub what: String,
    /// Tables for a page or a comment
    #[arg(long)]
    pub markdown: bool,
    /// Account of the storage where the result lies [default: the first]
    #[arg(long, value_name = "NAME")]
    pub storage_account: Option<String>,
    /// End with 3 unless the last analysis passed
    #[arg(long)]
    pub exit_code: bool,
}

/// `canary judge`: ours.
#[derive(Clone, Debug, clap::Args)]
pub struct CanaryJudgeArgs {
    /// The canary configuration; takes the place of the general flag, which has no meaning here
    #[arg(long, value_name = "FILE", required_unless_present = "batch")]
    pub config: Option<PathBuf>,
    /// The pairs of series, a metricSetPairList; - is the standard input
    #[arg(long, value_name = "FILE", required_unless_present = "batch")]
    pub metrics: Option<String>,
    /// What a score means.
    #[command(flatten)]
    pub thresholds: ThresholdArgs,
    /// The judge [default: the one that the configuration names]
    #[arg(long, value_name = "NAME")]
    pub judge: Option<String>,
    /// End with 3 unless the canary passed
    #[arg(long)]
    pub exit_code: bool,
    /// Read one {"canaryConfig", "scoreThresholds", "metricSetPairList"} per line, print one verdict or {"error"} for each
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-",
        conflicts_with_all = ["config", "metrics", "pass_score", "marginal_score", "exit_code"])]
    pub batch: Option<String>,
}

/// From which scores on a canary is good.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ThresholdArgs {
    /// Score from which on the canary passes
    #[arg(
        long = "pass",
        value_name = "SCORE",
        default_value_t = 95.0,
        allow_negative_numbers = true
    )]
    pub pass_score: f64,
    /// Score from which on the canary is marginal
    #[arg(
        long = "marginal",
        value_name = "SCORE",
        default_value_t = 75.0,
        allow_negative_numbers = true
    )]
    pub marginal_score: f64,
}

/// `canary calibrate`: ours. The metrics of one population come from a file, from an analysis that the server has kept, or are
/// fetched by the server.
#[derive(Clone, Debug, clap::Args)]
pub struct CalibrateArgs {
    /// The canary configuration; - is the standard input
    #[arg(short = 'f', long, value_name = "FILE")]
    pub file: String,
    /// A metricSetPairList whose controls are the population; no server is asked
    #[arg(long, value_name = "FILE", conflicts_with_all = ["analysis", "scope"])]
    pub metrics: Option<String>,
    /// A canary execution at the server, whose controls are the population
    #[arg(long, value_name = "ID", conflicts_with = "scope", required_unless_present_any = ["metrics", "scope"])]
    pub analysis: Option<String>,
    /// The population that the server fetches
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true, requires_all = ["start", "end"])]
    pub scope: String,
    /// Its location
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub location: String,
    /// Start of its past, in ISO Instant format
    #[arg(
        long,
        value_name = "INSTANT",
        default_value = "",
        hide_default_value = true
    )]
    pub start: String,
    /// End of its past
    #[arg(
        long,
        value_name = "INSTANT",
        default_value = "",
        hide_default_value = true
    )]
    pub end: String,
    /// Seconds between two points
    #[arg(long, default_value_t = 60)]
    pub step: i64,
    /// Extended scope parameters: key=val,key1=val1
    #[arg(long, value_name = "KEY=VAL")]
    pub extended_scope_params: Vec<String>,
    /// Account of the metrics
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub metrics_account: String,
    /// Account of the results
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub storage_account: String,
    /// Points of a window: as many as a canary of yours has
    #[arg(long, value_name = "POINTS", default_value_t = 60)]
    pub window: usize,
    /// What a score means.
    #[command(flatten)]
    pub thresholds: ThresholdArgs,
    /// The judge [default: the one that the configuration names]
    #[arg(long, value_name = "NAME")]
    pub judge: Option<String>,
}

/// What can be done with canary configurations.
#[derive(Clone, Debug, Subcommand)]
pub enum CanaryConfigCommand {
    /// List the canary configs
    #[command(alias = "ls")]
    List {
        /// application to list
        #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
        application: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Get the canary config with the provided id
    Get {
        /// Id of the configuration; without it the standard input
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// id of the canary config
        #[arg(long, default_value = "", hide_default_value = true)]
        id: String,
    },
    /// Save the provided canary config
    Save {
        /// path to the canary config file
        #[arg(short = 'f', long, default_value = "", hide_default_value = true)]
        file: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Delete the provided canary config
    #[command(alias = "del")]
    Delete {
        /// Id of the configuration; without it the standard input
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Retro the provided canary config
    Retro(Box<RetroArgs>),
}

/// `canary canary-config retro`, and `canary retro`, which waits as long as it takes and prints a report.
#[derive(Clone, Debug, clap::Args)]
pub struct RetroArgs {
    /// path to the canary config file
    #[arg(short = 'f', long, default_value = "", hide_default_value = true)]
    pub file: String,
    /// Control server group name (required)
    #[arg(long, default_value = "", hide_default_value = true)]
    pub control_group: String,
    /// Control server group location (required)
    #[arg(long, default_value = "", hide_default_value = true)]
    pub control_location: String,
    /// Experiment server group name (required)
    #[arg(long, default_value = "", hide_default_value = true)]
    pub experiment_group: String,
    /// Experiment server group location (required)
    #[arg(long, default_value = "", hide_default_value = true)]
    pub experiment_location: String,
    /// Start of canary window, in ISO Instant format (required)
    #[arg(long, default_value = "", hide_default_value = true)]
    pub start: String,
    /// End of canary window, in ISO Instant format (required)
    #[arg(long, default_value = "", hide_default_value = true)]
    pub end: String,
    /// Canary sampling step size in seconds
    #[arg(long, default_value_t = 10, allow_negative_numbers = true)]
    pub step: i64,
    /// Canary marginal score threshold
    #[arg(long, default_value_t = 75, allow_negative_numbers = true)]
    pub marginal_score: i64,
    /// Canary pass score threshold
    #[arg(long, default_value_t = 95, allow_negative_numbers = true)]
    pub pass_score: i64,
    /// Extended scope params for retrospective. Format: key=val,key1=val1
    #[arg(long, value_name = "KEY=VAL")]
    pub extended_scope_params: Vec<String>,
    /// Metrics account to use in the retrospective
    #[arg(long, default_value = "", hide_default_value = true)]
    pub metrics_account: String,
    /// Storage account to use in the retrospective
    #[arg(long, default_value = "", hide_default_value = true)]
    pub storage_account: String,
    /// Whether to print the full canary result
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, value_parser = go_bool)]
    pub full_result: bool,
    /// Ignored.
    #[command(flatten)]
    pub extra: Extra,
}
