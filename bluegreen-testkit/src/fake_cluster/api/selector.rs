//! Label and field selectors.

use serde_json::Value;

use super::super::error::ApiError;
use super::super::kinds::Kind;
use super::super::meta;
use super::query::Query;

/// Which objects a list or a watch is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    labels: Vec<Requirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Missing(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

#[derive(Debug, Clone)]
struct FieldRequirement {
    pointer: String,
    value: String,
    equal: bool,
}

impl Filter {
    pub(crate) fn parse(kind: &Kind, query: &Query) -> Result<Self, ApiError> {
        let labels = query.get("labelSelector").map_or_else(|| Ok(Vec::new()), parse_labels)?;
        let fields = query.get("fieldSelector").unwrap_or_default();
        let fields = fields.split(',').filter(|part| !part.is_empty()).map(|part| parse_field(kind, part));
        Ok(Self { labels, fields: fields.collect::<Result<_, _>>()? })
    }

    /// Only the object with this name.
    pub(crate) fn with_name(mut self, name: &str) -> Self {
        let pointer = "/metadata/name".to_owned();
        self.fields.push(FieldRequirement { pointer, value: name.to_owned(), equal: true });
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|requirement| requirement.matches(object))
            && self.fields.iter().all(|requirement| requirement.matches(object))
    }
}

impl Requirement {
    fn matches(&self, object: &Value) -> bool {
        let label = |name: &str| object.get("metadata")?.get("labels")?.get(name)?.as_str();
        match self {
            Self::Exists(name) => label(name).is_some(),
            Self::Missing(name) => label(name).is_none(),
            Self::In(name, values) => label(name).is_some_and(|value| values.iter().any(|known| known == value)),
            Self::NotIn(name, values) => label(name).is_none_or(|value| values.iter().all(|known| known != value)),
        }
    }
}

impl FieldRequirement {
    fn matches(&self, object: &Value) -> bool {
        let value = match object.pointer(&self.pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        (value == self.value) == self.equal
    }
}

/// Splits at the commas that are not inside parentheses.
fn requirements(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    let split = text.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    split.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, ApiError> {
    requirements(text).into_iter().map(parse_label).collect()
}

fn parse_label(text: &str) -> Result<Requirement, ApiError> {
    let owned = |text: &str| text.trim().to_owned();
    if let Some(name) = text.strip_prefix('!') {
        return Ok(Requirement::Missing(owned(name)));
    }
    if let Some((name, value)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(owned(name), vec![owned(value)]));
    }
    if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Requirement::In(owned(name), vec![owned(value)]));
    }
    let Some((name, rest)) = text.split_once(char::is_whitespace) else {
        return Ok(Requirement::Exists(owned(text)));
    };
    let rest = rest.trim();
    let (operator, values) = rest.split_once('(').map_or((rest, None), |(operator, values)| (operator, Some(values)));
    let values = values.and_then(|values| values.trim_end().strip_suffix(')'));
    match (operator.trim(), values) {
        ("in", Some(values)) => Ok(Requirement::In(owned(name), values.split(',').map(owned).collect())),
        ("notin", Some(values)) => Ok(Requirement::NotIn(owned(name), values.split(',').map(owned).collect())),
        (found, _) => {
            let message =
                format!("unable to parse requirement: found '{found}', expected: in, notin, =, ==, !=, gt, lt");
            Err(ApiError::bad_request(message))
        }
    }
}

fn parse_field(kind: &Kind, text: &str) -> Result<FieldRequirement, ApiError> {
    let (name, value, equal) = match (text.split_once("!="), text.split_once("==").or_else(|| text.split_once('='))) {
        (Some((name, value)), _) => (name, value, false),
        (None, Some((name, value))) => (name, value, true),
        (None, None) => {
            let message = format!("invalid selector: '{text}'; can't understand '{text}'");
            return Err(ApiError::bad_request(message));
        }
    };
    let own = own_fields(kind);
    if !["metadata.name", "metadata.namespace"].contains(&name) && !own.contains(&name) {
        let message = if own.is_empty() {
            format!("{name:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
        } else {
            format!("field label not supported: {name}")
        };
        return Err(ApiError::bad_request(message));
    }
    let pointer = format!("/{}", name.replace('.', "/"));
    Ok(FieldRequirement { pointer, value: value.to_owned(), equal })
}

/// What else than name and namespace the objects of a kind can be selected by.
fn own_fields(kind: &Kind) -> &'static [&'static str] {
    match kind.kind {
        "Pod" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
        "Event" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "type",
        ],
        "Namespace" => &["status.phase"],
        "ReplicaSet" => &["status.replicas"],
        "Secret" => &["type"],
        "Service" => &["spec.clusterIP", "spec.type"],
        _ => &[],
    }
}

/// A label selector of a workload as text, as its scale tells it.
pub(crate) fn to_text(selector: &Value) -> String {
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten().map(|(name, value)| format!("{name}={}", meta::text(value, "")));
    let expressions = meta::list(selector, "/matchExpressions").iter().map(|expression| {
        let (name, values) = (meta::text(expression, "/key"), meta::list(expression, "/values"));
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        match meta::text(expression, "/operator") {
            "In" => format!("{name} in ({})", values.join(",")),
            "NotIn" => format!("{name} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{name}"),
            _ => name.to_owned(),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::super::super::kinds;
    use super::*;
    use serde_json::json;

    fn filter(query: &str) -> Result<Filter, ApiError> {
        Filter::parse(kinds::by_name("Pod").unwrap(), &Query::parse(query))
    }

    #[test]
    fn labels_select_by_equality_and_by_sets() {
        let pod = json!({"metadata": {"labels": {"app": "shop", "color": "blue"}}});
        for (selector, selected) in [
            ("app=shop", true),
            ("app==shop,color=green", false),
            ("color!=green", true),
            ("missing!=x", true),
            ("color in (green, blue),app", true),
            ("color notin (green,blue)", false),
            ("!color", false),
            ("!missing", true),
            ("missing", false),
        ] {
            let filter = filter(&format!("labelSelector={}", selector.replace(' ', "+"))).unwrap();
            assert_eq!(filter.matches(&pod), selected, "{selector}");
        }
        let error = filter("labelSelector=a+b").unwrap_err();
        assert!(error.to_string().contains("found 'b', expected: in, notin"), "{error}");
    }

    #[test]
    fn fields_select_by_what_the_kind_offers() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
        for (selector, selected) in
            [("metadata.name=p", true), ("status.phase!=Running", false), ("spec.nodeName==n,metadata.name!=q", true)]
        {
            assert_eq!(filter(&format!("fieldSelector={selector}")).unwrap().matches(&pod), selected, "{selector}");
        }
        assert_eq!(filter("fieldSelector=spec.color=x").unwrap_err().code(), 400);
    }

    #[test]
    fn a_selector_is_told_as_text() {
        let selector = json!({"matchLabels": {"a": "b"}, "matchExpressions": [
            {"key": "c", "operator": "In", "values": ["d", "e"]}, {"key": "f", "operator": "Exists"}]});
        assert_eq!(to_text(&selector), "a=b,c in (d,e),f");
    }
}
