//! `project …`: spin's `cmd/project`.

use clap::Subcommand;

use super::Extra;
use crate::Global;

/// `project …`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_override_self = true, disable_help_subcommand = true)]
pub struct ProjectArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ProjectCommand,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// What can be done with projects.
#[derive(Clone, Debug, Subcommand)]
pub enum ProjectCommand {
    /// List the all projects
    #[command(alias = "ls")]
    List {
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Get the config for the specified project
    Get {
        /// Name or id of the project; without it the standard input
        #[arg(value_name = "PROJECT")]
        names: Vec<String>,
    },
    /// Get the pipelines for the specified project
    GetPipelines {
        /// Name or id of the project; without it the standard input
        #[arg(value_name = "PROJECT")]
        names: Vec<String>,
    },
    /// Save the provided project
    Save {
        /// path to the project file
        #[arg(short = 'f', long, default_value = "", hide_default_value = true)]
        file: String,
        /// name of the project
        #[arg(short = 'n', long, default_value = "", hide_default_value = true)]
        name: String,
        /// email of the project owner
        #[arg(short = 'e', long, default_value = "", hide_default_value = true)]
        email: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Delete the provided project
    Delete {
        /// name of the project
        #[arg(short = 'n', long, default_value = "", hide_default_value = true)]
        name: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
}
