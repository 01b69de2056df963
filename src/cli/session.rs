//! The world that a command looks at: connected, its environment known, its first round read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::args::{DeliveryArg, InputArgs, WorldArgs};
use super::failure::Failure;
use super::settings;
use crate::api::{Environment, KeycloakSettings, ObjectRef};
use crate::derive::cluster_name;
use crate::load::Loaded;
use crate::observe;
use crate::observed::{Observed, ReadSet, World};
use crate::provider::keycloak::{self, Keycloak};
use crate::provider::kubernetes::{self, Kubernetes};
use crate::provider::snapshot::Snapshot;
use crate::provider::{Provider, Providers};
use crate::render::{Delivery, Pack, RenderSettings, render};
use crate::resource::{Address, SecretId, Secrets};
use crate::yaml;

/// A connected world.
pub(super) struct Session {
    pub(super) secrets: Secrets,
    pub(super) world: World,
    pub(super) providers: Arc<Providers>,
    pub(super) environment: Environment,
    /// Where the environment was read, for `config`.
    pub(super) environment_origin: String,
    /// Where Keycloak's endpoint and credential come from, for `config`.
    pub(super) keycloak_origin: String,
    /// CustomResourceDefinitions as the cluster has them, for `snapshot`.
    pub(super) crds: Vec<Value>,
    pub(super) kubernetes: Option<Kubernetes>,
    pub(super) snapshot: Option<Arc<Snapshot>>,
}

impl Session {
    /// Connects, reads the first round, finds the environment, and makes Keycloak's provider.
    pub(super) async fn open(args: &WorldArgs, secrets: &Secrets) -> Result<Self, Failure> {
        settings::check_helm(args)?;
        let mut session = match &args.snapshot {
            Some(dir) => Self::of_snapshot(dir, secrets)?,
            None => Self::of_cluster(args, secrets).await?,
        };
        let snapshot_text = session.environment_origin.clone();
        let reading = session.providers.kubernetes.read(&observe::first()).await;
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
            environment_origin: String::new(),
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
        };
        let client = Kubernetes::connect(&settings, secrets.clone())
            .await
            .map_err(|error| Failure::error(format!("failed to connect: {error}")))?;
        let kinds = client.discover().await.map_err(|reason| {
            Failure::error(format!("failed to read the cluster: {reason}"))
                .help("check the server and the user in the kubeconfig; --context chooses another one")
        })?;
        let client = client.with_kinds(kinds.clone());
        let mut session = Self::empty(secrets, Arc::new(client.clone()));
        session.world.seen = client.seen();
        session.world.seen.at = Some(jiff::Timestamp::now());
        // A chart may ask for it; who may not know it gets helm's own default.
        session.world.seen.version = client.version().await.ok();
        session.world.kinds = kinds;
        session.kubernetes = Some(client);
        Ok(session)
    }

    fn find_environment(&mut self, args: &WorldArgs, snapshot_origin: String) -> Result<(), Failure> {
        let mut found = (!snapshot_origin.is_empty()).then(|| (self.environment.clone(), snapshot_origin));
        if found.is_none()
            && let Some(text) = observe::environment_text(&self.world)
        {
            let origin = format!("ConfigMap {}/{}", Environment::NAMESPACE, Environment::CONFIG_MAP);
            found = Some((parse(&origin, text)?, origin));
        }
        if let Some(file) = &args.environment {
            let origin = file.display().to_string();
            let text = std::fs::read_to_string(file).map_err(|error| {
                Failure::error(format!("failed to read {origin}: {error}"))
                    .help("name the file of the environment with --environment")
            })?;
            let given = parse(&origin, &text)?;
            let unread = matches!(self.world.get(&config_map()), Observed::Unreadable(_)) && found.is_none();
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
            let why = match self.world.get(&config_map()) {
                Observed::Unreadable(reason) => format!("could not be read: {reason}"),
                Observed::Present(_) => format!("has no key `{}`", Environment::KEY),
                _ => "is not there".into(),
            };
            (
                Environment::default(),
                format!("none; ConfigMap {}/{} {why}", Environment::NAMESPACE, Environment::CONFIG_MAP),
            )
        });
        self.environment = environment;
        self.environment_origin = origin;
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
        if let Some(client) = &self.kubernetes {
            let custom = set.lists.iter().filter(|list| {
                list.group.contains('.') && !list.group.ends_with(".k8s.io")
                    || list.group == "gateway.networking.k8s.io"
            });
            let plurals: BTreeSet<(String, String)> = custom
                .chain(&observe::first().lists)
                .filter(|list| list.group.contains('.'))
                .filter_map(|list| {
                    Some((list.group.clone(), self.world.kinds.get(&list.group, &list.kind)?.plural.clone()))
                })
                .collect();
            let requests = plurals.iter().map(|(group, plural)| client.crd(group, plural));
            // Who may not read CRDs gets the embedded copies of the platform's.
            for crd in futures::future::join_all(requests).await.into_iter().filter_map(|answer| answer.ok().flatten())
            {
                self.world.schemas.add_crd(&crd);
                self.crds.push(crd);
            }
        }
        let reading = self.providers.read(set).await;
        self.world.absorb(reading);
    }

    /// Renders the packs of the inputs, as the cluster that was found would have them.
    pub(super) fn render(&self, loaded: &Loaded, input: &InputArgs, world: &WorldArgs) -> Vec<Pack> {
        let kinds = &self.world.kinds.0;
        let versions = kinds.iter().flat_map(|((group, kind), info)| {
            let version = if group.is_empty() { info.version.clone() } else { format!("{group}/{}", info.version) };
            [format!("{version}/{kind}"), version]
        });
        let api_versions: BTreeSet<String> = versions.collect();
        let settings = RenderSettings {
            helm: settings::helm(world),
            kube_version: self.world.seen.version.clone(),
            api_versions: api_versions.into_iter().collect(),
            delivery: input.delivery.map(|delivery| match delivery {
                DeliveryArg::Direct => Delivery::Direct,
                DeliveryArg::Argocd => Delivery::Argocd,
            }),
            ..RenderSettings::default()
        };
        render(loaded, &settings, &self.secrets)
    }

    /// The cluster's name for people: the environment's, else the marks' name, else the server.
    pub(super) fn cluster(&self) -> String {
        cluster_name(&self.environment, &self.world).unwrap_or_else(|| self.world.seen.server.clone())
    }
}

fn config_map() -> Address {
    Address::namespaced("", "ConfigMap", Environment::NAMESPACE, Environment::CONFIG_MAP)
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
