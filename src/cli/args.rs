//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Plans, applies and checks Nebari software packs over Kubernetes and Keycloak.
#[derive(Debug, Parser)]
#[command(name = "packctl", version, about, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    /// When to colour.
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(super) color: When,
    /// Columns of the output; default: the terminal's, else 120.
    #[arg(long, global = true, value_name = "COLUMNS", value_parser = width)]
    pub(super) width: Option<usize>,
}

/// The fewest columns that a plan can be read in.
pub(super) const NARROWEST: usize = 40;

fn width(text: &str) -> Result<usize, String> {
    let width = text.parse::<usize>().ok().filter(|width| *width >= NARROWEST);
    width.ok_or_else(|| format!("it takes a number from {NARROWEST} on"))
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what would change
    Plan(PlanArgs),
    /// Do it
    Apply(ApplyArgs),
    /// Remove apps, packs, or a Gateway's anchor
    Destroy(DestroyArgs),
    /// Check for CI: in sync or not
    Drift(DriftArgs),
    /// Show what needs what, and why
    Graph(GraphArgs),
    /// Explain an address of the plan, or the code of a finding
    Explain(ExplainArgs),
    /// Record the world into a folder
    Snapshot(SnapshotArgs),
    /// Show the settings and where each comes from
    Config(ConfigArgs),
    /// Operate the controller
    Controller(ControllerArgs),
}

/// What is wanted.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct InputArgs {
    /// Applications and manifests: a file, a folder, or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    pub(super) filename: Vec<String>,
    /// Also read the folders below
    #[arg(short = 'R', long)]
    pub(super) recursive: bool,
    /// Who delivers every Application, whatever packctl.yaml says
    #[arg(long, value_enum)]
    pub(super) delivery: Option<DeliveryArg>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum DeliveryArg {
    Direct,
    Argocd,
}

/// Which world, and how it is reached. All of these are trusted settings.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct WorldArgs {
    /// Read a recorded world instead of a cluster
    #[arg(long, value_name = "DIR", env = "PACKCTL_SNAPSHOT")]
    pub(super) snapshot: Option<PathBuf>,
    /// The kubeconfig file
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// Act as this user
    #[arg(long = "as", value_name = "USER")]
    pub(super) impersonate: Option<String>,
    /// Act as a member of this group
    #[arg(long = "as-group", value_name = "GROUP")]
    pub(super) impersonate_group: Vec<String>,
    /// The environment of the cluster, instead of ConfigMap packctl-environment
    #[arg(long, value_name = "FILE", env = "PACKCTL_ENVIRONMENT")]
    pub(super) environment: Option<PathBuf>,
    /// Use --environment also where the cluster says otherwise
    #[arg(long)]
    pub(super) override_environment: bool,
    /// Base URL of Keycloak as this program reaches it
    #[arg(long, value_name = "URL", env = "PACKCTL_KEYCLOAK_ENDPOINT")]
    pub(super) keycloak_endpoint: Option<String>,
    /// Keycloak's user in realm master; default: the environment's admin Secret
    #[arg(long, value_name = "USER", env = "PACKCTL_KEYCLOAK_USERNAME")]
    pub(super) keycloak_username: Option<String>,
    /// File with that user's password; or PACKCTL_KEYCLOAK_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub(super) keycloak_password_file: Option<PathBuf>,
    /// The helm program; default: helm on PATH
    #[arg(long, value_name = "FILE", env = "PACKCTL_HELM")]
    pub(super) helm: Option<PathBuf>,
    /// Limit of one request, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(super) request_timeout: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    #[default]
    Text,
    /// For programs; `packctl help plan-format` tells its keys
    Json,
    /// The comment of a pull request; nothing where nothing changes
    Markdown,
}

#[derive(Args, Clone, Debug)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// The format
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) output: Output,
    /// Exit 2 when changes are pending, 3 when something drifted
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
    /// Show also what is folded
    #[arg(long)]
    pub(super) all: bool,
    /// Ask the server, by dry run, about what is in doubt
    #[arg(long, value_enum)]
    pub(super) validate: Option<Validate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Validate {
    Server,
}

#[derive(Args, Clone, Debug)]
pub(super) struct WriteArgs {
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(super) yes: bool,
    /// Limit of each wait in seconds; default: 300 for certificates, 60 for statuses
    #[arg(long, value_name = "SECONDS")]
    pub(super) wait_limit: Option<u64>,
}

#[derive(Args, Clone, Debug)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    #[command(flatten)]
    pub(super) write: WriteArgs,
    /// Show also what is folded
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Args, Clone, Debug)]
pub(super) struct DestroyArgs {
    /// app/NAMESPACE/NAME, pack/NAME or pack/NAMESPACE/NAME
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    /// The anchor of this Gateway, NAMESPACE/NAME
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub(super) gateway: Vec<String>,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    #[command(flatten)]
    pub(super) write: WriteArgs,
    /// Show also what is folded
    #[arg(long)]
    pub(super) all: bool,
    /// Only show what would go
    #[arg(long)]
    pub(super) plan: bool,
}

#[derive(Args, Clone, Debug)]
pub(super) struct DriftArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// The format
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) output: Output,
    /// Show also what is folded
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphOutput {
    /// A tree with reasons
    #[value(alias = "tree")]
    Text,
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// For programs
    Json,
}

#[derive(Args, Clone, Debug)]
pub(super) struct GraphArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// The format
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) output: GraphOutput,
}

#[derive(Args, Clone, Debug)]
pub(super) struct ExplainArgs {
    /// An address, any unambiguous tail of one, or a code such as PK0406
    #[arg(value_name = "ADDRESS|CODE")]
    pub(super) subject: String,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
}

#[derive(Args, Clone, Debug)]
pub(super) struct SnapshotArgs {
    /// The folder; must be new, empty or an older snapshot
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
}

#[derive(Args, Clone, Debug)]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
}

#[derive(Args, Clone, Debug)]
pub(super) struct ControllerArgs {
    #[command(subcommand)]
    pub(super) command: ControllerCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ControllerCommand {
    /// Print manifests
    Install {
        /// The CustomResourceDefinition of NebariApp
        #[arg(long, required = true)]
        crds: bool,
    },
}
