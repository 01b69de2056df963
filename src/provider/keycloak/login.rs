//! Tokens: one login shared by all requests, renewed before it expires.

use std::time::{Duration, Instant};

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::transport::{Fault, Transport};

/// The public client of realm `master` that command line tools use.
const CLIENT: &str = "admin-cli";
/// A token is renewed this long before its end, or half its life if that is less; admin-cli's live for 60 s.
const SKEW: Duration = Duration::from_secs(10);
/// Nothing that a server says about lifetimes is believed beyond this.
const LONGEST_LIFE: u64 = 24 * 3600;
/// A refused password is not tried again for so long: repeated tries lock the user.
const REFUSAL_HOLDS: Duration = Duration::from_secs(60);

/// The credential and the token that it gave.
pub(super) struct Login {
    url: Url,
    username: String,
    password: SecretString,
    /// Held over a login, so that there is one at a time and the others wait for its token.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    serial: u64,
    refused: Option<(Instant, String)>,
}

struct Token {
    bearer: Bearer,
    fresh_until: Instant,
    renewal: Option<SecretString>,
}

/// A token to send.
#[derive(Clone)]
pub(super) struct Bearer {
    token: SecretString,
    serial: u64,
}

impl Bearer {
    /// The text to send.
    pub(super) fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// Which of the tokens of this login it is.
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }
}

#[derive(Deserialize)]
struct Grant {
    access_token: String,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
}

impl Login {
    /// A login that has not happened yet.
    pub(super) fn new(url: Url, username: String, password: SecretString) -> Self {
        Self { url, username, password, state: Mutex::default() }
    }

    /// Who logs in.
    pub(super) fn username(&self) -> &str {
        &self.username
    }

    /// A token that is not about to expire and is not the one that Keycloak refused (`stale`).
    pub(super) async fn bearer(&self, transport: &Transport, stale: Option<u64>) -> Result<Bearer, Fault> {
        let mut state = self.state.lock().await;
        if let Some(token) = &state.token
            && Some(token.bearer.serial) != stale
            && Instant::now() < token.fresh_until
        {
            return Ok(token.bearer.clone());
        }
        if let Some((since, reason)) = &state.refused
            && since.elapsed() < REFUSAL_HOLDS
        {
            return Err(Fault::NoToken { refused: true, reason: reason.clone() });
        }
        let former = state.token.take();
        // The session behind a refused token may be gone, and its renewal with it.
        let renewal = former.filter(|token| Some(token.bearer.serial) != stale).and_then(|token| token.renewal);
        if let Some(renewal) = renewal {
            let form = [("grant_type", "refresh_token"), ("refresh_token", renewal.expose_secret())];
            match self.grant(transport, &mut state, form.into()).await {
                Err(Fault::Answered { status: 400 | 401, keycloak: true, .. }) => {}
                other => return other.map_err(|fault| self.explain(transport, fault)),
            }
        }
        let form = [
            ("grant_type", "password"),
            ("username", self.username.as_str()),
            ("password", self.password.expose_secret()),
        ];
        let result =
            self.grant(transport, &mut state, form.into()).await.map_err(|fault| self.explain(transport, fault));
        state.refused = match &result {
            Err(Fault::NoToken { refused: true, reason }) => Some((Instant::now(), reason.clone())),
            _ => None,
        };
        result
    }

    async fn grant(
        &self,
        transport: &Transport,
        state: &mut State,
        mut form: Vec<(&str, &str)>,
    ) -> Result<Bearer, Fault> {
        form.push(("client_id", CLIENT));
        let asked = Instant::now();
        let answer = transport.send(true, |client| client.post(self.url.clone()).form(&form)).await?;
        let Ok(grant) = serde_json::from_str::<Grant>(&answer.body) else {
            return Err(transport.stranger(answer.status, "a token answer without a token"));
        };
        for token in [Some(&grant.access_token), grant.refresh_token.as_ref()].into_iter().flatten() {
            transport.secrets().intern(token.as_bytes());
        }
        let life = Duration::from_secs(grant.expires_in.unwrap_or(0).min(LONGEST_LIFE));
        state.serial += 1;
        let bearer = Bearer { token: grant.access_token.into(), serial: state.serial };
        let fresh_until = asked + life.saturating_sub(SKEW.min(life / 2));
        state.token = Some(Token { bearer: bearer.clone(), fresh_until, renewal: grant.refresh_token.map(Into::into) });
        Ok(bearer)
    }

    fn explain(&self, transport: &Transport, fault: Fault) -> Fault {
        let (user, endpoint) = (&self.username, transport.endpoint());
        let (refused, reason) = match fault {
            Fault::Answered { status: 400 | 401, keycloak: true, reason } => (
                true,
                format!(
                    "Keycloak at {endpoint} refuses the login of `{user}` in realm master: {reason}; check user and \
                     password (a locked user gets the same answer)"
                ),
            ),
            Fault::Answered { status: 404, keycloak: true, reason } => (
                false,
                format!(
                    "{endpoint} has no realm master to log in to: {reason}; check --keycloak-endpoint and its context path \
                     (some installations serve below /auth)"
                ),
            ),
            Fault::Answered { status, keycloak: true, reason } => (
                false,
                format!("Keycloak at {endpoint} answers the login of `{user}` in realm master with {status}: {reason}"),
            ),
            other => (false, other.to_string()),
        };
        Fault::NoToken { refused, reason }
    }
}
