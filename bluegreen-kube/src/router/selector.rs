//! What a selector says about colors. Pure.

use std::collections::BTreeMap;

use bluegreen_core::{Color, PerColor, RouteState, Split};
use serde_json::Value;

/// The labels of a selector.
pub(super) type Labels = BTreeMap<String, String>;

/// The label that tells the colors apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColorLabel {
    pub(super) key: String,
    pub(super) values: PerColor<String>,
}

impl Default for ColorLabel {
    fn default() -> Self {
        Self { key: "color".to_owned(), values: PerColor::from_fn(|color| color.as_str().to_owned()) }
    }
}

impl ColorLabel {
    /// Where a Service with this selector sends traffic.
    pub(super) fn state(&self, selector: &Labels) -> RouteState {
        let (key, text) = (&self.key, text(selector));
        if self.values.blue == self.values.green {
            return RouteState::Foreign(format!("label {key} is {:?} for both colors", self.values.blue));
        }
        if selector.is_empty() {
            return RouteState::Foreign("it has no selector: its endpoints are made by hand".to_owned());
        }
        let Some(value) = selector.get(key) else {
            return RouteState::Foreign(format!("selector {text} has no key {key}: it matches both colors"));
        };
        match Color::ALL.into_iter().find(|color| self.values.get(*color) == value) {
            Some(color) => RouteState::Routes(Split::only(color)),
            None => {
                let (blue, green) = (&self.values.blue, &self.values.green);
                RouteState::Foreign(format!("selector {text} matches neither color: {key} is not {blue} or {green}"))
            }
        }
    }

    /// The same selector for `color`.
    pub(super) fn with_color(&self, selector: &Labels, color: Color) -> Labels {
        let mut selector = selector.clone();
        selector.insert(self.key.clone(), self.values.get(color).clone());
        selector
    }
}

/// The color that gets everything in this state, if one does.
pub(super) fn sole(state: &RouteState) -> Option<Color> {
    match state {
        RouteState::Routes(split) => split.sole(),
        RouteState::Foreign(_) | RouteState::Absent => None,
    }
}

/// Whether a selector matches the labels of something. One without keys matches nothing, as a Service's does.
pub(super) fn matches(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// As people write it: `app=checkout,color=blue`.
pub(super) fn text(selector: &Labels) -> String {
    if selector.is_empty() {
        return "(none)".to_owned();
    }
    selector.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// The selector as [`RouteObject::exact`](bluegreen_core::RouteObject::exact) keeps it.
pub(super) fn to_exact(selector: &Labels) -> Value {
    selector
        .iter()
        .map(|(key, value)| (key.clone(), Value::String(value.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The selector that [`to_exact`] kept; `None` if it wasn't made there.
pub(super) fn from_exact(exact: &Value) -> Option<Labels> {
    let labels = exact.as_object()?.iter();
    labels.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn labels(text: &str) -> Labels {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn versions() -> ColorLabel {
        ColorLabel { key: "version".into(), values: PerColor { blue: "b".into(), green: "g".into() } }
    }

    #[test]
    fn a_selector_names_a_color_or_is_foreign() {
        let same = ColorLabel { key: "color".into(), values: PerColor { blue: "x".into(), green: "x".into() } };
        let cases = [
            (ColorLabel::default(), "app=checkout,color=blue", Ok(Color::Blue)),
            (ColorLabel::default(), "app=checkout,color=green", Ok(Color::Green)),
            (versions(), "version=g", Ok(Color::Green)),
            (
                ColorLabel::default(),
                "app=checkout",
                Err("selector app=checkout has no key color: it matches both colors"),
            ),
            (
                ColorLabel::default(),
                "app=checkout,color=red",
                Err("selector app=checkout,color=red matches neither color: color is not blue or green"),
            ),
            (versions(), "color=blue", Err("selector color=blue has no key version: it matches both colors")),
            (ColorLabel::default(), "", Err("it has no selector: its endpoints are made by hand")),
            (same, "color=x", Err("label color is \"x\" for both colors")),
        ];
        for (label, selector, expected) in cases {
            let state = label.state(&labels(selector));
            match expected {
                Ok(color) => assert_eq!(state, RouteState::Routes(Split::only(color)), "{selector}"),
                Err(words) => assert_eq!(state, RouteState::Foreign(words.into()), "{selector}"),
            }
        }
    }

    #[test]
    fn only_the_color_changes() {
        let selector = versions().with_color(&labels("app=checkout,tier=web,version=b"), Color::Green);
        assert_eq!(text(&selector), "app=checkout,tier=web,version=g");
    }

    #[test]
    fn matching_is_that_of_services() {
        let pod = labels("app=checkout,color=blue,pod-template-hash=1");
        assert!(matches(&labels("app=checkout,color=blue"), &pod));
        assert!(!matches(&labels("app=checkout,color=green"), &pod));
        assert!(!matches(&labels("app=checkout,missing=x"), &pod));
        assert!(!matches(&labels(""), &pod));
    }

    #[test]
    fn what_is_kept_comes_back() {
        let selector = labels("app=checkout,color=blue");
        assert_eq!(to_exact(&selector), json!({"app": "checkout", "color": "blue"}));
        assert_eq!(from_exact(&to_exact(&selector)), Some(selector));
        assert_eq!(from_exact(&json!({"app": 1})), None);
        assert_eq!(from_exact(&json!(null)), None);
    }
}
