//! One HTTP exchange: no redirects, bounded answers, bounded repetition, and reasons that a person can act on.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;

use super::super::cause;
use super::endpoint::Endpoint;
use crate::resource::Secrets;

/// A page of 100 clients is 200 KB; one client attribute may hold 8 MB.
const LONGEST_ANSWER: usize = 64 << 20;
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest text of a server that is repeated in a reason.
const LONGEST_REASON: usize = 300;

/// A 2xx answer.
pub(super) struct Answer {
    /// Its status.
    pub(super) status: StatusCode,
    /// JSON, or nothing.
    pub(super) body: String,
}

/// Why there is no such answer. Texts are one line, masked, and name the URL and the remedy.
#[derive(Debug)]
pub(super) enum Fault {
    /// The request did not leave.
    Unsent(String),
    /// There is no token to send it with.
    NoToken {
        /// Keycloak refuses the credential, in contrast to being unable to answer.
        refused: bool,
        /// What happened.
        reason: String,
    },
    /// It left, and no whole answer came back.
    Lost(String),
    /// The answer is a no, or none that Keycloak gives.
    Answered {
        /// The status.
        status: u16,
        /// It is Keycloak who answered; `reason` is then its own text.
        keycloak: bool,
        /// What the answer says.
        reason: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent(reason) | Self::NoToken { reason, .. } | Self::Lost(reason) => f.write_str(reason),
            Self::Answered { keycloak: false, reason, .. } => f.write_str(reason),
            Self::Answered { status, reason, .. } => write!(f, "Keycloak answers {status}: {reason}"),
        }
    }
}

/// The HTTP client and its count of requests.
pub(super) struct Transport {
    client: Client,
    endpoint: String,
    timeout: Duration,
    secrets: Secrets,
    sent: AtomicUsize,
}

impl Transport {
    /// Builds the client; sends nothing.
    pub(super) fn new(endpoint: &Endpoint, timeout: Duration, secrets: Secrets) -> Result<Self, String> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // reqwest panics without one. Losing the race against another thread is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = Client::builder()
            .user_agent(concat!("packctl/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            // A connection that a proxy closed meanwhile would lose the answer of a write.
            .pool_idle_timeout(Duration::from_secs(15));
        if !endpoint.is_encrypted() {
            // A proxy would read the password, and what plain http is allowed to reach needs none.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| format!("no HTTP client for {endpoint}: {}", cause(&error)))?;
        Ok(Self { client, endpoint: endpoint.to_string(), timeout, secrets, sent: AtomicUsize::new(0) })
    }

    /// The endpoint, for reasons.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The secrets of the run.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Requests sent so far.
    pub(super) fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends a request. One that did not leave is tried again; one that did only if `repeat` says that it may.
    pub(super) async fn send(
        &self,
        repeat: bool,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Answer, Fault> {
        let mut tries = 1;
        loop {
            self.sent.fetch_add(1, Ordering::Relaxed);
            let (result, slow) = match request(&self.client).send().await {
                Ok(response) => self.answer(response).await,
                Err(error) => (Err(self.failure(&error)), error.is_timeout()),
            };
            let again = match &result {
                Err(Fault::Unsent(_)) => !slow,
                Err(Fault::Lost(_)) => repeat && !slow,
                Err(Fault::Answered { status, .. }) => repeat && *status >= 500,
                _ => false,
            };
            if !again || tries == TRIES {
                return result;
            }
            tokio::time::sleep(PAUSE * 3_u32.pow(tries - 1)).await;
            tries += 1;
        }
    }

    /// Reads an answer; the flag says that it did not come in time.
    async fn answer(&self, mut response: Response) -> (Result<Answer, Fault>, bool) {
        let status = response.status();
        if status.is_redirection() {
            let target = header_text(&response, header::LOCATION);
            let target = target.split(['?', '#']).next().unwrap_or_default();
            let target = self.one_line(target);
            let reason = format!(
                "{} answers with a redirect to `{target}`, which is not followed with a credential; set \
                 --keycloak-endpoint to where Keycloak itself answers",
                self.endpoint
            );
            return (Err(Fault::Answered { status: status.as_u16(), keycloak: false, reason }), false);
        }
        let kind = header_text(&response, header::CONTENT_TYPE).to_owned();
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return (Err(self.failure(&error)), error.is_timeout()),
            }
            if bytes.len() > LONGEST_ANSWER {
                let reason = format!("{} answers with more than {} MB", self.endpoint, LONGEST_ANSWER >> 20);
                return (Err(Fault::Answered { status: status.as_u16(), keycloak: false, reason }), false);
            }
        }
        (self.judge(status, &kind, bytes), false)
    }

    fn judge(&self, status: StatusCode, kind: &str, bytes: Vec<u8>) -> Result<Answer, Fault> {
        let text =
            String::from_utf8(bytes).ok().filter(|text| matches!(text.trim_start().as_bytes(), [] | [b'{' | b'[', ..]));
        match text {
            Some(body) if status.is_success() => Ok(Answer { status, body }),
            Some(body) if message(&body).is_some() => {
                let reason = self.one_line(&message(&body).unwrap_or_default());
                Err(Fault::Answered { status: status.as_u16(), keycloak: true, reason })
            }
            _ => Err(self.stranger(status, kind)),
        }
    }

    /// A 2xx or an error that Keycloak does not give.
    pub(super) fn stranger(&self, status: StatusCode, kind: &str) -> Fault {
        let kind = if kind.is_empty() { String::new() } else { format!(" with {}", self.one_line(kind)) };
        let reason = format!(
            "{} answers {}{kind} and not as Keycloak does: another server, or something in front of Keycloak; check \
             --keycloak-endpoint",
            self.endpoint,
            status.as_u16()
        );
        Fault::Answered { status: status.as_u16(), keycloak: false, reason }
    }

    fn failure(&self, error: &reqwest::Error) -> Fault {
        let endpoint = &self.endpoint;
        let cause = self.one_line(&cause(error));
        if error.is_connect() || error.is_builder() {
            let remedy = if cause.contains("certificate") {
                "check that its certificate is for this name and that the system trusts its authority"
            } else {
                "check that it runs and that --keycloak-endpoint is right"
            };
            Fault::Unsent(format!("Keycloak at {endpoint} cannot be reached: {cause}; {remedy}"))
        } else if error.is_timeout() {
            let limit = self.timeout.as_secs_f64();
            Fault::Lost(format!("Keycloak at {endpoint} did not answer within {limit} s; check that it is healthy"))
        } else {
            Fault::Lost(format!("the connection to Keycloak at {endpoint} broke before its answer: {cause}; try again"))
        }
    }

    /// A text from outside, fit for a reason: secrets masked, control and bidi characters visible, cut to a length.
    fn one_line(&self, text: &str) -> String {
        let masked = self.secrets.mask(text);
        let mut line = String::new();
        for word in masked.split_whitespace() {
            if !line.is_empty() {
                line.push(' ');
            }
            for character in word.chars() {
                match character {
                    '"' | '\'' | '\\' => line.push(character),
                    other => line.extend(other.escape_debug()),
                }
            }
        }
        if line.chars().count() > LONGEST_REASON {
            line = line.chars().take(LONGEST_REASON).chain("...".chars()).collect();
        }
        line
    }
}

/// What Keycloak's error bodies say: `errorMessage` of the Admin API, `error_description` and `error` of OAuth.
fn message(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let error = text("error");
    let detail = text("errorMessage").or_else(|| text("error_description"));
    match (error, detail) {
        (Some(error), Some(detail)) => Some(format!("{detail} ({error})")),
        (None, Some(only)) | (Some(only), None) => Some(only.to_owned()),
        (None, None) => None,
    }
}

fn header_text(response: &Response, name: header::HeaderName) -> &str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
