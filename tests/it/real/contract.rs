//! The cases of `testdata/contract.yaml` on the real servers, and what a snapshot makes of the same writes.

use std::sync::Arc;
use std::time::Duration;

use packctl::provider::Providers;
use packctl::provider::keycloak::{self, Keycloak};
use packctl::provider::kubernetes::{self, Kubernetes};
use packctl::resource::Secrets;

use crate::contract::{Ground, cases, run, snapshot};
use crate::env::{Env, Realm, unique};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_servers_do_with_writes_what_the_cases_say_and_a_snapshot_does_the_same() {
    let env = Env::get();
    let (namespace, realm) = (unique("contract"), Realm::shared().await);
    env.kubectl(&["create", "namespace", &namespace]);
    let real = servers(&namespace, &realm.name).await;
    let dir = tempfile::tempdir().expect("a folder");
    let played = snapshot(dir.path(), &namespace, &realm.name);
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let (servers, folder) = (run(&real, case, number).await, run(&played, case, number).await);
        match (servers, folder) {
            (Ok(servers), Ok(folder)) if case.loose => drop((servers, folder)),
            (Ok(servers), Ok(folder)) => {
                for (step, (servers, folder)) in servers.iter().zip(&folder).enumerate() {
                    if servers != folder {
                        wrong.push(format!(
                            "{}\n  step {}:\n  real   {servers}\n  played {folder}",
                            case.case,
                            step + 1
                        ));
                        break;
                    }
                }
            }
            (servers, folder) => {
                let told = |result: Result<_, String>| result.err().unwrap_or_else(|| "as expected".into());
                wrong.push(format!("{}\n  real   {}\n  played {}", case.case, told(servers), told(folder)));
            }
        }
    }
    env.kubectl(&["delete", "namespace", &namespace, "--wait=false"]);
    for client in
        realm.get(&format!("clients?clientId={namespace}-&search=true")).await.as_array().into_iter().flatten()
    {
        realm.delete(&format!("clients/{}", client["id"].as_str().expect("an id"))).await;
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases().len(), wrong.join("\n"));
}

async fn servers(namespace: &str, realm: &str) -> Ground {
    let (env, secrets) = (Env::get(), Secrets::default());
    let settings = kubernetes::Settings {
        kubeconfig: Some(env.kubeconfig.clone()),
        context: None,
        impersonate: None,
        impersonate_groups: Vec::new(),
        timeout: Duration::from_secs(30),
        cache: None,
    };
    let client = Kubernetes::connect(&settings, secrets.clone()).await.expect("a connection");
    let kinds = client.discover().await.expect("the kinds").kinds;
    let keycloak = Keycloak::new(
        keycloak::Settings {
            endpoint: env.keycloak_url.clone(),
            realm: realm.into(),
            username: env.keycloak_username.clone(),
            password: env.keycloak_password.clone().into(),
            timeout: Duration::from_secs(30),
        },
        secrets.clone(),
    );
    let providers = Providers {
        kubernetes: Arc::new(client.with_kinds(kinds)),
        keycloak: Ok(Arc::new(keycloak.expect("an endpoint"))),
    };
    Ground { providers, secrets, namespace: namespace.into(), realm: realm.into() }
}
