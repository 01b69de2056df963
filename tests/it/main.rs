//! The integration tests, one binary.

mod architecture;
mod env;
mod scenarios;
