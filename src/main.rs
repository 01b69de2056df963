//! The program: installs the TLS provider, runs one command, returns its exit status.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // Without a provider reqwest panics; a second installation cannot happen here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ExitCode::from(packctl::cli::run(std::env::args_os()).await.code())
}
