//! Keycloak's Admin REST API as a provider: clients of one realm.
//!
//! In: sets of objects to read and single writes. Out: clients whose secret values are placeholders, or one-line reasons.
//! Keycloak answers a credential with too few rights with `200 []`, so an empty answer counts only when the same credential
//! is shown to see a client that every realm has.

mod conceal;
mod endpoint;
mod login;
mod read;
#[cfg(test)]
mod tests;
mod transport;
mod write;

use std::fmt;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use self::endpoint::Endpoint;
use self::login::Login;
use self::transport::{Answer, Fault, Transport};
use super::{Provider, Write, WriteError, Written};
use crate::observed::{ReadSet, Reading};
use crate::resource::{Address, Secrets, Side};

/// How packctl reaches a Keycloak. Trusted settings: the credential goes to this endpoint and nowhere else.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base URL, perhaps with a context path: `https://sso.example.com/auth`.
    pub endpoint: String,
    /// The realm of the apps.
    pub realm: String,
    /// A user of realm `master`.
    pub username: String,
    /// The user's password.
    pub password: SecretString,
    /// Limit of one request.
    pub timeout: Duration,
}

/// The clients of one realm of a Keycloak.
pub struct Keycloak {
    endpoint: Endpoint,
    realm: String,
    transport: Transport,
    login: Login,
    secrets: Secrets,
}

impl Keycloak {
    /// Checks the settings; sends nothing.
    ///
    /// Fails with one line for a URL that is none, has credentials in it, or would send the password over plain http to
    /// anything but loopback and cluster-internal names.
    pub fn new(settings: Settings, secrets: Secrets) -> Result<Self, String> {
        secrets.intern(settings.password.expose_secret().as_bytes());
        let endpoint = Endpoint::parse(&settings.endpoint)?;
        if !endpoint::is_segment(&settings.realm) {
            return Err(format!("`{}` is no name of a Keycloak realm", settings.realm.escape_debug()));
        }
        let token = endpoint.url(&["realms", "master", "protocol", "openid-connect", "token"]);
        Ok(Self {
            transport: Transport::new(&endpoint, settings.timeout, secrets.clone())?,
            login: Login::new(token, settings.username, settings.password),
            endpoint,
            realm: settings.realm,
            secrets,
        })
    }

    /// Requests sent so far, logins and repeated tries included.
    pub fn requests(&self) -> usize {
        self.transport.sent()
    }

    /// Sends one request with the credential. A token that is refused is replaced by a new login once; the refused request
    /// was not carried out, so that is safe for writes too.
    async fn call(&self, method: Method, url: &Url, body: Option<&Value>) -> Result<Answer, Fault> {
        let bearer = self.login.bearer(&self.transport, None).await?;
        match self.call_with(&method, url, body, bearer.token()).await {
            Err(Fault::Answered { status: 401, .. }) => {
                let renewed = self.login.bearer(&self.transport, Some(bearer.serial())).await?;
                self.call_with(&method, url, body, renewed.token()).await
            }
            other => other,
        }
    }

    async fn call_with(&self, method: &Method, url: &Url, body: Option<&Value>, token: &str) -> Result<Answer, Fault> {
        let repeat = *method == Method::GET;
        self.transport
            .send(repeat, |client| {
                let request = client.request(method.clone(), url.clone()).bearer_auth(token);
                match body {
                    Some(body) => request.json(body),
                    None => request,
                }
            })
            .await
    }

    /// `admin/realms/REALM/...`.
    fn admin_url(&self, below: &[&str]) -> Url {
        let segments: Vec<&str> = ["admin", "realms", &self.realm].into_iter().chain(below.iter().copied()).collect();
        self.endpoint.url(&segments)
    }

    /// Why this provider cannot answer for a kind of a realm, if it cannot.
    fn out_of_reach(&self, realm: &str, kind: &str) -> Option<String> {
        if realm != self.realm {
            return Some(format!(
                "the settings name realm `{}` of Keycloak at {}, not `{}`",
                self.realm, self.endpoint, realm
            ));
        }
        (kind != "client").then(|| format!("packctl does not handle `{kind}` objects of Keycloak yet"))
    }

    fn address_out_of_reach(&self, address: &Address) -> Option<String> {
        match &address.side {
            Side::Keycloak { realm } => self.out_of_reach(realm, &address.kind),
            Side::Kubernetes => Some(format!("{address} is no object of Keycloak")),
        }
    }
}

impl Provider for Keycloak {
    fn read<'a>(&'a self, set: &'a ReadSet) -> BoxFuture<'a, Reading> {
        self.read_set(set).boxed()
    }

    fn write<'a>(&'a self, write: &'a Write) -> BoxFuture<'a, Result<Written, WriteError>> {
        self.perform(write).boxed()
    }
}

impl fmt::Debug for Keycloak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keycloak({}, realm {}, user {})", self.endpoint, self.realm, self.login.username())
    }
}
