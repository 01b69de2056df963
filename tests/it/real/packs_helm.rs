//! `examples/helm` on the real servers: one chart, deployed as prod and as staging.

use std::fs;

use serde_json::{Value, json};

use super::lab::Lab;
use super::packctl::Ended;
use super::packs::{Repo, changes, is_empty, plan, remove_namespace};
use crate::env::Env;

struct Twice {
    lab: Lab,
    repo: Repo,
    /// The Applications, prod first.
    names: [String; 2],
}

impl Twice {
    async fn applied() -> Self {
        let lab = Lab::with_namespaces(2).await;
        let repo = Repo::new(&lab);
        repo.copy("examples/helm/chart", "chart", "");
        let mut names = Vec::new();
        for (index, namespace) in lab.namespaces.iter().enumerate() {
            remove_namespace(namespace);
            let values = json!({"hostname": format!("notes.{namespace}.example.test"), "replicas": 1});
            let helm = if index == 0 {
                json!({"releaseName": "guarded", "valuesObject": values})
            } else {
                json!({"releaseName": "guarded", "valueFiles": ["values-staging.yaml"], "values": values.to_string()})
            };
            names.push(repo.application("chart", namespace, &helm));
        }
        let names = names.try_into().expect("there are two");
        let twice = Self { lab, repo, names };
        twice.packctl(&["apply", "--yes", "-f", twice.repo.input()]).await.succeeds();
        is_empty(&twice.plan(twice.repo.input()).await);
        twice
    }

    async fn packctl(&self, args: &[&str]) -> Ended {
        let helm = Env::get().helm.to_str().expect("its path is text");
        self.lab.packctl().run(&[args, &["--helm", helm]].concat()).await
    }

    async fn plan(&self, input: &str) -> Value {
        let helm = Env::get().helm.to_str().expect("its path is text");
        plan(&self.lab, &["--helm", helm, "-f", input]).await
    }

    fn file(&self, index: usize) -> String {
        format!("{}/{}.yaml", self.repo.input(), self.names[index])
    }

    /// Everything of a deployment, its entry on the Gateway and its client with it.
    async fn all_of(&self, index: usize) -> String {
        let namespace = &self.lab.namespaces[index];
        let kinds =
            "nebariapp,httproute,securitypolicy,deployment,service,serviceaccount,secret,role,rolebinding,configmap";
        let own = Env::get().kubectl(&["get", kinds, "-n", namespace, "-o", "json", "--show-managed-fields"]);
        let listener = self.lab.listener(&format!("tls-guarded-{namespace}"));
        let named = format!("guarded-{namespace}-cert");
        let certificate = self.lab.get("certificate", &self.lab.gateways, &named);
        let lock = self.lab.get("securitypolicy", &self.lab.gateways, &format!("lock-tls-guarded-{namespace}"));
        let client = self.lab.realm.client(&format!("{namespace}-guarded")).await;
        format!("{own}\n{listener:#}\n{certificate:#}\n{lock:#}\n{client:#?}")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prod_and_staging_of_one_chart_stay_apart() {
    let twice = Twice::applied().await;
    let [prod, staging] = [twice.file(0), twice.file(1)];
    let text = fs::read_to_string(&prod).expect("it is there");
    assert!(text.contains(r#""replicas":1"#), "{text}");
    fs::write(&prod, text.replace(r#""replicas":1"#, r#""replicas":3"#)).expect("it can be written");
    is_empty(&twice.plan(&staging).await);
    let namespace = &twice.lab.namespaces[0];
    let expected = format!("apps/Deployment/{namespace}/guarded spec.replicas pending 1 -> 3 ");
    assert_eq!(changes(&twice.plan(twice.repo.input()).await), [expected]);
    twice.packctl(&["apply", "--yes", "-f", &prod]).await.succeeds();
    is_empty(&twice.plan(twice.repo.input()).await);

    let before = twice.all_of(0).await;
    assert!(before.contains("oidc-client") && before.contains("redirectUris"), "{before}");
    twice.packctl(&["destroy", "--yes", "-f", &staging]).await.succeeds();
    assert_eq!(twice.all_of(0).await, before, "byte for byte");
    for kind in ["nebariapp", "httproute", "securitypolicy", "deployment", "service", "secret", "configmap"] {
        assert!(twice.lab.names(kind, &twice.lab.namespaces[1]).is_empty(), "{kind} of staging");
    }
    is_empty(&twice.plan(&prod).await);
    twice.lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_of_a_chart_is_an_upgrade_of_both_and_ends_in_an_empty_plan() {
    let twice = Twice::applied().await;
    let chart = twice.lab.path("repo/chart/Chart.yaml");
    let text = fs::read_to_string(&chart).expect("it is there");
    let text = text.replace("version: 0.3.0", "version: 0.4.0").replace("appVersion: 1.3.0", "appVersion: 1.4.0");
    fs::write(&chart, text).expect("it can be written");
    let shown = twice.packctl(&["plan", "-f", twice.repo.input()]).await.succeeds();
    for name in &twice.names {
        let line = shown.line_with(name);
        assert!(line.contains("0.3.0 -> 0.4.0"), "{line}");
    }
    shown.says("image 1.3.0 -> 1.4.0");
    twice.packctl(&["apply", "--yes", "-f", twice.repo.input()]).await.succeeds();
    is_empty(&twice.plan(twice.repo.input()).await);
    for namespace in &twice.lab.namespaces {
        let deployment = twice.lab.get("deployment", namespace, "guarded");
        let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(image, "example/notes:1.4.0");
    }
    twice.lab.close().await;
}

/// A chart as public packs are: `testdata/packs/shaped/Chart.yaml` says in which way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_in_the_shape_of_public_packs_is_served_and_at_rest_with_and_without_its_app() {
    let lab = Lab::open().await;
    let namespace = lab.namespace();
    let repo = Repo::new(&lab);
    repo.copy("testdata/packs/shaped", "chart", namespace);
    let values = |enabled: bool| {
        let hostname = format!("shaped.{namespace}.example.test");
        json!({"releaseName": "guarded", "valuesObject": {"nebariapp": {"enabled": enabled, "hostname": hostname}}})
    };
    let name = repo.application("chart", namespace, &values(true));
    let helm = Env::get().helm.to_str().expect("its path is text");
    let apply = ["apply", "--yes", "--helm", helm, "-f", repo.input()];
    lab.packctl().run(&apply).await.succeeds();
    is_empty(&plan(&lab, &["--helm", helm, "-f", repo.input()]).await);
    assert_eq!(lab.stand_in.opened().await.len(), 1, "it is served");

    repo.named(&name, "chart", namespace, &values(false));
    lab.packctl().run(&apply).await.succeeds();
    is_empty(&plan(&lab, &["--helm", helm, "-f", repo.input()]).await);
    for kind in ["nebariapp", "httproute", "securitypolicy"] {
        assert!(lab.names(kind, namespace).is_empty(), "{kind}");
    }
    let deployment = lab.get("deployment", namespace, "guarded");
    assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["env"], Value::Null);
    lab.close().await;
}
