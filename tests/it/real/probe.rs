//! A Gateway that can be reached is asked before an app is opened.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::lab::Lab;

/// Answers https as Envoy would: `early` times without the policy, then with `late`.
struct Envoy {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Envoy {
    fn start(early: usize, late: &'static str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(["app.example.test".to_owned()]).expect("it can be made");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it is a key");
        let config = ServerConfig::builder().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![made.cert.der().clone()], key).expect("they fit"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let Ok(session) = ServerConnection::new(config.clone()) else { continue };
                let mut stream = StreamOwned::new(session, connection);
                let mut request = [0_u8; 4096];
                // A connection that only looks whether somebody is there sends nothing.
                let Ok(length) = stream.read(&mut request) else { continue };
                let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
                let asks = request.starts_with("get / http/1.1") && !request.contains("cookie");
                let status = match counted.fetch_add(1, Ordering::SeqCst) {
                    _ if !asks => "400 Bad Request",
                    earlier if earlier < early => "500 Internal Server Error",
                    _ => late,
                };
                let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        Self { port, asked }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_is_opened_when_the_gateway_itself_answers_with_the_login() {
    let envoy = Envoy::start(3, "302 Found");
    let lab = Lab::reached_at(envoy.port).await;
    let input = lab.input("apps", &[lab.app("guarded")]);
    let apply = lab.packctl().run(&["apply", "--yes", "-f", &input]).await.succeeds();
    apply.says("it answers 500, not yet with the login");
    apply.never_says("not probed");
    assert!(envoy.asked.load(Ordering::SeqCst) > 3, "it was asked until it answered");
    lab.at_rest(&input).await;
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_stays_closed_while_the_gateway_answers_without_the_login() {
    let envoy = Envoy::start(0, "200 OK");
    let lab = Lab::reached_at(envoy.port).await;
    let input = lab.input("apps", &[lab.app("guarded")]);
    let apply = lab.packctl().run(&["apply", "--yes", "--wait-limit", "4", "-f", &input]).await.exits(1);
    apply.says("it answers 200, not yet with the login");
    apply.says("the app stays closed");
    let route = lab.get("httproute", lab.namespace(), "guarded-route");
    assert_eq!(route["spec"]["rules"][0]["backendRefs"][0]["weight"], 0);
    assert!(envoy.asked.load(Ordering::SeqCst) > 0);
    lab.close().await;
}
