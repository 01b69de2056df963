//! Reads: all clients in pages, or one by its `clientId`.

use std::collections::BTreeSet;

use reqwest::Method;

use super::Keycloak;
use super::conceal::{self, Concealed};
use super::transport::Fault;
use crate::observed::{Coverage, ListOf, Live, ReadSet, Reading};
use crate::resource::{Address, Side};

/// Larger pages cost more per client on a cold Keycloak.
const PAGE: usize = 100;

impl Keycloak {
    pub(super) async fn read_set(&self, set: &ReadSet) -> Reading {
        let before = self.requests();
        let mut reading = Reading::default();
        for list in &set.lists {
            let Side::Keycloak { realm } = &list.side else { continue };
            let unable = self.out_of_reach(realm, &list.kind).or_else(|| {
                let selector = list.selector.as_ref()?;
                Some(format!("Keycloak's clients cannot be selected by `{selector}`"))
            });
            let answer = match unable {
                Some(reason) => Err(reason),
                None => self.all_clients().await,
            };
            let coverage = match answer {
                Ok(clients) => {
                    reading.objects.extend(clients);
                    Coverage::Complete
                }
                Err(reason) => Coverage::Unreadable(reason),
            };
            reading.coverage.insert(list.clone(), coverage);
        }
        self.read_singly(set, &mut reading).await;
        reading.requests = self.requests().saturating_sub(before);
        reading
    }

    async fn read_singly(&self, set: &ReadSet, reading: &mut Reading) {
        // A failure is about the server or the credential, never about one object: the rest is not asked.
        let mut failed: Option<String> = None;
        for address in set.objects.iter().filter(|address| address.is_keycloak()) {
            let list =
                ListOf { side: address.side.clone(), group: String::new(), kind: address.kind.clone(), selector: None };
            let unable = match reading.coverage.get(&list) {
                Some(Coverage::Complete | Coverage::NoSuchKind) => continue,
                Some(Coverage::Unreadable(reason) | Coverage::Namespaces(_, reason)) => Some(reason.clone()),
                None => self.address_out_of_reach(address).or_else(|| failed.clone()),
            };
            let answer = match unable {
                Some(reason) => Err(reason),
                None => self.client_or_absence(&address.name).await.inspect_err(|reason| failed = Some(reason.clone())),
            };
            match answer {
                Ok(Some(live)) => reading.objects.push(live),
                Ok(None) => {
                    reading.singles.insert(address.clone(), None);
                }
                Err(reason) => {
                    reading.singles.insert(address.clone(), Some(reason));
                }
            }
        }
    }

    async fn all_clients(&self) -> Result<Vec<Live>, String> {
        let mut ids = BTreeSet::new();
        let mut clients = Vec::new();
        let mut proven = false;
        let mut first = 0;
        let mut stale_pages = 0;
        loop {
            let query = [("first", &*first.to_string()), ("max", &*PAGE.to_string())];
            let page = self.clients_where(&query).await.map_err(|fault| self.reason(&fault))?;
            if page.is_empty() {
                break;
            }
            // By what came, not by what was asked: a server that gives less a page must not make a gap.
            first += page.len();
            let known = ids.len();
            for client in page {
                proven |= client.client_id == self.everywhere();
                if ids.insert(client.id.clone()) {
                    clients.push(self.live(client));
                }
            }
            // One page without anything new happens when clients are added meanwhile.
            stale_pages = if ids.len() == known { stale_pages + 1 } else { 0 };
            if stale_pages == 2 {
                return Err(format!("the pages of clients of Keycloak at {} repeat without end", self.endpoint));
            }
        }
        if proven { Ok(clients) } else { Err(self.silence()) }
    }

    /// A client; `None` only when the credential is shown to see clients.
    async fn client_or_absence(&self, client_id: &str) -> Result<Option<Live>, String> {
        let explain = |fault| self.reason(&fault);
        let found = self.client_by_name(client_id).await.map_err(explain)?;
        if found.is_none() && self.client_by_name(self.everywhere()).await.map_err(explain)?.is_none() {
            return Err(self.silence());
        }
        Ok(found)
    }

    /// The client of exactly this `clientId` among those that the credential sees.
    pub(super) async fn client_by_name(&self, client_id: &str) -> Result<Option<Live>, Fault> {
        let found = self.clients_where(&[("clientId", client_id)]).await?;
        Ok(found.into_iter().find(|client| client.client_id == client_id).map(|client| self.live(client)))
    }

    /// The client of this internal id.
    pub(super) async fn client_by_id(&self, id: &str) -> Result<Live, Fault> {
        let url = self.admin_url(&["clients", id]);
        let answer = self.call(Method::GET, &url, None).await?;
        let client = conceal::client(&answer.body, &self.secrets)
            .ok_or_else(|| self.transport.stranger(answer.status, "no client"))?;
        Ok(self.live(client))
    }

    async fn clients_where(&self, query: &[(&str, &str)]) -> Result<Vec<Concealed>, Fault> {
        let mut url = self.admin_url(&["clients"]);
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.call(Method::GET, &url, None).await?;
        conceal::clients(&answer.body, &self.secrets)
            .ok_or_else(|| self.transport.stranger(answer.status, "no list of clients"))
    }

    fn live(&self, client: Concealed) -> Live {
        let address = Address::client(&self.realm, &client.client_id);
        Live::from_raw(address, client.id, String::new(), false, client.raw.into())
    }

    /// A client that every realm has. Realm `master` has one per realm instead of `realm-management`.
    fn everywhere(&self) -> &'static str {
        if self.realm == "master" { "master-realm" } else { "realm-management" }
    }

    /// The answer is empty or short: too few rights, not too few clients.
    fn silence(&self) -> String {
        format!(
            "Keycloak at {}, realm `{}`: the credential sees no client `{}`: it lacks view-clients; {}",
            self.endpoint,
            self.realm,
            self.everywhere(),
            self.grant("view-clients")
        )
    }

    /// The remedy for a missing role. A user of realm master has the roles of realm R as those of the client `R-realm`.
    pub(super) fn grant(&self, role: &str) -> String {
        let user = self.login.username();
        format!("in realm master, give user `{user}` the role {role} of client `{}-realm`", self.realm)
    }

    fn reason(&self, fault: &Fault) -> String {
        let (endpoint, realm) = (&self.endpoint, &self.realm);
        match fault {
            Fault::Answered { status: 401, keycloak: true, reason } => {
                format!(
                    "Keycloak at {endpoint} refuses a token that it gave a moment ago: {reason}; check its clock and its log"
                )
            }
            Fault::Answered { status: 403, keycloak: true, reason } => format!(
                "Keycloak at {endpoint}: user `{}` may not read the clients of realm `{realm}`: {reason}; {}",
                self.login.username(),
                self.grant("view-clients")
            ),
            Fault::Answered { status: 404, keycloak: true, reason } => format!(
                "Keycloak at {endpoint} has no realm `{realm}`: {reason}; create it, or correct the realm or the context \
                 path of --keycloak-endpoint"
            ),
            Fault::Answered { status, keycloak: true, reason } => format!(
                "Keycloak at {endpoint} answers {status} for the clients of realm `{realm}`: {reason}; its log has the cause"
            ),
            other => other.to_string(),
        }
    }
}
