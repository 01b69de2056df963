//! The integration tests, one binary.

mod architecture;
mod codes;
mod contract;
mod env;
mod fields;
mod helm;
mod mutation;
mod packctl;
mod properties;
mod proxy;
mod readme;
mod real;
mod releases;
mod scenarios;
mod shapes;
mod stand_in;
mod validate;
