//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::api::{Environment, UnknownFields};

/// Plans, applies and checks Nebari software packs over Kubernetes and Keycloak.
#[derive(Debug, Parser)]
#[command(name = "packctl", version, about, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value = "auto", help_heading = "Shown on the terminal")]
    pub(super) color: When,
    /// Columns of the output; default: COLUMNS, the terminal's, 120
    #[arg(
        long, global = true, value_name = "COLUMNS", value_parser = width, help_heading = "Shown on the terminal"
    )]
    pub(super) width: Option<usize>,
    /// No bars on a terminal, no signs of life in a log
    #[arg(long, global = true, help_heading = "Shown on the terminal")]
    pub(super) no_progress: bool,
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
    /// Show how the packs and apps of the cluster are
    Status(StatusArgs),
    /// Show what needs what, and why
    Graph(GraphArgs),
    /// Check the inputs against the schemas of their kinds, without any cluster
    Validate(ValidateArgs),
    /// Explain an address or a pack of the plan, a field of a kind, or the code of a finding
    Explain(ExplainArgs),
    /// Record the world into a folder
    Snapshot(SnapshotArgs),
    /// Show the settings and where each comes from
    Config(ConfigArgs),
    /// Operate the controller
    Controller(ControllerArgs),
    /// Write the script by which a shell, or kubectl, completes commands
    Completions(CompletionsArgs),
    /// Show the options of a command, or a page of the guide
    Help(HelpArgs),
    /// What kubectl asks a plugin for
    #[command(name = "__complete", hide = true, disable_help_flag = true)]
    Complete {
        /// The words so far; the last one is to be completed
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
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
    /// Refuse NebariApps with fields that the kind does not have, instead of leaving these fields out
    #[arg(long)]
    pub(super) strict: bool,
}

impl InputArgs {
    /// What becomes of unknown fields.
    pub(super) fn unknown_fields(&self) -> UnknownFields {
        if self.strict { UnknownFields::Refuse } else { UnknownFields::Warn }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum DeliveryArg {
    Direct,
    Argocd,
}

/// Which part of what is wanted.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct SelectArgs {
    /// Only this, and what it needs: app/NAMESPACE/NAME, pack/NAME, an address or the tail of one
    #[arg(long, value_name = "NAME")]
    pub(super) target: Vec<String>,
    /// Not this, nor what needs it
    #[arg(long, value_name = "NAME")]
    pub(super) exclude: Vec<String>,
}

/// Which world, and how it is reached. All of these are trusted settings.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "The world")]
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
    /// Namespace of the controller: its environment, its Deployment and its Leases
    #[arg(long, value_name = "NAMESPACE", env = "PACKCTL_CONTROLLER_NAMESPACE", default_value = Environment::NAMESPACE)]
    pub(super) controller_namespace: String,
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
    #[default]
    Text,
    Json,
    Markdown,
}

#[derive(Args, Clone, Debug)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// The format; markdown is the comment of a pull request, empty where nothing changes
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
    /// Take over objects of the inputs that somebody else made, and fields that others hold too, without being asked
    #[arg(long)]
    pub(super) adopt: bool,
    /// Limit of each wait in seconds; default: 300 for certificates, 60 for statuses
    #[arg(long, value_name = "SECONDS")]
    pub(super) wait_limit: Option<u64>,
}

#[derive(Args, Clone, Debug)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
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
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// The format; markdown is the comment of a pull request, empty where nothing changes
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) output: Output,
    /// Show also what is folded
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum StatusOutput {
    Text,
    Json,
}

#[derive(Args, Clone, Debug)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// The format
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) output: StatusOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphOutput {
    #[value(alias = "tree")]
    Text,
    Dot,
    Mermaid,
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
pub(super) struct ValidateArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The helm program; default: helm on PATH
    #[arg(long, value_name = "FILE", env = "PACKCTL_HELM")]
    pub(super) helm: Option<PathBuf>,
    /// The format
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) output: ValidateOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ValidateOutput {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ExplainOutput {
    Text,
    /// The page of all fields of `nebariapp`
    Markdown,
}

#[derive(Args, Clone, Debug)]
pub(super) struct ExplainArgs {
    /// An address, any unambiguous tail of one, pack/NAME, a field such as nebariapp.spec.auth.groups, or a code such as PK0406
    #[arg(value_name = "ADDRESS|FIELD|CODE")]
    pub(super) subject: String,
    /// The format; addresses and codes have text only
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) output: ExplainOutput,
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

/// Who completes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum For {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
    Kubectl,
}

#[derive(Args, Clone, Debug)]
pub(super) struct CompletionsArgs {
    /// For whom; kubectl's is a program to put on PATH
    #[arg(value_enum)]
    pub(super) shell: For,
}

#[derive(Args, Clone, Debug)]
pub(super) struct HelpArgs {
    /// A command, or a page of the guide
    #[arg(value_name = "COMMAND|TOPIC")]
    pub(super) topic: Vec<String>,
}
