//! Secret values, kept out of every value that can be printed.
//!
//! Providers and the loader hand each secret value to one [`Secrets`] table of the run and keep a [`SecretId`]; bodies
//! carry the id's placeholder text. The core can ask whether two ids are equal and nothing else; only a provider, at the
//! moment of a write, asks for the bytes.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretSlice};

/// Keys of Secrets whose values are public: they stand in redirects, in discovery documents, in TLS handshakes.
pub(crate) const PUBLIC_KEYS: [&str; 6] =
    ["client-id", "issuer-url", "spa-client-id", "device-client-id", "tls.crt", "ca.crt"];

/// Annotation in which `kubectl apply` on the client's side keeps what it applied last; of a Secret with its values.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The number of a secret value within one run; equal values have equal ids. Says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(pub u32);

impl SecretId {
    const PREFIX: &str = "packctl-secret:";
    /// Set in ids of which a snapshot knows no value.
    const NUMBERED: u32 = 1 << 31;

    /// Whether the run knows the value. Of two where it knows one nobody can tell whether they are equal.
    pub fn is_known(self) -> bool {
        self.0 & Self::NUMBERED == 0
    }

    /// The text that stands for this secret in bodies and snapshots.
    pub fn placeholder(self) -> String {
        format!("{}{}", Self::PREFIX, self.0)
    }

    /// The id behind a placeholder text.
    pub fn from_placeholder(text: &str) -> Option<Self> {
        text.strip_prefix(Self::PREFIX)?.parse().ok().map(Self)
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret {}", self.0)
    }
}

#[derive(Default)]
struct Table {
    values: Vec<SecretSlice<u8>>,
    ids: BTreeMap<[u8; 32], SecretId>,
    /// Secrets of a snapshot, by the text that stands for them there.
    numbered: BTreeMap<String, SecretId>,
    /// Printable forms of each value of eight bytes or more, by how they begin.
    forms: HashMap<[u8; Secrets::SHORTEST_MASKED], Vec<String>>,
}

impl Table {
    /// Where secret values stand in a text, in order; values that overlap are one place.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places: Vec<Range<usize>> = Vec::new();
        if self.forms.is_empty() {
            return places;
        }
        for (start, window) in text.as_bytes().windows(Secrets::SHORTEST_MASKED).enumerate() {
            let forms = window.first_chunk().and_then(|beginning| self.forms.get(beginning));
            // Forms are text: where one is found, a character begins, and another ends.
            let found =
                forms.into_iter().flatten().filter(|form| text.as_bytes()[start..].starts_with(form.as_bytes()));
            let Some(end) = found.map(|form| start + form.len()).max() else { continue };
            match places.last_mut() {
                Some(last) if start < last.end => last.end = last.end.max(end),
                _ => places.push(start..end),
            }
        }
        places
    }
}

/// The secret values of one run. Cloning shares the table.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Table>>);

impl Secrets {
    /// Values shorter than this are not masked in running text: they would hide ordinary words.
    const SHORTEST_MASKED: usize = 8;

    /// Takes a value in and gives its id; the same value gets the same id.
    pub fn intern(&self, value: &[u8]) -> SecretId {
        use sha2::Digest as _;
        let hash: [u8; 32] = sha2::Sha256::digest(value).into();
        let mut table = self.table();
        if let Some(id) = table.ids.get(&hash) {
            return *id;
        }
        let id = SecretId(u32::try_from(table.values.len()).unwrap_or(u32::MAX) & !SecretId::NUMBERED);
        table.values.push(SecretSlice::from(value.to_vec()));
        table.ids.insert(hash, id);
        for form in printable_forms(value) {
            if let Some(start) = form.as_bytes().first_chunk() {
                table.forms.entry(*start).or_default().push(form);
            }
        }
        id
    }

    /// Takes in a placeholder of a recorded snapshot: equal placeholders are equal secrets, the value is unknown.
    pub fn intern_placeholder(&self, text: &str) -> SecretId {
        let mut table = self.table();
        let next = SecretId(u32::try_from(table.numbered.len()).unwrap_or(u32::MAX) | SecretId::NUMBERED);
        *table.numbered.entry(text.to_owned()).or_insert(next)
    }

    /// The value itself, for a provider that is about to write it.
    pub(crate) fn expose(&self, id: SecretId) -> Option<Vec<u8>> {
        self.table().values.get(id.0 as usize).map(|value| value.expose_secret().to_vec())
    }

    /// `text` with every known secret value replaced, also in its base64, URL and JSON forms. Of values that overlap nothing
    /// is left.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut shown = 0;
        for hidden in self.table().places(text) {
            masked.push_str(&text[shown..hidden.start]);
            masked.push_str("(secret)");
            shown = hidden.end;
        }
        masked.push_str(&text[shown..]);
        masked
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn printable_forms(value: &[u8]) -> Vec<String> {
    if value.len() < Secrets::SHORTEST_MASKED {
        return Vec::new();
    }
    let mut forms: Vec<String> =
        [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].map(|engine| engine.encode(value)).to_vec();
    if let Ok(text) = std::str::from_utf8(value) {
        forms.push(text.to_owned());
        let json = serde_json::Value::from(text).to_string();
        forms.push(json[1..json.len() - 1].to_owned());
        forms.push(
            text.bytes()
                .map(|byte| match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
                    other => format!("%{other:02X}"),
                })
                .collect(),
        );
    }
    forms.sort();
    forms.dedup();
    forms
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} values)", self.table().values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_id_and_every_form_is_masked() {
        let secrets = Secrets::default();
        let id = secrets.intern(b"can\"ary value/1");
        assert_eq!(id, secrets.intern(b"can\"ary value/1"));
        assert_ne!(id, secrets.intern(b"another value"));
        assert_eq!(SecretId::from_placeholder(&id.placeholder()), Some(id));
        for text in ["can\"ary value/1", "can\\\"ary value/1", "can%22ary%20value%2F1", "Y2FuImFyeSB2YWx1ZS8x"] {
            assert_eq!(secrets.mask(&format!("<{text}>")), "<(secret)>");
        }
        assert!(!format!("{secrets:?}").contains("canary"));
    }

    #[test]
    fn nothing_is_left_of_values_that_overlap_or_lie_in_one_another() {
        let secrets = Secrets::default();
        for value in ["first-half", "half-of-the-second", "of-the-s", "ümlaut-äöü", "AAAAAAAA"] {
            secrets.intern(value.as_bytes());
        }
        assert_eq!(secrets.mask("<first-half-of-the-second>"), "<(secret)>");
        assert_eq!(secrets.mask("<of-the-s><ümlaut-äöü>ü"), "<(secret)><(secret)>ü");
        assert_eq!(secrets.mask("AAAAAAAAAAAAAAAAAAA"), "(secret)");
        assert_eq!(secrets.mask("first-hal half-of"), "first-hal half-of");
        assert_eq!(secrets.mask(""), "");
    }
}
