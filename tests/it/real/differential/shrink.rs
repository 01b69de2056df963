//! A failing pair, made as small as it stays failing, and told.

use std::fmt::Write as _;

use packctl::schema::Schemas;
use serde_json::Value;

use super::history::{self, Act};
use super::menu::Menu;
use super::server::{Object, Server};
use super::{judged, predicted, pretty};
use crate::env::unique;

/// How often a smaller form is tried.
const TRIES: usize = 150;

struct Case<'c> {
    server: &'c Server,
    menu: &'c Menu,
    schemas: &'c Schemas,
}

/// The smallest form of a failure, in words.
pub(super) async fn story(server: &Server, menu: &Menu, schemas: &Schemas, acts: &[Act], body: &Value) -> String {
    let case = Case { server, menu, schemas };
    let (mut acts, mut body) = (acts.to_vec(), body.clone());
    let mut tries = 0;
    while let Some((fewer, smaller)) = case.smaller(&acts, &body, &mut tries).await {
        (acts, body) = (fewer, smaller);
    }
    case.told(&acts, &body).await
}

impl Case<'_> {
    async fn fails(&self, acts: &[Act], body: &Value) -> bool {
        let object = self.object();
        let found = match history::live(&object, acts).await {
            Some(live) => judged(&object, self.schemas, &live, body).await.ok(),
            None => None,
        };
        object.delete().await;
        found.is_some_and(|judged| !judged.found.is_empty())
    }

    fn object(&self) -> Object<'_> {
        Object { server: self.server, menu: self.menu, name: unique("x") }
    }

    /// The first smaller form that still fails: without a write, or without something in all bodies.
    async fn smaller(&self, acts: &[Act], body: &Value, tries: &mut usize) -> Option<(Vec<Act>, Value)> {
        for index in 0..acts.len() {
            let mut fewer = acts.to_vec();
            fewer.remove(index);
            if *tries < TRIES && !fewer.is_empty() {
                *tries += 1;
                if self.fails(&fewer, body).await {
                    return Some((fewer, body.clone()));
                }
            }
        }
        let mut paths = Vec::new();
        pointers(body, "", &mut paths);
        for act in acts {
            act.clone().bodies().iter().for_each(|body| pointers(body, "", &mut paths));
        }
        paths.sort_by_key(|path| (path.matches('/').count(), path.clone()));
        paths.dedup();
        for path in paths {
            let (mut fewer, mut smaller) = (acts.to_vec(), body.clone());
            without(&mut smaller, &path);
            fewer.iter_mut().for_each(|act| act.bodies().into_iter().for_each(|body| without(body, &path)));
            if *tries < TRIES {
                *tries += 1;
                if self.fails(&fewer, &smaller).await {
                    return Some((fewer, smaller));
                }
            }
        }
        None
    }

    async fn told(&self, acts: &[Act], body: &Value) -> String {
        let object = self.object();
        let Some(live) = history::live(&object, acts).await else { return "it cannot be made again".into() };
        let (desired, predicted, _) = predicted(&object, self.schemas, &live, body);
        let found = judged(&object, self.schemas, &live, body).await.map(|judged| judged.found).unwrap_or_default();
        let hand = history::resource(&object, body).hand;
        let (_, server) = object.apply(hand.manager(), &desired, true, true).await;
        let (_, refused) = object.apply(hand.manager(), &desired, false, true).await;
        object.delete().await;
        let mut story = format!("{}: {}\n", self.menu.name, found.join("\n  "));
        for act in acts {
            let _ = writeln!(story, "  {act:?}");
        }
        let _ = writeln!(story, "wanted:\n{}live:\n{}", pretty(&desired), pretty(&live));
        for field in &predicted.fields {
            let _ = writeln!(story, "predicted: {field:?}");
        }
        for conflict in &predicted.conflicts {
            let _ = writeln!(story, "predicted: {conflict:?}");
        }
        let mut after = server;
        if let Some(metadata) = after["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        let _ = writeln!(story, "server without force: {}\nwith force:\n{}", refused["message"], pretty(&after));
        story
    }
}

fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        _ => return,
    };
    for (step, value) in below {
        let path = format!("{path}/{step}");
        found.push(path.clone());
        pointers(value, &path, found);
    }
}

fn without(value: &mut Value, path: &str) {
    let Some((above, step)) = path.rsplit_once('/') else { return };
    match value.pointer_mut(above) {
        Some(Value::Object(map)) => {
            map.remove(&step.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            if let Ok(index) = step.parse::<usize>()
                && index < items.len()
            {
                items.remove(index);
            }
        }
        _ => {}
    }
}
