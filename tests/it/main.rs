//! The integration tests, one binary.

mod architecture;
mod env;
mod packctl;
mod properties;
mod scenarios;
