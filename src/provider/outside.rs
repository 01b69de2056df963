//! A request to a Gateway as a stranger would send it.

use std::time::Duration;

use reqwest::header::HOST;
use reqwest::redirect::Policy;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Answer, cause};
use crate::plan::Probe;

const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);
/// A port that Envoy has not bound yet refuses for a moment.
const TRIES: usize = 3;

/// Asks over a new connection. No credential goes along, so the certificate is not checked: who answers instead of the Gateway
/// gets nothing, and the Gateway's address is the one in its status.
pub(super) async fn ask(probe: &Probe, at: (&str, u16)) -> Answer {
    let mut reason = String::new();
    for attempt in 0..TRIES {
        if attempt > 0 {
            sleep(Duration::from_millis(500)).await;
        }
        match timeout(CONNECT, TcpStream::connect(at)).await {
            Ok(Ok(connection)) => {
                let address = connection.peer_addr();
                drop(connection);
                match address {
                    Ok(address) => return request(probe, address).await,
                    Err(error) => reason = error.to_string(),
                }
            }
            Ok(Err(error)) => reason = error.to_string(),
            Err(_) => return Answer::Unreachable(format!("{}:{} does not answer", at.0, at.1)),
        }
    }
    Answer::Unreachable(format!("{}:{}: {reason}", at.0, at.1))
}

async fn request(probe: &Probe, address: std::net::SocketAddr) -> Answer {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .tls_danger_accept_invalid_certs(true)
        .resolve(&probe.host, address)
        .pool_max_idle_per_host(0)
        .timeout(ANSWER)
        .build();
    let url = format!("{}://{}:{}{}", probe.scheme, probe.host, address.port(), probe.path);
    let sent = match client {
        // Hosts of routes have no port.
        Ok(client) => client.get(url).header(HOST, &probe.host).send().await,
        Err(error) => Err(error),
    };
    match sent {
        Ok(response) => Answer::Status(response.status().as_u16()),
        Err(error) if error.is_timeout() => Answer::Nothing(format!("no answer within {} s", ANSWER.as_secs())),
        Err(error) => Answer::Nothing(cause(&error)),
    }
}
