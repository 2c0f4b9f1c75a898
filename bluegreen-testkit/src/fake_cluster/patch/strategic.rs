//! Strategic merge patches, with the directives that `kubectl` and client libraries send.

use serde_json::{Map, Value};

use super::super::error::ApiError;
use super::super::fields::Place;

/// Says what to do with the map it stands in: `delete`, `replace`, or `merge` as is the rule.
const DIRECTIVE: &str = "$patch";
/// The order of a list's items, before the name of the list.
const ORDER: &str = "$setElementOrder/";
/// Values to take out of a list of plain values, before the name of the list.
const DELETE_VALUES: &str = "$deleteFromPrimitiveList/";
/// The only fields that stay.
const RETAIN: &str = "$retainKeys";

pub(super) fn merge(place: Place<'_>, object: &Value, patch: &Value) -> Result<Value, ApiError> {
    merge_value(place, object, patch, None)
}

/// `order` is of the items of a list, if the patch gives one.
fn merge_value(place: Place<'_>, object: &Value, patch: &Value, order: Option<&Vec<Value>>) -> Result<Value, ApiError> {
    match (object, patch) {
        (Value::Object(fields), Value::Object(patch)) => merge_fields(place, fields, patch),
        (_, Value::Object(patch)) => merge_fields(place, &Map::new(), patch),
        (Value::Array(items), Value::Array(patch)) => merge_lists(place, items, patch, order),
        (_, Value::Array(patch)) => merge_lists(place, &[], patch, order),
        _ => Ok(patch.clone()),
    }
}

fn merge_fields(place: Place<'_>, fields: &Map<String, Value>, patch: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut merged = match patch.get(DIRECTIVE).and_then(Value::as_str) {
        Some("delete") => return Ok(Value::Object(Map::new())),
        Some("replace") => Map::new(),
        _ => fields.clone(),
    };
    if let Some(retained) = patch.get(RETAIN).and_then(Value::as_array) {
        merged.retain(|name, _| retained.iter().any(|kept| kept == name));
    }
    for (name, value) in patch {
        if let Some(list) = name.strip_prefix(DELETE_VALUES) {
            delete_values(&mut merged, list, value);
        } else if value.is_null() {
            merged.remove(name);
        } else if !name.starts_with('$') || !(name == DIRECTIVE || name == RETAIN || name.starts_with(ORDER)) {
            let before = merged.get(name).unwrap_or(&Value::Null);
            let order = patch.get(&format!("{ORDER}{name}")).and_then(Value::as_array);
            let after = merge_value(place.field(name), before, value, order)?;
            merged.insert(name.clone(), after);
        }
    }
    Ok(Value::Object(merged))
}

fn delete_values(fields: &mut Map<String, Value>, list: &str, values: &Value) {
    let values = values.as_array().map_or(&[][..], Vec::as_slice);
    if let Some(items) = fields.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| !values.contains(item));
    }
}

fn merge_lists(
    place: Place<'_>,
    items: &[Value],
    patch: &[Value],
    order: Option<&Vec<Value>>,
) -> Result<Value, ApiError> {
    let order = order.map_or(patch, Vec::as_slice);
    let Some(key) = place.merge_key() else {
        if !place.is_set() {
            return Ok(Value::Array(without_directives(patch)));
        }
        let new = patch.iter().filter(|value| !items.contains(value));
        let merged = items.iter().chain(new).cloned().collect();
        return Ok(Value::Array(sorted(merged, items, order, |item| Some(item))));
    };
    let replaces = patch.iter().any(|item| is_directive(item, "replace") && item.get(key).is_none());
    let mut merged = if replaces { Vec::new() } else { items.to_vec() };
    for item in patch.iter().filter(|item| !(replaces && item.get(key).is_none())) {
        let name = item.get(key).ok_or_else(|| missing_key(item, key))?;
        let known = merged.iter().position(|known| known.get(key) == Some(name));
        match known {
            Some(at) if is_directive(item, "delete") => {
                merged.remove(at);
            }
            None if is_directive(item, "delete") => {}
            Some(at) => merged[at] = merge(place, &merged[at], item)?,
            None => merged.push(merge(place, &Value::Null, item)?),
        }
    }
    Ok(Value::Array(sorted(merged, items, order, |item| item.get(key))))
}

/// Brings the items into the order of the patch. One that the patch doesn't name comes before the first of the rest that
/// it was before, and else at the end.
fn sorted(merged: Vec<Value>, before: &[Value], order: &[Value], key: impl Fn(&Value) -> Option<&Value>) -> Vec<Value> {
    let place_in = |list: &[Value], item: &Value| list.iter().position(|other| key(other) == key(item));
    let (mut named, kept): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| place_in(order, item).is_some());
    named.sort_by_key(|item| place_in(order, item));
    let mut named = named.into_iter().peekable();
    let mut all = Vec::new();
    for item in kept {
        let was = place_in(before, &item);
        while let Some(next) = named.next_if(|next| place_in(before, next).is_none_or(|next| Some(next) < was)) {
            all.push(next);
        }
        all.push(item);
    }
    all.extend(named);
    all
}

fn is_directive(item: &Value, directive: &str) -> bool {
    item.get(DIRECTIVE).and_then(Value::as_str) == Some(directive)
}

fn without_directives(patch: &[Value]) -> Vec<Value> {
    patch.iter().filter(|item| item.get(DIRECTIVE).is_none()).cloned().collect()
}

fn missing_key(item: &Value, key: &str) -> ApiError {
    let fields = item.as_object().into_iter().flatten();
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let words: Vec<String> = fields.map(|(name, value)| format!("{name}:{}", plain(value))).collect();
    ApiError::internal(format!("map: map[{}] does not contain declared merge key: {key}", words.join(" ")))
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "so that `json!` can stand in a call")]
mod tests {
    use super::super::super::kinds;
    use super::*;
    use serde_json::json;

    fn patched(patch: Value) -> Result<Value, ApiError> {
        let deployment = json!({"spec": {"replicas": 1, "template": {"spec": {
            "containers": [
                {"name": "app", "image": "a:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                {"name": "sidecar", "image": "s:1"},
            ],
            "tolerations": [{"key": "x"}],
        }}}});
        let place = Place::root(kinds::by_name("Deployment").unwrap());
        merge(place, &deployment, &json!({"spec": {"template": {"spec": patch}}}))
            .map(|patched| patched["spec"]["template"]["spec"].clone())
    }

    #[test]
    fn items_are_merged_by_their_key() {
        let spec = patched(json!({
            "$setElementOrder/containers": [{"name": "sidecar"}, {"name": "app"}],
            "containers": [{"name": "app", "image": "a:2", "env": [{"name": "A", "$patch": "delete"}, {"name": "C", "value": "3"}]}],
            "tolerations": [{"key": "y"}],
        }))
        .unwrap();
        assert_eq!(
            spec,
            json!({
                "containers": [
                    {"name": "sidecar", "image": "s:1"},
                    {"name": "app", "image": "a:2", "env": [{"name": "C", "value": "3"}, {"name": "B", "value": "2"}]},
                ],
                "tolerations": [{"key": "y"}],
            })
        );
    }

    #[test]
    fn directives_delete_and_replace() {
        let spec =
            patched(json!({"containers": [{"$patch": "replace"}, {"name": "new", "image": "n"}], "tolerations": null}));
        assert_eq!(spec.unwrap(), json!({"containers": [{"name": "new", "image": "n"}]}));
        let spec = patched(json!({"containers": [{"name": "sidecar", "$patch": "delete"}]})).unwrap();
        assert_eq!(spec["containers"].as_array().unwrap().len(), 1);
        let spec = patched(json!({"$retainKeys": ["tolerations"]})).unwrap();
        assert_eq!(spec, json!({"tolerations": [{"key": "x"}]}));
    }

    #[test]
    fn an_item_without_its_key_is_refused_in_the_servers_words() {
        let error = patched(json!({"containers": [{"image": "x"}]})).unwrap_err();
        assert_eq!(error.status()["message"], "map: map[image:x] does not contain declared merge key: name");
    }
}
