//! The command line: our own verbs beside those of the client.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gennaker_cli::Verb;

/// Where the shells look.
const COMPLETIONS: &str = "\
For this shell only:    source <(gennaker completions bash)
For every bash:         gennaker completions bash > ~/.local/share/bash-completion/completions/gennaker
For every zsh:          gennaker completions zsh > a folder of $fpath, as _gennaker
For every fish:         gennaker completions fish > ~/.config/fish/completions/gennaker.fish";

/// Runs Spinnaker pipelines on NATS JetStream: every role of the server, and the command line
#[derive(Debug, Parser)]
#[command(
    name = "gennaker",
    version,
    about,
    after_help = "Try it: `gennaker dev --demo` starts everything and shows a pipeline that runs."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one in the life of a process"
)]
pub(crate) enum Command {
    /// Run everything on this machine, with a broker of its own
    Dev(DevArgs),
    /// Run roles of the server, in production
    Serve(ServeArgs),
    /// Take over the documents of another system
    Import(ImportArgs),
    /// Print or check what an operator configures
    Config(ConfigArgs),
    /// Print a script that completes this command line in a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Hold the broker of `gennaker dev`, for which it is started
    #[command(name = gennaker_broker::keeper::VERB, hide = true)]
    Keeper {
        /// What [`gennaker_broker::keeper::Job::arguments`] says.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    #[command(flatten)]
    Client(Verb),
}

/// Run everything on this machine, with a broker of its own
///
/// Starts a nats-server and all roles of Gennaker in one process. Everything is kept in the data folder: a later start goes on
/// with the executions that were running. The server is looked for at $GENNAKER_NATS_SERVER, in PATH, and where
/// `cargo xtask tools` puts it. Settings can be given as environment variables (`gennaker config example`), and
/// $GENNAKER_LOG says what is logged (`info`, `warn,gennaker_scheduler=debug`).
#[derive(Clone, Debug, Args)]
pub(crate) struct DevArgs {
    /// Folder for all data [default: $XDG_STATE_HOME/gennaker/dev, ~/.local/state/gennaker/dev; with --demo: …/gennaker/demo]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Address and port of the HTTP API; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8084", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// Make an account of each context in this kubeconfig, for stages of Kubernetes [default: $KUBECONFIG]
    ///
    /// The account has the context's name. With neither this nor the variable no cluster is touched.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Save an application and two pipelines, start them by a signed push and show them
    ///
    /// On a terminal a person judges, and the server goes on until Ctrl-C. Without one `prod` is chosen and the command ends
    /// with the pipelines. Builds and deployments are pretended; with --kubeconfig FILE it deploys to its first context, in a
    /// namespace of its own. $KUBECONFIG alone does not lead the demo to a cluster.
    #[arg(long)]
    pub(crate) demo: bool,
}

/// Run roles of the server, in production
///
/// Every role can run alone, several times, in any zone. All of them need the same broker.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServeArgs {
    /// Roles of this process, separated by commas
    #[arg(long, value_name = "ROLES", value_delimiter = ',', required = true)]
    pub(crate) roles: Vec<Role>,

    /// Pools whose tasks the role `worker` runs, separated by commas [default: worker.pools of the settings]
    #[arg(long, value_name = "POOLS", value_delimiter = ',')]
    pub(crate) pools: Vec<String>,

    /// Zone of this process [default: zone of the settings]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,

    /// Settings file; environment variables win over it (`gennaker config example` explains both)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Take over the documents of another system
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    pub(crate) source: ImportSource,
}

/// Which system.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ImportSource {
    /// Take over what Spinnaker's Front50 keeps in S3: applications, pipelines, strategies, projects, templates, …
    ///
    /// Every document is taken as it is, and each pipeline is told to be exact, adapted or unsupported, and why. Nothing is
    /// left out for it: what is not supported fails only when it is reached. A second import changes nothing; what was changed
    /// here since the first one stays.
    Spinnaker(SpinnakerArgs),
}

/// Where the documents are, and what is done with them.
#[derive(Clone, Debug, Args)]
#[command(group(clap::ArgGroup::new("from").required(true).args(["bucket", "dir"])))]
pub(crate) struct SpinnakerArgs {
    /// Bucket of Front50; it is only read
    #[arg(long, value_name = "BUCKET")]
    pub(crate) bucket: Option<String>,

    /// Folder with a copy of that bucket, or of its root folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Root folder in the bucket
    #[arg(long, value_name = "FOLDER", default_value = "front50")]
    pub(crate) prefix: String,

    /// Address of the S3 server [default: documents.s3.endpoint of the settings, else AWS]
    #[arg(long, value_name = "URL", requires = "bucket")]
    pub(crate) endpoint: Option<String>,

    /// Region of the bucket [default: documents.s3.region of the settings, else the environment's]
    #[arg(long, value_name = "REGION", requires = "bucket")]
    pub(crate) region: Option<String>,

    /// Say what would be done and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Settings file; it names the broker and the bucket to import into. A running `gennaker dev` has one, settings.toml
    /// in its data folder
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// A part of the server that can run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    /// Owns partitions and runs executions
    Scheduler,
    /// Runs tasks of pools
    Worker,
    /// Turns events into starts
    Triggers,
    /// The HTTP API
    Gate,
}

impl Role {
    /// All of them.
    pub(crate) const ALL: [Role; 4] = [Role::Scheduler, Role::Worker, Role::Triggers, Role::Gate];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Role::Scheduler => "scheduler",
            Role::Worker => "worker",
            Role::Triggers => "triggers",
            Role::Gate => "gate",
        }
    }
}

/// Print or check what an operator configures
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// Which configuration.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the JSON schema of the settings file
    Schema,
    /// Print a settings file with every setting, explained
    Example,
    /// Print what the HTTP API answers at each endpoint of Spinnaker's Gate, in Markdown
    Compatibility,
    /// Print the OpenAPI document of the HTTP API
    Openapi,
    /// Print the streams and consumers that the broker needs
    Streams {
        /// Settings file that says how many partitions and replicas [default: one of each]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print the broker's users with the rights of each role, for its configuration
    Users {
        /// Settings file that says how many partitions there are [default: six]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print the reference page of all stage types
    Stages,
    /// Check a settings file, with the environment variables that are set
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// An address to listen on; `localhost` is its IPv4 one, so that no resolver is asked.
fn address(text: &str) -> Result<SocketAddr, String> {
    let numbers = match text.rsplit_once(':') {
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        _ => text.to_owned(),
    };
    numbers
        .parse()
        .map_err(|_| "not an address and a port, such as 127.0.0.1:8084 or [::1]:8084".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn own_verbs_and_the_clients_are_one_tree() {
        let cli =
            Cli::try_parse_from(["gennaker", "dev", "--listen", "localhost:0", "--demo"]).unwrap();
        let Command::Dev(arguments) = cli.command else {
            panic!("not dev")
        };
        assert!(arguments.demo && arguments.listen == SocketAddr::from(([127, 0, 0, 1], 0)));
        let cli = Cli::try_parse_from(["gennaker", "ls", "demo"]).unwrap();
        assert!(matches!(cli.command, Command::Client(Verb::Ls(_))));
    }

    #[test]
    fn roles_are_listed() {
        let cli = Cli::try_parse_from([
            "gennaker",
            "serve",
            "--roles",
            "scheduler,gate",
            "--zone",
            "a",
        ])
        .unwrap();
        let Command::Serve(arguments) = cli.command else {
            panic!("not serve")
        };
        assert_eq!(arguments.roles, [Role::Scheduler, Role::Gate]);
        assert!(Cli::try_parse_from(["gennaker", "serve"]).is_err());
        assert!(Cli::try_parse_from(["gennaker", "serve", "--roles", "orca"]).is_err());
    }

    #[test]
    fn addresses_need_a_port() {
        assert!(address("127.0.0.1").is_err() && address("[::1]:80").is_ok());
    }
}
