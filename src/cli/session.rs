//! The world that a command looks at: connected, its environment known, its first round read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::args::{DeliveryArg, InputArgs, WorldArgs};
use super::failure::Failure;
use super::settings;
use crate::api::{Environment, KeycloakSettings, ObjectRef};
use crate::derive::{cluster_name, operator_settings};
use crate::load::Loaded;
use crate::observe::{self, Start};
use crate::observed::{Kinds, Observed, ReadSet, World};
use crate::provider::keycloak::{self, Keycloak};
use crate::provider::kubernetes::{self, Kubernetes};
use crate::provider::snapshot::Snapshot;
use crate::provider::{Provider, Providers};
use crate::render::{Delivery, Pack, RenderSettings, render};
use crate::resource::{Address, SecretId, Secrets, Side};
use crate::yaml;

/// A connected world.
pub(super) struct Session {
    pub(super) secrets: Secrets,
    pub(super) world: World,
    pub(super) providers: Arc<Providers>,
    /// What the administrators say, and below that what a live nebari-operator works with.
    pub(super) environment: Environment,
    /// What the administrators say, for `snapshot`.
    pub(super) stated: Environment,
    /// Where the environment was read, for `config`.
    pub(super) environment_origin: String,
    /// Keys that the operator's settings give, or leave open, and where that stands, for `config`.
    pub(super) of_operator: BTreeMap<String, String>,
    /// Where Keycloak's endpoint and credential come from, for `config`.
    pub(super) keycloak_origin: String,
    /// CustomResourceDefinitions as the cluster has them, for `snapshot`.
    pub(super) crds: Vec<Value>,
    pub(super) kubernetes: Option<Kubernetes>,
    pub(super) snapshot: Option<Arc<Snapshot>>,
}

impl Session {
    /// Connects, reads the first round, finds the environment, and makes Keycloak's provider.
    pub(super) async fn open(args: &WorldArgs, start: &Start, secrets: &Secrets) -> Result<Self, Failure> {
        settings::check_helm(args.helm.as_deref())?;
        let mut session = match &args.snapshot {
            Some(dir) => Self::of_snapshot(dir, secrets)?,
            None => Self::of_cluster(args, secrets).await?,
        };
        session.world.seen.controller = Some(args.controller_namespace.clone());
        if start.renders {
            session.ask_version().await;
        }
        let snapshot_text = session.environment_origin.clone();
        let first = observe::first(&args.controller_namespace, start);
        let reading = session.providers.kubernetes.read(&first).await;
        session.world.absorb(reading);
        session.find_environment(args, snapshot_text)?;
        session.connect_keycloak(args).await;
        Ok(session)
    }

    fn empty(secrets: &Secrets, kubernetes: Arc<dyn Provider>) -> Self {
        Self {
            secrets: secrets.clone(),
            world: World::default(),
            providers: Arc::new(Providers {
                kubernetes,
                keycloak: Err("the environment does not say `keycloak.realm`".into()),
            }),
            environment: Environment::default(),
            stated: Environment::default(),
            environment_origin: String::new(),
            of_operator: BTreeMap::new(),
            keycloak_origin: String::new(),
            crds: Vec::new(),
            kubernetes: None,
            snapshot: None,
        }
    }

    fn of_snapshot(dir: &std::path::Path, secrets: &Secrets) -> Result<Self, Failure> {
        let shown = dir.display().to_string();
        if dir.is_dir() && !["version.json", "kubernetes", "keycloak"].iter().any(|name| dir.join(name).exists()) {
            return Err(Failure::error(format!("{shown} holds no snapshot"))
                .help("name a folder that `packctl snapshot --out` wrote"));
        }
        let snapshot = Snapshot::open(dir, &shown, secrets.clone())
            .map_err(|found| Failure::error(format!("the snapshot {shown} cannot be used")).with(found))?;
        let (mut seen, kinds, crds) = (snapshot.seen(), snapshot.kinds(), snapshot.crds());
        seen.version = snapshot.kubernetes_version().map(str::to_owned);
        let text = snapshot.environment_text();
        let snapshot = Arc::new(snapshot);
        let mut session = Self::empty(secrets, snapshot.clone());
        session.providers = Arc::new(Providers { kubernetes: snapshot.clone(), keycloak: Ok(snapshot.clone()) });
        session.snapshot = Some(snapshot);
        session.world.seen = seen;
        session.world.kinds = kinds;
        for crd in &crds {
            session.world.schemas.add_crd(crd);
        }
        session.crds = crds;
        if let Some((file, text)) = text {
            session.environment = parse(&file, &text)?;
            session.environment_origin = file;
        }
        Ok(session)
    }

    async fn of_cluster(args: &WorldArgs, secrets: &Secrets) -> Result<Self, Failure> {
        let settings = kubernetes::Settings {
            kubeconfig: args.kubeconfig.clone(),
            context: args.context.clone(),
            impersonate: args.impersonate.clone(),
            impersonate_groups: args.impersonate_group.clone(),
            timeout: Duration::from_secs(args.request_timeout),
            cache: settings::cache(),
        };
        let client = Kubernetes::connect(&settings, secrets.clone())
            .await
            .map_err(|error| Failure::error(format!("failed to connect: {error}")))?;
        let found = client.discover().await.map_err(|reason| {
            Failure::error(format!("failed to read the cluster: {reason}"))
                .help("check the server and the user in the kubeconfig; --context chooses another one")
        })?;
        let kinds = found.kinds;
        let client = client.with_kinds(kinds.clone());
        let mut session = Self::empty(secrets, Arc::new(client.clone()));
        let assumed = found.assumed.map(|why| ("which kinds the cluster serves".to_owned(), why));
        session.world.unread.extend(assumed);
        session.world.seen = client.seen();
        session.world.seen.at = Some(jiff::Timestamp::now());
        session.world.kinds = kinds;
        session.kubernetes = Some(client);
        Ok(session)
    }

    /// Who may not know it gets helm's own default.
    async fn ask_version(&mut self) {
        if let (None, Some(client)) = (&self.world.seen.version, &self.kubernetes) {
            self.world.seen.version = client.version().await.ok();
        }
    }

    fn find_environment(&mut self, args: &WorldArgs, snapshot_origin: String) -> Result<(), Failure> {
        let mut found = (!snapshot_origin.is_empty()).then(|| (self.environment.clone(), snapshot_origin));
        if found.is_none()
            && let Some(text) = observe::environment_text(&self.world)
        {
            let origin = format!("ConfigMap {}/{}", args.controller_namespace, Environment::CONFIG_MAP);
            found = Some((parse(&origin, text)?, origin));
        }
        if let Some(file) = &args.environment {
            let origin = file.display().to_string();
            let text = std::fs::read_to_string(file).map_err(|error| {
                Failure::error(format!("failed to read {origin}: {error}"))
                    .help("name the file of the environment with --environment")
            })?;
            let given = parse(&origin, &text)?;
            let unread = matches!(self.world.get(&config_map(args)), Observed::Unreadable(_)) && found.is_none();
            if unread && !args.override_environment {
                let message =
                    format!("the cluster's own environment could not be read, so {origin} cannot be compared with it");
                return Err(Failure::usage(message).help("add --override-environment to use the file all the same"));
            }
            if let Some((other, place)) = &found
                && *other != given
                && !args.override_environment
            {
                return Err(Failure::usage(format!("{origin} differs from the cluster's own environment, {place}"))
                    .help("leave --environment out, or add --override-environment"));
            }
            found = Some((given, origin));
        }
        let (environment, origin) = found.unwrap_or_else(|| {
            let why = match self.world.get(&config_map(args)) {
                Observed::Unreadable(reason) => format!("could not be read: {reason}"),
                Observed::Present(_) => format!("has no key `{}`", Environment::KEY),
                _ => "is not there".into(),
            };
            (
                Environment::default(),
                format!("none; ConfigMap {}/{} {why}", args.controller_namespace, Environment::CONFIG_MAP),
            )
        });
        self.stated = environment.clone();
        self.environment = environment;
        self.environment_origin = origin;
        if let Some((settings, deployment)) = operator_settings(&self.world) {
            self.environment = self.stated.clone().or(&settings.environment);
            let from = settings.from.into_iter();
            self.of_operator =
                from.map(|(key, from)| (key.into(), format!("{}: {from}", deployment.short()))).collect();
        }
        Ok(())
    }

    async fn connect_keycloak(&mut self, args: &WorldArgs) {
        if args.snapshot.is_some() {
            self.keycloak_origin = "the snapshot".into();
            return;
        }
        let Some(settings) = self.environment.keycloak.clone() else { return };
        let keycloak = match self.keycloak_settings(args, &settings).await {
            Ok((settings, origin)) => {
                self.keycloak_origin = origin;
                Keycloak::new(settings, self.secrets.clone())
                    .map(|provider| Arc::new(provider) as Arc<dyn Provider>)
                    .map_err(|reason| format!("{reason}{}", address_from(args)))
            }
            Err(reason) => Err(reason),
        };
        if let Err(reason) = &keycloak {
            self.keycloak_origin.clone_from(reason);
        }
        self.providers = Arc::new(Providers { kubernetes: self.providers.kubernetes.clone(), keycloak });
    }

    async fn keycloak_settings(
        &mut self,
        args: &WorldArgs,
        keycloak: &KeycloakSettings,
    ) -> Result<(keycloak::Settings, String), String> {
        let realm = keycloak.realm.clone().ok_or("the environment does not say `keycloak.realm`")?;
        let (endpoint, from) = match (&args.keycloak_endpoint, &keycloak.external_url) {
            (Some(endpoint), _) => (endpoint.clone(), "--keycloak-endpoint or PACKCTL_KEYCLOAK_ENDPOINT"),
            (None, Some(url)) => (url.clone(), "externalURL of the environment"),
            (None, None) => {
                return Err("no address: set `keycloak.externalURL` in the environment, --keycloak-endpoint or \
                            PACKCTL_KEYCLOAK_ENDPOINT"
                    .into());
            }
        };
        let (username, password, whose) = match settings::keycloak_credential(args)? {
            Some((username, password)) => (username, password, "flags and variables".to_owned()),
            None => {
                let secret = keycloak.admin_secret.as_ref().ok_or(
                    "no credential: set `keycloak.adminSecret` in the environment, or --keycloak-username and PACKCTL_KEYCLOAK_PASSWORD",
                )?;
                let (username, password) = self.admin_secret(secret).await?;
                (username, password, format!("Secret {}/{}", secret.namespace, secret.name))
            }
        };
        let origin = format!("{endpoint} ({from}), user {username} ({whose})");
        let timeout = Duration::from_secs(args.request_timeout);
        Ok((keycloak::Settings { endpoint, realm, username, password, timeout }, origin))
    }

    async fn admin_secret(&mut self, secret: &ObjectRef) -> Result<(String, SecretString), String> {
        let address = Address::namespaced("", "Secret", &secret.namespace, &secret.name);
        let mut set = ReadSet::default();
        set.object(address.clone());
        let reading = self.providers.kubernetes.read(&set).await;
        let world = self.world.beside(reading);
        let name = format!("the admin Secret {}/{}", secret.namespace, secret.name);
        let live = match world.get(&address) {
            Observed::Present(live) => live,
            Observed::Unreadable(reason) => return Err(format!("no credential: {name} could not be read: {reason}")),
            Observed::Absent | Observed::Leaving(_) => return Err(format!("no credential: {name} is not there")),
        };
        let value = |keys: [&str; 2]| {
            let data = live.value().get("data");
            let text = keys.iter().find_map(|key| data?.get(key)?.as_str()).and_then(SecretId::from_placeholder);
            let bytes = text.and_then(|id| self.secrets.expose(id));
            bytes
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or(format!("no credential: {name} has no key `{}`", keys[0]))
        };
        Ok((value(["username", "admin-username"])?, SecretString::from(value(["password", "admin-password"])?)))
    }

    /// Reads a set from both sides, and the schemas of its custom kinds.
    pub(super) async fn read(&mut self, set: &ReadSet) {
        let kinds = custom_kinds(set);
        let schemas = async {
            match &self.kubernetes {
                Some(client) => client.schemas(&kinds).await,
                None => BTreeMap::new(),
            }
        };
        let (schemas, reading) = futures::join!(schemas, self.providers.read(set));
        for ((group, kind), schema) in schemas {
            match schema {
                Ok(Some(schema)) => {
                    let version = self.world.kinds.get(&group, &kind).map_or("", |info| &info.version);
                    self.world.schemas.add(&group, &kind, version, schema);
                }
                Ok(None) => {}
                Err(reason) => {
                    let what = format!("schemas of {group}, in whose place those of this program stand");
                    self.world.unread.insert(what, reason);
                }
            }
        }
        self.world.absorb(reading);
    }

    /// Reads what only a snapshot holds: the server's version, and the CustomResourceDefinitions of everything that was read.
    pub(super) async fn read_extras(&mut self) {
        self.ask_version().await;
        let Some(client) = &self.kubernetes else { return };
        let plurals: BTreeSet<(String, String)> = self
            .world
            .coverages()
            .filter(|(list, _)| is_custom(&list.group))
            .filter_map(|(list, _)| {
                Some((list.group.clone(), self.world.kinds.get(&list.group, &list.kind)?.plural.clone()))
            })
            .collect();
        let requests = plurals.iter().map(|(group, plural)| client.crd(group, plural));
        // Who may not read CRDs records none: the embedded copies of the platform's stand in for them.
        let answers = futures::future::join_all(requests).await;
        self.crds = answers.into_iter().filter_map(|answer| answer.ok().flatten()).collect();
    }

    /// Reads the second and the third round.
    pub(super) async fn observe(&mut self, scope: observe::Scope<'_>, live_apps: bool) {
        let second = observe::second(scope, &self.environment, &self.world);
        self.read(&second).await;
        let third = observe::third(scope, live_apps, &self.environment, &self.world);
        let reading = self.providers.read(&third).await;
        self.world.absorb(reading);
    }

    /// Renders the packs of the inputs, as the cluster that was found would have them.
    pub(super) fn render(&self, loaded: &Loaded, input: &InputArgs, world: &WorldArgs) -> Vec<Pack> {
        let settings = RenderSettings {
            delivery: input.delivery.map(|delivery| match delivery {
                DeliveryArg::Direct => Delivery::Direct,
                DeliveryArg::Argocd => Delivery::Argocd,
            }),
            ..render_settings(&self.world.kinds, self.world.seen.version.clone(), settings::helm(world.helm.as_deref()))
        };
        render(loaded, &settings, &self.secrets)
    }

    /// The cluster's name for people: the environment's, else the marks' name, else the server.
    pub(super) fn cluster(&self) -> String {
        cluster_name(&self.environment, &self.world).unwrap_or_else(|| self.world.seen.server.clone())
    }
}

/// The kinds of a set whose schemas the cluster's CustomResourceDefinitions say.
fn custom_kinds(set: &ReadSet) -> BTreeSet<(String, String)> {
    let custom = set.lists.iter().filter(|list| list.side == Side::Kubernetes && is_custom(&list.group));
    custom.map(|list| (list.group.clone(), list.kind.clone())).collect()
}

fn is_custom(group: &str) -> bool {
    group.contains('.') && !group.ends_with(".k8s.io") || group == "gateway.networking.k8s.io"
}

/// How charts see a cluster that serves these kinds.
pub(super) fn render_settings(kinds: &Kinds, kube_version: Option<String>, helm: Option<PathBuf>) -> RenderSettings {
    let versions = kinds.0.iter().flat_map(|((group, kind), info)| {
        let version = if group.is_empty() { info.version.clone() } else { format!("{group}/{}", info.version) };
        [format!("{version}/{kind}"), version]
    });
    let api_versions: BTreeSet<String> = versions.collect();
    RenderSettings { helm, kube_version, api_versions: api_versions.into_iter().collect(), ..RenderSettings::default() }
}

fn config_map(args: &WorldArgs) -> Address {
    Address::namespaced("", "ConfigMap", &args.controller_namespace, Environment::CONFIG_MAP)
}

/// Which setting gave Keycloak's address, to be said with what is wrong with it.
fn address_from(args: &WorldArgs) -> &'static str {
    if args.keycloak_endpoint.is_some() {
        "; the address is that of --keycloak-endpoint or PACKCTL_KEYCLOAK_ENDPOINT"
    } else {
        "; the address is `keycloak.externalURL` of the environment, --keycloak-endpoint names another one"
    }
}

fn parse(origin: &str, text: &str) -> Result<Environment, Failure> {
    yaml::read_typed(&origin.into(), text)
        .map_err(|found| Failure::error(format!("the environment in {origin} is not valid")).with(vec![found]))
}
