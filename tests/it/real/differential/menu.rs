//! Bodies by choice: the files of `testdata/differential`, read and rolled.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use serde_yaml::Value as Yaml;

use crate::packctl::root;
use crate::stand_in::dice::Dice;

/// One kind, and what may stand in its objects.
pub(super) struct Menu {
    /// The name of its file.
    pub(super) name: String,
    pub(super) head: Head,
    /// What is there before an entry of it is ours; for kinds that packctl writes whole there is none.
    pub(super) body: Yaml,
    parts: BTreeMap<String, Yaml>,
}

/// How the kind is reached.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// The plural in a URL.
    pub(super) resource: String,
    #[serde(default)]
    pub(super) group: String,
    /// Other versions of the kind that managers may write in.
    #[serde(default)]
    pub(super) versions: Vec<String>,
    /// `cluster` for kinds without a namespace.
    #[serde(default)]
    pub(super) scope: String,
    /// Whether there is a `scale` subresource.
    #[serde(default)]
    pub(super) scale: bool,
    /// How many times as often as others it is taken.
    #[serde(default = "once")]
    pub(super) weight: usize,
    /// For a kind that packctl writes an entry of: what somebody else made before.
    #[serde(default)]
    pub(super) ground: Option<Value>,
}

fn once() -> usize {
    1
}

impl Menu {
    /// All menus, in the order of their names.
    pub(super) fn all() -> Vec<Menu> {
        let folder = root().join("testdata/differential");
        let mut files: Vec<(String, String)> = fs::read_dir(&folder)
            .expect("the menus are there")
            .map(|file| file.expect("it can be listed").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .map(|path| {
                let name = path.file_stem().and_then(|name| name.to_str()).expect("its name is text").to_owned();
                (name, fs::read_to_string(&path).expect("it can be read"))
            })
            .collect();
        files.sort();
        let (parts, menus): (Vec<_>, Vec<_>) = files.into_iter().partition(|(name, _)| name.starts_with('_'));
        let parse = |name: &str, text: &str| -> Yaml {
            serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{name}.yaml: {error}"))
        };
        let parts: BTreeMap<String, Yaml> =
            parts.into_iter().map(|(name, text)| (name[1..].to_owned(), parse(&name, &text))).collect();
        let menu = |(name, text): (String, String)| {
            let (head, body) = text.split_once("\n---\n").unwrap_or_else(|| panic!("{name}.yaml: two documents"));
            let head = serde_yaml::from_str(head).unwrap_or_else(|error| panic!("{name}.yaml: {error}"));
            let body = parse(&name, body);
            Menu { name, head, body, parts: parts.clone() }
        };
        menus.into_iter().map(menu).collect()
    }

    pub(super) fn kind(&self) -> &str {
        self.body.get("kind").and_then(Yaml::as_str).expect("a menu has a kind")
    }

    pub(super) fn api_version(&self) -> &str {
        self.body.get("apiVersion").and_then(Yaml::as_str).expect("a menu has an apiVersion")
    }

    /// Whether packctl holds one entry of an object, and not the whole.
    pub(super) fn is_entry(&self) -> bool {
        self.head.ground.is_some()
    }

    /// The body that these choices give, without `apiVersion` and `kind`. Choices that were not made yet are made.
    pub(super) fn body(&self, choices: &mut Choices) -> Value {
        let mut body = self.value(&self.body, "", choices);
        if let Some(map) = body.as_object_mut() {
            map.remove("apiVersion");
            map.remove("kind");
        }
        body
    }

    fn value(&self, menu: &Yaml, path: &str, choices: &mut Choices) -> Value {
        match menu {
            Yaml::Tagged(tagged) => match (tagged.tag.to_string().as_str(), &tagged.value) {
                ("!one", Yaml::Sequence(menus)) => {
                    let chosen = choices.below(&format!("{path}!"), menus.len()).min(menus.len() - 1);
                    self.value(&menus[chosen], &format!("{path}!{chosen}"), choices)
                }
                ("!some", Yaml::Sequence(menus)) => {
                    let chosen =
                        |(index, _): &(usize, &Yaml)| *index == 0 || choices.below(&format!("{path}/{index}?"), 2) == 1;
                    let mut menus: Vec<_> = menus.iter().enumerate().filter(chosen).collect();
                    let turn = choices.below(&format!("{path}~"), 3);
                    if turn > 0 && !menus.is_empty() {
                        let turn = turn % menus.len();
                        menus.rotate_left(turn);
                    }
                    menus.iter().map(|(index, menu)| self.value(menu, &format!("{path}/{index}"), choices)).collect()
                }
                ("!use", Yaml::String(name)) => self.value(&self.parts[name], path, choices),
                (tag, _) => panic!("{}.yaml: what is {tag}?", self.name),
            },
            Yaml::Mapping(map) => {
                let mut object = Map::new();
                for (key, menu) in map {
                    let key = key.as_str().unwrap_or_else(|| panic!("{}.yaml: keys are text", self.name));
                    let name = key.trim_end_matches('?');
                    let path = format!("{path}/{name}");
                    if name == key || choices.below(&format!("{path}?"), 2) == 1 {
                        object.insert(name.to_owned(), self.value(menu, &path, choices));
                    }
                }
                Value::Object(object)
            }
            Yaml::Sequence(menus) => {
                let item = |(index, menu)| self.value(menu, &format!("{path}/{index}"), choices);
                menus.iter().enumerate().map(item).collect()
            }
            scalar => json!(scalar),
        }
    }
}

/// The choices of one body, by the place in the menu.
#[derive(Clone)]
pub(super) struct Choices {
    made: BTreeMap<String, usize>,
    dice: Dice,
}

impl Choices {
    pub(super) fn new(seed: u64) -> Self {
        Self { made: BTreeMap::new(), dice: Dice::new(seed) }
    }

    /// The same but for a few places, where the dice fall again.
    pub(super) fn varied(&self, count: u64, dice: &mut Dice) -> Self {
        let mut varied = Self { made: self.made.clone(), dice: Dice::new(dice.below(u64::MAX)) };
        for _ in 0..count {
            let index = usize::try_from(dice.below(varied.made.len() as u64)).unwrap_or(0);
            if let Some(place) = varied.made.keys().nth(index).cloned() {
                varied.made.remove(&place);
            }
        }
        varied
    }

    /// The same without something that may be left out.
    pub(super) fn dropped(&self, dice: &mut Dice) -> Self {
        self.set_one(dice, |place, choice| place.ends_with('?') && choice == 1, |_| 0)
    }

    /// The same with another of two or more values in one place.
    pub(super) fn changed(&self, dice: &mut Dice) -> Self {
        self.set_one(dice, |place, _| place.ends_with('!'), |choice| choice ^ 1)
    }

    fn set_one(&self, dice: &mut Dice, fits: impl Fn(&str, usize) -> bool, set: impl Fn(usize) -> usize) -> Self {
        let mut one = self.clone();
        let places: Vec<String> =
            one.made.iter().filter(|(place, choice)| fits(place, **choice)).map(|(place, _)| place.clone()).collect();
        let index = usize::try_from(dice.below(places.len() as u64)).unwrap_or(0);
        if let Some(choice) = places.get(index).and_then(|place| one.made.get_mut(place)) {
            *choice = set(*choice);
        }
        one
    }

    fn below(&mut self, place: &str, end: usize) -> usize {
        let dice = &mut self.dice;
        *self.made.entry(place.to_owned()).or_insert_with(|| usize::try_from(dice.below(end as u64)).unwrap_or(0))
    }
}
