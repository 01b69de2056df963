//! The integration tests, one binary.

mod architecture;
mod contract;
mod env;
mod helm;
mod packctl;
mod properties;
mod proxy;
mod readme;
mod real;
mod scenarios;
mod shapes;
mod stand_in;
