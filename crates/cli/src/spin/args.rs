//! The command line of `spin`: commands, aliases and flags (the help texts are spin's).
//!
//! Most flags that a command needs are not required here: spin asks Gate for its version first and complains afterwards.

pub(crate) mod canary;
pub(crate) mod project;
pub(crate) mod template;

use clap::{ArgAction, Subcommand};

use crate::{Global, global::go_bool};
use canary::CanaryArgs;
use project::ProjectArgs;
use template::TemplateArgs;

/// `spin`: a command, and the flags that may stand before it.
#[derive(Clone, Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct SpinArgs {
    /// The command; help without one.
    #[command(subcommand)]
    pub command: Option<SpinCommand>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// spin's commands.
#[derive(Clone, Debug, Subcommand)]
pub enum SpinCommand {
    /// Applications
    #[command(alias = "applications", alias = "app")]
    Application(ApplicationArgs),
    /// Pipelines and their executions
    #[command(alias = "pipelines", alias = "pi")]
    Pipeline(PipelineArgs),
    /// Accounts
    #[command(alias = "acc")]
    Account(AccountArgs),
    /// Pipeline templates
    #[command(alias = "pipeline-templates", alias = "pt")]
    PipelineTemplate(TemplateArgs),
    /// Projects
    #[command(alias = "prj")]
    Project(ProjectArgs),
    /// Canary analysis
    Canary(CanaryArgs),
}

/// Arguments that a command does not have. Like every cobra program that says nothing about them, spin lets them pass.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Extra {
    #[arg(hide = true)]
    extra: Vec<String>,
}

/// `application …`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_override_self = true, disable_help_subcommand = true)]
pub struct ApplicationArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ApplicationCommand,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// What can be done with applications.
#[derive(Clone, Debug, Subcommand)]
pub enum ApplicationCommand {
    /// List the all applications
    #[command(alias = "ls")]
    List {
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Get the specified application
    Get {
        /// Name of the application; without it the standard input
        #[arg(value_name = "APPLICATION")]
        names: Vec<String>,
        /// expand app payload to include clusters
        #[arg(short = 'x', long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
            default_missing_value = "true", default_value = "false", hide_default_value = true, value_parser = go_bool)]
        expand: bool,
    },
    /// Save the provided application
    Save {
        /// path to the application file
        #[arg(short = 'f', long, default_value = "", hide_default_value = true)]
        file: String,
        /// name of the application
        #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
        application_name: String,
        /// email of the application owner
        #[arg(long, default_value = "", hide_default_value = true)]
        owner_email: String,
        /// cloud providers configured for this application
        #[arg(long)]
        cloud_providers: Vec<String>,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Delete the specified application
    #[command(alias = "del")]
    Delete {
        /// Name of the application; without it the standard input
        #[arg(value_name = "APPLICATION")]
        names: Vec<String>,
    },
    /// Executions of an application
    #[command(alias = "pipes", disable_help_subcommand = true)]
    Pipelines {
        /// What to do.
        #[command(subcommand)]
        command: ApplicationPipelinesCommand,
    },
}

/// What can be done with the executions of an application.
#[derive(Clone, Debug, Subcommand)]
pub enum ApplicationPipelinesCommand {
    /// Get the pipelines for the specified application
    Get {
        /// name of the application
        #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
        application_name: String,
        /// status pipeline to search for
        #[arg(short = 's', long, default_value = "", hide_default_value = true)]
        status: String,
        /// expand app payload to include clusters
        #[arg(short = 'x', long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
            default_missing_value = "true", default_value = "false", hide_default_value = true, value_parser = go_bool)]
        expand: bool,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Cancel the pipeline for the specified pipeline execution id
    Cancel {
        /// id of pipeline execution to cancel
        #[arg(short = 'i', long, default_value = "", hide_default_value = true)]
        id: String,
        /// reason for cancelling pipeline
        #[arg(short = 'r', long, default_value = "", hide_default_value = true)]
        reason: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Cancel all the pipelines for the specified application with the specified status
    CancelAll {
        /// name of the application
        #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
        application_name: String,
        /// status pipeline to search for
        #[arg(short = 's', long, default_value = "", hide_default_value = true)]
        status: String,
        /// reason for cancelling pipeline
        #[arg(short = 'r', long, default_value = "", hide_default_value = true)]
        reason: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
}

/// `pipeline …`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_override_self = true, disable_help_subcommand = true)]
pub struct PipelineArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PipelineCommand,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// What can be done with pipelines.
#[derive(Clone, Debug, Subcommand)]
pub enum PipelineCommand {
    /// List the pipelines for the provided application
    #[command(alias = "ls")]
    List {
        /// Spinnaker application to list pipelines from
        #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
        application: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Get the pipeline with the provided name from the provided application
    Get {
        /// Spinnaker application the pipeline belongs to
        #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
        application: String,
        /// name of the pipeline
        #[arg(short = 'n', long, default_value = "", hide_default_value = true)]
        name: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Save the provided pipeline
    Save {
        /// path to the pipeline file
        #[arg(short = 'f', long, default_value = "", hide_default_value = true)]
        file: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Update the provided pipeline
    Update {
        /// Spinnaker application the pipeline belongs to
        #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
        application: String,
        /// name of the pipeline
        #[arg(short = 'n', long, default_value = "", hide_default_value = true)]
        name: String,
        /// disable the pipeline, or enable it with =false
        #[arg(short = 'd', long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
            value_parser = go_bool, value_name = "BOOL")]
        disabled: Option<bool>,
        /// enable the pipeline, or disable it with =false
        #[arg(short = 'e', long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
            value_parser = go_bool, value_name = "BOOL")]
        enabled: Option<bool>,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Delete the provided pipeline
    #[command(alias = "del")]
    Delete {
        /// Spinnaker application the pipeline lives in
        #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
        application: String,
        /// name of the pipeline to delete
        #[arg(short = 'n', long, default_value = "", hide_default_value = true)]
        name: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Execute the provided pipeline
    #[command(alias = "exec")]
    Execute {
        /// Spinnaker application the pipeline lives in
        #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
        application: String,
        /// name of the pipeline to execute
        #[arg(short = 'n', long, default_value = "", hide_default_value = true)]
        name: String,
        /// file to load pipeline parameter values from
        #[arg(short = 'f', long, default_value = "", hide_default_value = true)]
        parameter_file: String,
        /// file to load pipeline artifacts from
        #[arg(short = 't', long, default_value = "", hide_default_value = true)]
        artifacts_file: String,
        /// parameter in the form of key=value. can be used repeatedly.
        #[arg(short = 'p', long = "parameter")]
        parameters: Vec<String>,
        /// print the pipeline as it would run, and start nothing (gennaker only)
        #[arg(long)]
        dry_run: bool,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Executions of a pipeline
    #[command(alias = "executions", alias = "ex", disable_help_subcommand = true)]
    Execution {
        /// What to do.
        #[command(subcommand)]
        command: ExecutionCommand,
    },
}

/// What can be done with executions.
#[derive(Clone, Debug, Subcommand)]
pub enum ExecutionCommand {
    /// List the executions for the provided pipeline id
    #[command(alias = "ls")]
    List {
        /// Spinnaker pipeline id to list executions for
        #[arg(short = 'i', long, default_value = "", hide_default_value = true)]
        pipeline_id: String,
        /// number of executions to return
        #[arg(short = 'l', long, default_value_t = -1, allow_negative_numbers = true, hide_default_value = true)]
        limit: i32,
        /// add filter for running executions
        #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true",
            default_value = "false", hide_default_value = true, value_parser = go_bool)]
        running: bool,
        /// add filter for succeeded executions
        #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true",
            default_value = "false", hide_default_value = true, value_parser = go_bool)]
        succeeded: bool,
        /// add filter for failed executions
        #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true",
            default_value = "false", hide_default_value = true, value_parser = go_bool)]
        failed: bool,
        /// add filter for canceled executions
        #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true",
            default_value = "false", hide_default_value = true, value_parser = go_bool)]
        canceled: bool,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Get the specified execution
    Get {
        /// Id of the execution; without it the standard input
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Cancel the executions for the provided execution id
    Cancel {
        /// Id of the execution; without it the standard input
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
}

/// `account …`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_override_self = true, disable_help_subcommand = true)]
pub struct AccountArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AccountCommand,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// What can be done with accounts.
#[derive(Clone, Debug, Subcommand)]
pub enum AccountCommand {
    /// List the all accounts
    #[command(alias = "ls")]
    List {
        /// all details of each account
        #[arg(short = 'x', long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
            default_missing_value = "true", default_value = "false", hide_default_value = true, value_parser = go_bool)]
        expand: bool,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Get the specified account details
    Get {
        /// Name of the account; without it the standard input
        #[arg(value_name = "ACCOUNT")]
        names: Vec<String>,
    },
    /// Show information about user who is making the API calls via spin
    #[command(alias = "user")]
    Whoami {
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
}
