//! One request and what became of it.
//!
//! Every answer is read here, once: a Status of the API server, a web page of something in between, or nothing at all. Those
//! who ask again are reads alone; a write is sent once.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER, WARNING};
use http::{Method, Request};
use kube::Client;
use kube::client::{AuthError, Body};
use kube::core::Status;
use tokio::sync::Semaphore;

use super::text;
use crate::resource::{Address, Secrets};

/// The client speaks HTTP/1.1, so a request in flight is a connection.
const IN_FLIGHT: usize = 16;
const TRIES: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the server wanted people to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The object of the request, when it was about one.
    pub object: Option<Address>,
    /// The server's words, in one line.
    pub text: String,
}

/// A request, as often as it is sent.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) accept: &'static str,
    pub(super) content: Option<(&'static str, Vec<u8>)>,
    pub(super) object: Option<Address>,
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::GET, path, accept: "application/json", content: None, object: None }
    }

    fn request(&self) -> Result<Request<Body>, http::Error> {
        let mut request = Request::builder().method(&self.method).uri(&self.path).header(ACCEPT, self.accept);
        if let Some((content_type, _)) = &self.content {
            request = request.header(CONTENT_TYPE, *content_type);
        }
        request.body(self.content.as_ref().map_or_else(Body::empty, |(_, bytes)| bytes.clone().into()))
    }
}

/// A success.
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) text: String,
}

/// Why there is no success. Each text is one line, masked, and complete in itself.
#[derive(Debug)]
pub(super) enum Failure {
    /// It could not be sent at all: no credential, no valid path.
    Local(String),
    /// No connection.
    Unreached(String),
    /// The connection broke after sending began.
    Lost(String),
    /// No answer within the time.
    Late(String),
    /// Something that is not Kubernetes answered with a web page.
    Foreign(u16, String),
    /// The server said no.
    Refused(Box<Refusal>),
}

/// The server's no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    /// `None` when the answer was no Status.
    pub(super) status: Option<Status>,
    pub(super) message: String,
    pause: Option<Duration>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(text)
            | Self::Unreached(text)
            | Self::Lost(text)
            | Self::Late(text)
            | Self::Foreign(_, text) => f.write_str(text),
            Self::Refused(refusal) => f.write_str(&refusal.message),
        }
    }
}

impl Failure {
    /// The HTTP status of a refusal.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// The API server says that the named object does not exist. A 404 for an unknown path or of a proxy says less.
    pub(super) fn is_absence(&self) -> bool {
        let Self::Refused(refusal) = self else { return false };
        let named = refusal.status.as_ref().and_then(|status| status.details.as_ref());
        refusal.code == 404 && named.is_some_and(|details| !details.name.is_empty())
    }

    /// How long to wait before asking again, where that may help.
    fn pause(&self, usual: Duration) -> Option<Duration> {
        match self {
            Self::Unreached(_) | Self::Lost(_) | Self::Foreign(502..=504, _) => Some(usual),
            Self::Refused(refusal) if matches!(refusal.code, 429 | 503 | 504) => {
                Some(refusal.pause.unwrap_or(usual).min(LONGEST_PAUSE))
            }
            _ => None,
        }
    }
}

/// The connection to one server.
pub(super) struct Wire {
    client: Client,
    /// Its URL, for messages.
    pub(super) server: String,
    /// Where URL and credentials come from: `kubeconfig FILE`.
    pub(super) origin: String,
    pub(super) secrets: Secrets,
    /// For one request, from the moment it may be sent.
    timeout: Duration,
    /// Before the second try; four times as long before the third.
    pause: Duration,
    slots: Semaphore,
    warnings: Mutex<BTreeSet<Warning>>,
}

impl Wire {
    pub(super) fn new(client: Client, server: String, origin: String, secrets: Secrets, timeout: Duration) -> Self {
        let slots = Semaphore::new(IN_FLIGHT);
        let pause = Duration::from_millis(200);
        Self { client, server, origin, secrets, timeout, pause, slots, warnings: Mutex::default() }
    }

    #[cfg(test)]
    pub(super) fn impatient(self) -> Self {
        Self { pause: Duration::ZERO, ..self }
    }

    /// Sends a request that changes nothing, again where that may help. Each try counts.
    pub(super) async fn patiently(&self, call: &Call, requests: &AtomicUsize) -> Result<Answer, Failure> {
        let mut usual = self.pause;
        for _ in 1..TRIES {
            requests.fetch_add(1, Ordering::Relaxed);
            let failure = match self.once(call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(pause) = failure.pause(usual) else { return Err(failure) };
            tokio::time::sleep(pause).await;
            usual *= 4;
        }
        requests.fetch_add(1, Ordering::Relaxed);
        self.once(call).await
    }

    /// Sends a request once.
    pub(super) async fn once(&self, call: &Call) -> Result<Answer, Failure> {
        let request = call.request().map_err(|error| Failure::Local(self.line(&error.to_string())))?;
        let _slot = self.slots.acquire().await;
        match tokio::time::timeout(self.timeout, self.exchange(call, request)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Late(format!("{} gave no answer within {:?}", self.server, self.timeout))),
        }
    }

    /// The warnings since the last call.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *warnings).into_iter().collect()
    }

    async fn exchange(&self, call: &Call, request: Request<Body>) -> Result<Answer, Failure> {
        let response = self.client.send(request).await.map_err(|error| self.broken(&error))?;
        let code = response.status().as_u16();
        self.note_warnings(call, response.headers());
        let pause = header(response.headers(), RETRY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let html = header(response.headers(), CONTENT_TYPE).is_some_and(|kind| kind.contains("html"));
        let bytes = response.into_body().collect_bytes().await.map_err(|error| self.broken(&error))?;
        let text = String::from_utf8(bytes.into())
            .map_err(|_| Failure::Foreign(code, format!("{} answered bytes that are no text", self.server)))?;
        if html || text.trim_start().starts_with('<') {
            return Err(Failure::Foreign(code, self.no_kubernetes(code)));
        }
        match code {
            200..=299 => Ok(Answer { code, text }),
            300..=399 => Err(Failure::Foreign(code, self.no_kubernetes(code))),
            _ => Err(Failure::Refused(Box::new(self.refusal(code, &text, pause)))),
        }
    }

    fn no_kubernetes(&self, code: u16) -> String {
        let what = match code {
            300..=399 => "a redirect",
            _ => "text/html",
        };
        format!("{} answered {what} (HTTP {code}), not Kubernetes; check the server in {}", self.server, self.origin)
    }

    fn refusal(&self, code: u16, body: &str, pause: Option<Duration>) -> Refusal {
        let status = serde_json::from_str::<Status>(body).ok().filter(|status| status.code != 0);
        let message = match &status {
            _ if code == 401 => format!("{} does not accept the credentials of {}", self.server, self.origin),
            Some(status) => text::status(status),
            None if body.trim().is_empty() => format!("{} answered HTTP {code}", self.server),
            None => format!("{} answered HTTP {code}: {}", self.server, body.trim()),
        };
        Refusal { code, status, message: self.line(&message), pause }
    }

    fn broken(&self, error: &kube::Error) -> Failure {
        if let Some(error) = text::causes(error).find_map(|cause| cause.downcast_ref::<AuthError>()) {
            return Failure::Local(self.line(&format!("{}: {}", self.origin, text::auth(error))));
        }
        let cause = text::root_cause(error);
        // The type of this error is not exported by kube; a test holds its words.
        if text::causes(error).any(|cause| cause.to_string() == "client error (Connect)") {
            return Failure::Unreached(self.line(&format!("{} cannot be reached: {cause}", self.server)));
        }
        Failure::Lost(self.line(&format!("the connection to {} broke: {cause}", self.server)))
    }

    fn line(&self, text: &str) -> String {
        text::one_line(&self.secrets.mask(text))
    }

    fn note_warnings(&self, call: &Call, headers: &HeaderMap) {
        let values = headers.get_all(WARNING).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let texts = values.flat_map(|value| warning_texts(&value));
        let found: Vec<Warning> =
            texts.map(|text| Warning { object: call.object.clone(), text: self.line(&text) }).collect();
        if !found.is_empty() {
            self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
        }
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The texts of a `Warning` header: `299 - "text"`, several with commas between, a quoted date perhaps behind the text.
fn warning_texts(header: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = header;
    while let Some((_, from)) = rest.split_once(" - \"") {
        let mut text = String::new();
        let mut characters = from.char_indices();
        let mut end = from.len();
        while let Some((position, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                '"' => {
                    end = position + 1;
                    break;
                }
                other => text.push(other),
            }
        }
        texts.push(text);
        rest = &from[end..];
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warning_headers_are_taken_apart() {
        let header = r#"299 - "v1 is deprecated, use \"v2\"", 299 - "second" "Tue, 24 Nov 2026 10:00:00 GMT""#;
        assert_eq!(warning_texts(header), ["v1 is deprecated, use \"v2\"", "second"]);
        assert!(warning_texts("nonsense").is_empty());
        assert_eq!(warning_texts("299 - \"cut"), ["cut"]);
    }
}
