//! Which server, as whom: kubeconfig files, the pod's service account, impersonation.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::Config;
use kube::client::ClientBuilder;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};
use secrecy::ExposeSecret as _;

use super::text;
use super::wire::Wire;
use crate::observed::Seen;
use crate::resource::Secrets;

const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// How to reach a cluster. All of it is trusted: flags and the user's environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--kubeconfig`; else `KUBECONFIG`, `~/.kube/config`, the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; else the current one.
    pub context: Option<String>,
    /// `--as`.
    pub impersonate: Option<String>,
    /// `--as-group`.
    pub impersonate_groups: Vec<String>,
    /// The limit for one request.
    pub timeout: Duration,
    /// The folder where schemas are kept between runs; without one they are asked for each time.
    pub cache: Option<PathBuf>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither a file nor a pod.
    #[error("no kubeconfig: {looked} not found, and this is no pod; name one with --kubeconfig FILE or KUBECONFIG")]
    NoKubeconfig {
        /// Where it was looked for.
        looked: String,
    },
    /// The file cannot be opened.
    #[error("kubeconfig {file} cannot be read: {why}; name another with --kubeconfig FILE")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's reason.
        why: String,
    },
    /// The file is no kubeconfig.
    #[error("kubeconfig {file} is not valid: {why}")]
    Invalid {
        /// The file or files.
        file: String,
        /// What is wrong, without the file's contents.
        why: String,
    },
    /// No context is current and none was named.
    #[error("kubeconfig {file} has no current context; choose one with --context: {known}")]
    NoContext {
        /// The file or files.
        file: String,
        /// The contexts it has.
        known: String,
    },
    /// The context does not exist.
    #[error("kubeconfig {file} has no context `{context}`; choose one with --context: {known}")]
    NoSuchContext {
        /// The file or files.
        file: String,
        /// What was asked for.
        context: String,
        /// The contexts it has.
        known: String,
    },
    /// A context was named where no kubeconfig is.
    #[error("there is no context `{context}`: without a kubeconfig the pod's service account is used; drop --context")]
    ContextInPod {
        /// What was asked for.
        context: String,
    },
    /// Credentials would travel in the clear.
    #[error("credentials are not sent over plain http to {server}; use https in {origin}")]
    PlainHttp {
        /// The server.
        server: String,
        /// Where it is named.
        origin: String,
    },
    /// Groups without a user.
    #[error("--as-group needs --as")]
    GroupsWithoutUser,
    /// A token, certificate or credential plugin does not work.
    #[error("the credentials of {origin} cannot be used: {why}")]
    Credentials {
        /// Where they are named.
        origin: String,
        /// What is wrong, without the credentials.
        why: String,
    },
}

/// What the process's surroundings say.
#[derive(Debug, Default)]
struct Surroundings {
    kubeconfig: Option<OsString>,
    home: Option<PathBuf>,
    pod: bool,
}

/// A chosen configuration and where it comes from.
struct Chosen {
    config: Config,
    origin: String,
    user: Option<String>,
}

/// Builds the client.
#[expect(clippy::disallowed_methods, reason = "kubeconfig files are found as every Kubernetes client finds them")]
pub(super) async fn connect(settings: &Settings, secrets: Secrets) -> Result<(Wire, Seen), ConnectError> {
    let around = Surroundings {
        kubeconfig: std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
        home: std::env::home_dir(),
        pod: std::env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
    };
    let Chosen { mut config, origin, user } = choose(settings, &around).await?;
    impersonate(settings, &mut config.auth_info)?;
    intern(&config, &secrets);
    let server = server_url(&config);
    if !may_carry_credentials(&config) {
        return Err(ConnectError::PlainHttp { server, origin });
    }
    // Connecting ends first, so that a request that was never sent can be told from one without an answer.
    config.connect_timeout = Some((settings.timeout / 2).min(LONGEST_CONNECT));
    config.default_retry = false;
    config.headers.push((USER_AGENT, HeaderValue::from_static(concat!("packctl/", env!("CARGO_PKG_VERSION")))));

    let seen = Seen { server: server.clone(), user: config.auth_info.impersonate.clone().or(user), ..Seen::default() };
    // A credential plugin is a program that this waits for.
    let built = tokio::task::spawn_blocking(move || ClientBuilder::try_from(config).map(ClientBuilder::build)).await;
    let why = match built {
        Ok(Ok(client)) => return Ok((Wire::new(client, server, origin, secrets, settings.timeout), seen)),
        Ok(Err(kube::Error::Auth(error))) => text::auth(&error),
        Ok(Err(error)) => text::root_cause(&error),
        Err(error) => error.to_string(),
    };
    Err(ConnectError::Credentials { origin, why: text::one_line(&secrets.mask(&why)) })
}

async fn choose(settings: &Settings, around: &Surroundings) -> Result<Chosen, ConnectError> {
    let named = settings.kubeconfig.is_some();
    let files: Vec<PathBuf> = match (&settings.kubeconfig, &around.kubeconfig, &around.home) {
        (Some(file), _, _) => vec![file.clone()],
        (None, Some(list), _) => std::env::split_paths(list).filter(|file| !file.as_os_str().is_empty()).collect(),
        (None, None, Some(home)) => vec![home.join(".kube/config")],
        (None, None, None) => Vec::new(),
    };
    // Of several files some may be missing, as kubectl has it; a file that a flag names may not.
    let present: Vec<&PathBuf> = files.iter().filter(|file| named || file.exists()).collect();
    if !present.is_empty() {
        return from_files(settings, &present).await;
    }
    // A KUBECONFIG that leads nowhere is a mistake, not the wish to act as the pod.
    if around.pod && around.kubeconfig.is_none() {
        return from_pod(settings);
    }
    let looked = if files.is_empty() { "~/.kube/config".into() } else { names(&files.iter().collect::<Vec<_>>()) };
    Err(ConnectError::NoKubeconfig { looked })
}

async fn from_files(settings: &Settings, files: &[&PathBuf]) -> Result<Chosen, ConnectError> {
    let file = names(files);
    let invalid = |error: &KubeconfigError| ConnectError::Invalid { file: file.clone(), why: why(error) };
    let mut merged = Kubeconfig::default();
    for path in files {
        let one = Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error))?;
        merged = merged.merge(one).map_err(|error| invalid(&error))?;
    }
    let known = merged.contexts.iter().map(|context| context.name.as_str()).collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "it has none".into() } else { known };
    let current = merged.current_context.clone().filter(|name| !name.is_empty());
    let Some(name) = settings.context.clone().or(current) else {
        return Err(ConnectError::NoContext { file, known });
    };
    let Some(context) = merged.contexts.iter().find(|context| context.name == name) else {
        return Err(ConnectError::NoSuchContext { file, context: name, known });
    };
    let user = context.context.as_ref().and_then(|context| context.user.clone()).filter(|user| !user.is_empty());
    let options = KubeConfigOptions { context: Some(name), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(merged, &options).await.map_err(|error| invalid(&error))?;
    Ok(Chosen { config, origin: format!("kubeconfig {file}"), user })
}

fn from_pod(settings: &Settings) -> Result<Chosen, ConnectError> {
    if let Some(context) = settings.context.clone() {
        return Err(ConnectError::ContextInPod { context });
    }
    let origin = "the pod's service account".to_owned();
    match Config::incluster() {
        Ok(config) => Ok(Chosen { config, origin, user: None }),
        Err(error) => Err(ConnectError::Credentials { origin, why: error.to_string() }),
    }
}

fn unreadable(path: &Path, error: &KubeconfigError) -> ConnectError {
    let file = path.display().to_string();
    match error {
        KubeconfigError::ReadConfig(error, _) => ConnectError::Unreadable { file, why: error.to_string() },
        other => ConnectError::Invalid { file, why: why(other) },
    }
}

/// What is wrong with a kubeconfig. The YAML reader's own message shows lines of the file, tokens among them.
fn why(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(place) => {
                format!("line {}, column {} is not what a kubeconfig has there", place.line(), place.column())
            }
            None => "it is no YAML".into(),
        },
        KubeconfigError::LoadContext(_) | KubeconfigError::CurrentContextNotSet => "its context is empty".into(),
        KubeconfigError::LoadClusterOfContext(cluster) => format!("it has no cluster `{cluster}`"),
        KubeconfigError::MissingClusterUrl => "its cluster has no server".into(),
        other => text::one_line(&other.to_string()),
    }
}

fn impersonate(settings: &Settings, auth: &mut AuthInfo) -> Result<(), ConnectError> {
    match &settings.impersonate {
        Some(user) => {
            auth.impersonate = Some(user.clone());
            auth.impersonate_groups = Some(settings.impersonate_groups.clone());
            auth.impersonate_uid = None;
            auth.impersonate_user_extra = None;
            Ok(())
        }
        None if settings.impersonate_groups.is_empty() => Ok(()),
        None => Err(ConnectError::GroupsWithoutUser),
    }
}

/// Takes the credentials into the table of secrets, so that they are masked wherever a text repeats them.
fn intern(config: &Config, secrets: &Secrets) {
    let auth = &config.auth_info;
    for secret in [&auth.token, &auth.password, &auth.client_key_data].into_iter().flatten() {
        secrets.intern(secret.expose_secret().as_bytes());
    }
    for (key, value) in auth.auth_provider.iter().flat_map(|provider| &provider.config) {
        if key.contains("token") || key.contains("secret") {
            secrets.intern(value.as_bytes());
        }
    }
    let proxy = config.proxy_url.as_ref().and_then(|url| url.authority()).map_or("", |authority| authority.as_str());
    if let Some((_, password)) = proxy.rsplit_once('@').and_then(|(login, _)| login.split_once(':')) {
        secrets.intern(password.as_bytes());
    }
}

fn server_url(config: &Config) -> String {
    let url = &config.cluster_url;
    let port = url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    let scheme = url.scheme_str().unwrap_or("https");
    format!("{scheme}://{}{port}{}", url.host().unwrap_or_default(), url.path().trim_end_matches('/'))
}

/// Over plain http credentials go to this machine and to names inside the cluster, nowhere else.
fn may_carry_credentials(config: &Config) -> bool {
    let auth = &config.auth_info;
    let none = auth.token.is_none()
        && auth.token_file.is_none()
        && auth.password.is_none()
        && auth.exec.is_none()
        && auth.auth_provider.is_none();
    if none || config.cluster_url.scheme_str() != Some("http") {
        return true;
    }
    let host = config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        || host.ends_with(".svc")
        || host.ends_with(".cluster.local")
}

fn names(files: &[&PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
