//! The enumerations of the NebariApp CRD.

use std::fmt;

use serde::{Serialize, Serializer};

use super::reader::Choice;

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl Choice for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($text, Self::$variant),)*];
        }

        impl $name {
            /// The text in the CRD.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )*};
}

choices! {
    /// Which of the platform's Gateways serves an app.
    GatewayName {
        /// The one that the outside reaches.
        #[default]
        Public = "public",
        /// The one for the inside.
        Internal = "internal",
    }

    /// Kind of identity provider.
    IdentityProvider {
        /// The platform's Keycloak.
        #[default]
        Keycloak = "keycloak",
        /// Any issuer of OpenID Connect that the environment names.
        GenericOidc = "generic-oidc",
    }

    /// How a path is compared.
    PathType {
        /// The path and all below it.
        #[default]
        PathPrefix = "PathPrefix",
        /// The path alone.
        Exact = "Exact",
    }

    /// How a header's value is compared.
    HeaderMatch {
        /// As a whole.
        #[default]
        Exact = "Exact",
        /// Its beginning.
        Prefix = "Prefix",
        /// Its end.
        Suffix = "Suffix",
        /// By a regular expression.
        RegularExpression = "RegularExpression",
    }

    /// Whether a condition holds.
    ConditionStatus {
        /// It holds.
        True = "True",
        /// It does not.
        False = "False",
        /// Nobody knows.
        #[default]
        Unknown = "Unknown",
    }
}
