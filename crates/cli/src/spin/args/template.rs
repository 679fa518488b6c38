//! `pipeline-template …`: spin's `cmd/pipeline-template`.

use clap::Subcommand;

use super::Extra;
use crate::Global;

/// `pipeline-template …`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_override_self = true, disable_help_subcommand = true)]
pub struct TemplateArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TemplateCommand,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// What can be done with pipeline templates.
#[derive(Clone, Debug, Subcommand)]
pub enum TemplateCommand {
    /// List the pipeline templates for the provided scopes
    #[command(alias = "ls")]
    List {
        /// scope to reduce the list to; may be given again and again
        #[arg(long)]
        scopes: Vec<String>,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Get the pipeline template with the provided id
    Get {
        /// Id of the template; without it the standard input
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// id of the pipeline template
        #[arg(long, default_value = "", hide_default_value = true)]
        id: String,
        /// (optional) specific tag to query
        #[arg(long, default_value = "", hide_default_value = true)]
        tag: String,
    },
    /// Save the provided pipeline template
    Save {
        /// path to the pipeline template file
        #[arg(short = 'f', long, default_value = "", hide_default_value = true)]
        file: String,
        /// (optional) specific tag to tag pipeline template with
        #[arg(long, default_value = "", hide_default_value = true)]
        tag: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Delete the provided pipeline template
    #[command(alias = "del")]
    Delete {
        /// Id of the template; without it the standard input
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// (optional) specific tag to query
        #[arg(long, default_value = "", hide_default_value = true)]
        tag: String,
    },
    /// Plan the provided pipeline template config
    Plan {
        /// path to the pipeline template config file
        #[arg(short = 'f', long, default_value = "", hide_default_value = true)]
        file: String,
        /// Ignored.
        #[command(flatten)]
        extra: Extra,
    },
    /// Creates a pipeline configuration using a managed pipeline template
    Use(Box<UseArgs>),
}

/// `pipeline-template use`.
#[derive(Clone, Debug, clap::Args)]
pub struct UseArgs {
    /// Id of the template; without it the standard input
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// id of the pipeline template
    #[arg(long, default_value = "", hide_default_value = true)]
    pub id: String,
    /// application to get the new pipeline
    #[arg(short = 'a', long, default_value = "", hide_default_value = true)]
    pub application: String,
    /// name of the new pipeline
    #[arg(short = 'n', long, default_value = "", hide_default_value = true)]
    pub name: String,
    /// (optional) specific tag to query
    #[arg(short = 't', long, default_value = "", hide_default_value = true)]
    pub tag: String,
    /// (optional) description of the pipeline
    #[arg(short = 'd', long, default_value = "", hide_default_value = true)]
    pub description: String,
    /// (optional) template type
    #[arg(long = "type", default_value = "front50/pipelineTemplate")]
    pub template_type: String,
    /// (optional) artifact account
    #[arg(long, default_value = "front50ArtifactCredentials")]
    pub artifact_account: String,
    /// template variables/values required by the template. Format: key=val,key1=val1
    #[arg(long = "set", value_name = "KEY=VAL")]
    pub variables: Vec<String>,
    /// json/yaml files with template variables and values
    #[arg(long = "values", value_name = "FILES")]
    pub variables_files: Vec<String>,
}
