//! The tests that need more than one module of packctl, in one program.

mod architecture;
mod env;
mod packctl;
mod properties;
mod proxy;
mod real;
mod scenarios;
mod stand_in;
