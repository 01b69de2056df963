//! What a schema says of one field, for people.

use serde_json::Value;

use super::patterns::in_words;
use super::{ListKind, Node, Schema, nearest};

/// One field of a kind.
#[derive(Clone, Debug)]
pub struct Field<'s> {
    /// Its path below the object, `spec.routing.routes[].pathPrefix`; empty for the object itself.
    pub path: String,
    /// Whether the object above must have it.
    pub required: bool,
    node: Node<'s>,
}

/// A path that a kind does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoField {
    /// The part of the path that is there; empty where the first name is wrong.
    pub above: String,
    /// The name that is not there.
    pub name: String,
    /// What was probably meant.
    pub near: Option<String>,
    /// The names that are there.
    pub known: Vec<String>,
}

/// The field at a dotted path. Items of lists need no brackets: `spec.routing.routes.pathPrefix` is understood.
///
/// # Errors
///
/// The first name of the path that the schema does not know.
pub fn find<'s>(schema: &'s Schema, path: &str) -> Result<Field<'s>, NoField> {
    let mut field = Field { path: String::new(), required: true, node: schema.root() };
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        let within = field.inside();
        let Some(below) = within.fields().into_iter().find(|below| below.name() == name || below.name() == "KEY")
        else {
            let known: Vec<String> = within.fields().iter().map(|field| field.name().to_owned()).collect();
            let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(NoField { above: field.path, name: name.to_owned(), near, known });
        };
        field = below;
    }
    Ok(field)
}

impl<'s> Field<'s> {
    /// The last name of the path, `pathPrefix`.
    pub fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default().trim_end_matches("[]")
    }

    /// The field, or the items of the list that it is, at every depth.
    fn inside(&self) -> Self {
        match self.node.items() {
            Some(node) => Self { path: format!("{}[]", self.path), required: true, node }.inside(),
            None => self.clone(),
        }
    }

    /// The fields below, by name; of a list those of its items, of a map of objects `KEY`.
    pub fn fields(&self) -> Vec<Self> {
        let Self { path, node, .. } = self.inside();
        let path_of = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let required: Vec<&str> = node.required().collect();
        let mut fields: Vec<Self> = node
            .properties()
            .map(|(name, node)| Self { path: path_of(name), required: required.contains(&name), node })
            .collect();
        if let Some(values) = node.keyword("additionalProperties").filter(|values| values.get("properties").is_some()) {
            fields.push(Self { path: path_of("KEY"), required: false, node: node.at(values) });
        }
        // What is required stands first, as people write it.
        fields.sort_by_key(|field| !field.required);
        fields
    }

    /// Its type: `string`, `list of objects`, `map of strings`.
    pub fn kind(&self) -> String {
        kind(self.node, false)
    }

    /// What it means; of the platform's other kinds only a cluster knows.
    pub fn description(&self) -> Option<&'s str> {
        self.node.keyword("description").and_then(Value::as_str)
    }

    /// The value that the server fills in.
    pub fn default(&self) -> Option<&'s Value> {
        self.node.default()
    }

    /// A value that it may have.
    pub fn example(&self) -> Option<&'s Value> {
        self.node.keyword("example")
    }

    /// The values that it may have, where these are few.
    pub fn choices(&self) -> Vec<String> {
        let choices = self.node.keyword("enum").and_then(Value::as_array).into_iter().flatten();
        choices.map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned)).collect()
    }

    /// Its limits, a phrase each: `1 to 65535`, `at most 64 characters`, what it matches, the messages of its rules.
    pub fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        for (least, most, what) in [
            ("minimum", "maximum", ""),
            ("minLength", "maxLength", " characters"),
            ("minItems", "maxItems", " items"),
            ("minProperties", "maxProperties", " fields"),
        ] {
            let limit = |name| self.node.keyword(name).map(Value::to_string);
            match (limit(least), limit(most)) {
                (Some(least), Some(most)) => limits.push(format!("{least} to {most}{what}")),
                (Some(one), None) if one == "1" && !what.is_empty() => limits.push("not empty".into()),
                (Some(least), None) => limits.push(format!("{least}{what} or more")),
                (None, Some(most)) => limits.push(format!("at most {most}{what}")),
                (None, None) => {}
            }
        }
        let text = |name: &str| self.node.keyword(name).and_then(Value::as_str);
        limits.extend(text("pattern").map(|pattern| match in_words(pattern) {
            Some(words) => format!("must {words}"),
            None => format!("must match `{pattern}`"),
        }));
        limits.extend(text("format").filter(|format| *format == "date-time").map(|_| "a time, RFC 3339".to_owned()));
        match self.node.list_kind() {
            ListKind::Atomic => {}
            ListKind::Set => limits.push("no value twice".into()),
            ListKind::Map(keys) => limits.push(format!("no two items with the same {}", keys.join(" and "))),
        }
        let rules = self.node.keyword("x-kubernetes-validations").and_then(Value::as_array);
        let words = |rule: &'s Value| rule.get("message").or_else(|| rule.get("rule")).and_then(Value::as_str);
        limits.extend(rules.into_iter().flatten().filter_map(words).map(str::to_owned));
        limits
    }
}

fn kind(node: Node<'_>, many: bool) -> String {
    let ending = if many { "s" } else { "" };
    if node.is_int_or_string() {
        return format!("integer{ending} or string{ending}");
    }
    if node.is_quantity() {
        return if many { "quantities".into() } else { "quantity".into() };
    }
    match (node.type_name(), node.items()) {
        (Some("array"), Some(items)) => format!("list{ending} of {}", kind(items, true)),
        (Some("object"), _) if node.is_map() => {
            let values = node.keyword("additionalProperties").map_or(node, |values| node.at(values));
            format!("map{ending} of {}", kind(values, true))
        }
        (Some(other), _) => format!("{other}{ending}"),
        (None, _) => format!("value{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Schemas;
    use super::*;

    #[test]
    fn a_field_is_found_with_and_without_brackets_and_a_slip_is_told() {
        let schemas = Schemas::default();
        let schema = schemas.get("reconcilers.nebari.dev", "NebariApp").expect("embedded");
        for path in
            ["spec.routing.routes.pathPrefix", "spec.routing.routes[].pathPrefix", "spec.routing.routes[0].pathPrefix"]
        {
            let field = find(schema, path).expect("a field");
            assert_eq!((field.path.as_str(), field.required), ("spec.routing.routes[].pathPrefix", true));
            assert_eq!(field.limits(), ["must begin with `/`"]);
        }
        let groups = find(schema, "spec.auth.groups").expect("a field");
        assert_eq!(groups.kind(), "list of strings");
        let slip = find(schema, "spec.auth.gruops").expect_err("no field");
        assert_eq!((slip.above.as_str(), slip.near.as_deref()), ("spec.auth", Some("groups")));
        let port = find(schema, "spec.service.port").expect("a field");
        assert_eq!(port.limits(), ["1 to 65535"]);
    }
}
