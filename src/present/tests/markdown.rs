use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::markdown::{LIMIT, plan};
use super::super::samples::*;
use crate::diagnostic::Diagnostic;
use crate::diff::Class;
use crate::plan::{Action, Change, Opening, PackSummary, Plan};
use crate::resource::{Address, AppId, FieldPath, PackId};

/// The comment without the differences, which the tests of `explain` and `fields` show.
fn outline(plan_: &Plan) -> String {
    let comment = plan(plan_).expect("something changes");
    let mut kept = String::new();
    let mut fence = false;
    for line in comment.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        if ticks >= 3 {
            fence = ticks < line.len();
        } else if !fence {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn the_order_is_verdict_totals_what_stops_what_opens_then_the_packs() {
    insta::assert_snapshot!(outline(&everything()), @r###"
    <!-- packctl:plan prod -->
    ### Stops: <code>prod</code>

    A part of it cannot be planned. 8 to change, 1 to replace, 5 to delete, 1 to adopt, 0 to add; 1 drifted, to be set back; 1 left to the operator; 1 in doubt; 1 blocked; 1 app refused&#46;

    | | add | change | replace | delete | adopt |
    |:--|--:|--:|--:|--:|--:|
    | to do | 0 | 8 | 1 | 5 | 1 |
    | left to the operator | 1 | 0 | 0 | 0 | 0 |

    **Blockers**

    - **error** app/analytics/atlas: host bi&#46;example&#46;com is served by app/web/other &#91;PK0201&#93; <code>apps/atlas&#46;yaml:<!-- -->9</code><br>help: choose another host
    - **unread** HTTPRoutes outside of analytics and web: alice may not list them
    - **blocked** app/web/shop: the realm could not be read

    **Cautions**

    - **deletes** PersistentVolumeClaim/analytics/superset&#45;data, with its data, no longer in its pack
    - **replaces** Job/analytics/superset&#45;init, because of image 4&#46;1&#46;0 &#45;&#62; 4&#46;1&#46;2 <code>charts/superset/values&#46;yaml:<!-- -->40</code>
    - **drift** Deployment/analytics/superset: 1 field changed by kubectl&#45;scale, 20 November 2026 14:<!-- -->02 UTC <code>charts/superset/values&#46;yaml:<!-- -->12</code>
    - **keeps** Namespace/old: others have objects in it
    - **warning** app/analytics/atlas: the cookie may grow over 4096 bytes &#91;PK0302&#93;

    **Hosts and logins**

    - **closes** https:<!-- -->//shop&#46;example&#46;com/public: anyone <code>shop&#46;yaml:<!-- -->3</code>

    **Images**

    | image | from | to | objects |
    |:--|:--|:--|--:|
    | <code>r&#46;io/superset</code> | <code>4&#46;1&#46;0</code> | <code>4&#46;1&#46;2</code> | 2 |

    <details><summary><b>no pack</b> 3 deletions, 1 adoption, 1 left to the operator</summary>



    </details>

    <details><summary><b>superset</b> upgrade 0&#46;3&#46;0 &#45;&#62; 0&#46;4&#46;1, 8 changes, 1 replacement, 2 deletions, 1 drift, 1 in doubt <code>apps/superset&#46;yaml:<!-- -->12</code></summary>



    </details>

    <sub>https:<!-- -->//10&#46;0&#46;0&#46;1:<!-- -->6443 as alice: 41 objects of 9 kinds; realm nebari: 9 clients; 1 not readable; partial, 1 blocked; packctl 0.1.0</sub>
    "###);
}

#[test]
fn a_fold_has_rows_then_differences() {
    let comment = plan(&everything()).expect("something changes");
    let fold = comment.split("<details>").find(|fold| fold.contains("<b>superset</b>")).expect("the pack has a fold");
    insta::assert_snapshot!(fold, @r###"
    <summary><b>superset</b> upgrade 0&#46;3&#46;0 &#45;&#62; 0&#46;4&#46;1, 8 changes, 1 replacement, 2 deletions, 1 drift, 1 in doubt <code>apps/superset&#46;yaml:<!-- -->12</code></summary>

    ```text
      ~ ConfigMap/analytics/superset                                                           2
        data["superset_config.py"] 2 lines added, 1 removed
        at charts/superset/values.yaml:60
      ~ Secret/analytics/superset-db                   data.password (secret 1) -> (secret 3)  2
        at charts/superset/values.yaml:70
      ~ 5 objects                                                                              2
        labels["helm.sh/chart"] "superset-0.3.0" -> "superset-0.4.1"
        Service/analytics/beat, Service/analytics/flower, Service/analytics/redis and 2 more
      ~ Deployment/analytics/superset                  image 4.1.0 -> 4.1.2                    3
        at charts/superset/values.yaml:12
        replicas 9 -> 2; drift, by kubectl-scale, 20 November 2026 14:02 UTC
        paused true stays; no longer declared, also owned by an unknown hand
        strategy.type none -> "Recreate"
        and 2 more fields, 2 labels of the chart version; --all
        restarts every pod
    -/+ Job/analytics/superset-init                    made anew, image 4.1.0 -> 4.1.2         4
        at charts/superset/values.yaml:40
      - ConfigMap/analytics/superset-old               no longer in its pack                   9
      - PersistentVolumeClaim/analytics/superset-data  no longer in its pack                   9
      ? Widget/analytics/w                             size {a: 1} -> [1, 2]
        in doubt: the kind has no schema
    ```

    ```diff
    @@ Job/analytics/superset-init @@
    - spec.template.spec.containers[0].image: "r.io/superset:4.1.0"
    + spec.template.spec.containers[0].image: "r.io/superset:4.1.2"
    @@ ConfigMap/analytics/superset @@
      data["superset_config.py"]:
        import os
        A = 1
    -   B = 2
    +   B = 3
    +   C = 4
    @@ Secret/analytics/superset-db @@
    - data.password: (secret 1)
    + data.password: (secret 3)
    @@ 5 objects: Service/analytics/beat, Service/analytics/flower, Service/analytics/redis and 2 more @@
    - metadata.labels["helm.sh/chart"]: "superset-0.3.0"
    + metadata.labels["helm.sh/chart"]: "superset-0.4.1"
    @@ Deployment/analytics/superset @@
    - metadata.labels["helm.sh/chart"]: "superset-0.3.0"
    + metadata.labels["helm.sh/chart"]: "superset-0.4.1"
    - metadata.labels["app.kubernetes.io/version"]: "4.1.0"
    + metadata.labels["app.kubernetes.io/version"]: "4.1.2"
    - spec.template.spec.containers[0].image: "r.io/superset:4.1.0"
    + spec.template.spec.containers[0].image: "r.io/superset:4.1.2"
    - spec.replicas: 9
    + spec.replicas: 2
      drift, by kubectl-scale, 20 November 2026 14:02 UTC
      spec.paused: true
      no longer declared, also owned by an unknown hand
    + spec.strategy.type: "Recreate"
    - spec.minReadySeconds: 1
    - spec.progressDeadlineSeconds: 1
    + spec.progressDeadlineSeconds: 2
    @@ Widget/analytics/w @@
    - spec.size: {a: 1}
    + spec.size: [1, 2]
      in doubt: the kind has no schema
    ```

    </details>

    <sub>https:<!-- -->//10&#46;0&#46;0&#46;1:<!-- -->6443 as alice: 41 objects of 9 kinds; realm nebari: 9 clients; 1 not readable; partial, 1 blocked; packctl 0.1.0</sub>
    "###);
}

#[test]
fn only_images_and_versions_are_routine() {
    let image = |from: &str, to: &str| {
        let path = FieldPath::of("spec.template.spec.containers").index(0).field("image");
        field(path, Some(from.into()), Some(to.into()), Class::Pending)
    };
    let deployment = Address::namespaced("apps", "Deployment", "web", "shop");
    let mut routine = Plan { cluster: "prod".into(), ..Plan::default() };
    let fields = vec![image("r.io/shop:1", "r.io/shop:2")];
    add(&mut routine, Change { fields, ..change(deployment.clone(), Action::Update, None) }, 1);
    assert!(plan(&routine).expect("an image moves").contains("### Routine"));

    let mut scaled = routine.clone();
    let replicas = field(FieldPath::of("spec.replicas"), Some(1.into()), Some(0.into()), Class::Pending);
    scaled.changes.get_mut(&deployment).expect("it is there").fields.push(replicas);
    assert!(plan(&scaled).expect("it is scaled").contains("### Needs a look"));

    let mut stopped = routine;
    stopped.diagnostics.push(Diagnostic::error("PK0404", "no"));
    assert!(plan(&stopped).expect("an error").contains("### Stops"));
}

#[test]
fn nothing_is_said_where_nothing_changes() {
    let service = Address::namespaced("", "Service", "web", "shop");
    let mut same = Plan::default();
    same.changes.insert(service.clone(), change(service, Action::None, None));
    assert_eq!(plan(&same), None);
    same.unreadable.push(("Secrets".into(), "forbidden".into()));
    assert!(plan(&same).expect("what could not be read is said").contains("**unread** Secrets: forbidden"));
}

/// A plan with a text in every place that a stranger can write to.
fn full_of(text: &str, packs: usize, objects: usize, long: usize) -> Plan {
    let mut plan = Plan { cluster: text.into(), ..Plan::default() };
    plan.seen.server = text.into();
    plan.seen.user = Some(text.into());
    plan.realm = Some((text.into(), 1));
    plan.unreadable.push((text.into(), text.into()));
    plan.blocked.insert(Address::namespaced("", "ConfigMap", text, "blocked"), text.into());
    plan.kept.insert(Address::cluster_scoped("", "Namespace", text), text.into());
    let app = AppId::new(text, text);
    for number in 0..packs {
        let id = PackId { cluster: text.into(), namespace: "argocd".into(), name: format!("{text}{number}") };
        let (before, after) = (Some(text.to_owned()), Some(text.to_owned()));
        let summary = PackSummary { id: id.clone(), place: Some(place(text, 3)), before, after, objects };
        plan.packs.insert(id.clone(), summary);
        plan.diagnostics.push(
            Diagnostic::error("PK0404", text)
                .app(&app)
                .place(Some(place(text, 2)))
                .help(text)
                .object(&Address::app(&app)),
        );
        let (url, audience) = (text.to_owned(), text.to_owned());
        plan.openings.push(Opening { app: app.clone(), verb: "opens", url, audience, place: Some(place(text, 1)) });
        for object in 0..objects {
            let address = Address::namespaced("apps", "Deployment", text, &format!("{text}{number}-{object}"));
            let body = json!({"data": {text: text.repeat(long)}, "spec": {"containers": [{"image": text}]}});
            let action = [Action::Create, Action::Update, Action::Delete][object % 3];
            let image = FieldPath::of("spec.containers").index(0).field("image");
            let lines = |end: &str| Some(Value::from(format!("{}\n{end}", text.repeat(long))));
            let fields = vec![
                field(image, Some(text.into()), Some(format!("{text}2").into()), Class::Pending),
                field(FieldPath::of("data").field(text), lines("a"), lines("b"), edited(text)),
            ];
            let made = resource(&address, body, Some(place(text, 7)));
            let fields = if action == Action::Update { fields } else { Vec::new() };
            let one = Change { fields, pack: Some(id.clone()), ..change(address, action, Some(made)) };
            add(&mut plan, Change { notes: vec![text.into()], ..one }, 1);
        }
    }
    plan
}

/// What a comment is made of, without what stands in it.
fn skeleton(comment: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut open: Option<&str> = None;
    for line in comment.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match open {
            Some(fence) if line == fence => open = None,
            Some(_) => continue,
            None if ticks >= 3 => {
                open = Some(&line[..ticks]);
                found.push(&line[ticks..]);
            }
            None => {
                let start = line.find(['&', ' ']).unwrap_or(line.len());
                found.push(&line[..start.min(5)]);
            }
        }
    }
    assert_eq!(open, None, "a fence is open");
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_text_changes_what_a_comment_is_made_of(text in super::super::markdown::hostile()) {
        prop_assume!(!text.is_empty());
        let comment = plan(&full_of(&text, 2, 3, 1)).expect("everything changes");
        let plain = plan(&full_of("x", 2, 3, 1)).expect("everything changes");
        prop_assert_eq!(skeleton(&comment), skeleton(&plain));
        prop_assert_eq!(comment.matches("<!-- packctl:plan").count(), 1);
        let lines = outline(&full_of(&text, 2, 3, 1));
        for tag in lines.split('<').skip(1) {
            let ours = ["!-- ", "code>", "/code>", "details>", "/details>", "summary>", "/summary>", "b>", "/b>", "br>", "sub>", "/sub>"];
            prop_assert!(ours.iter().any(|ours| tag.starts_with(ours)), "<{} in {}", tag, lines);
        }
    }

    #[test]
    fn a_comment_is_never_too_long(
        text in super::super::markdown::hostile(), packs in 0_usize..40, objects in 0_usize..40, long in 0_usize..60,
    ) {
        if let Some(comment) = plan(&full_of(&text, packs, objects, long)) {
            prop_assert!(comment.len() <= LIMIT, "{} bytes", comment.len());
            skeleton(&comment);
            prop_assert!(comment.ends_with("</sub>\n"));
        }
    }
}

#[test]
fn what_is_cut_is_said_and_the_dangerous_stays() {
    let mut big = full_of("name", 30, 40, 300);
    let lost = Address::namespaced("", "PersistentVolumeClaim", "web", "data");
    add(&mut big, change(lost, Action::Delete, None), 1);
    let comment = plan(&big).expect("everything changes");
    assert!(comment.len() > LIMIT / 2 && comment.len() <= LIMIT, "{} bytes", comment.len());
    assert!(comment.contains("are not shown.") || comment.contains(", not shown."), "{comment}");
    assert!(comment.contains("PersistentVolumeClaim/web/data"));
}
