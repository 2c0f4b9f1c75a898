//! Reading and writing the metadata of objects that are plain JSON.

use serde_json::{Map, Value};

/// The text at a JSON pointer, or nothing.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The name of a part of an object, such as a container.
pub(crate) fn name_of(part: &Value) -> &str {
    text(part, "/name")
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(crate) fn resource_version(object: &Value) -> &str {
    text(object, "/metadata/resourceVersion")
}

pub(crate) fn is_deleting(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// The list at a JSON pointer; empty if there is none.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The fields of an object's metadata, which is made if it isn't there.
pub(crate) fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    fields(field(object, "metadata"))
}

/// The field of an object, which is made if it isn't there.
pub(crate) fn field<'a>(object: &'a mut Value, name: &str) -> &'a mut Value {
    fields(object).entry(name).or_insert_with(|| Value::Object(Map::new()))
}

/// The fields of a value, which becomes an object if it isn't one.
pub(crate) fn fields(value: &mut Value) -> &mut Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => {
            *other = Value::Object(Map::new());
            fields(other)
        }
    }
}

/// Sets a field of a map, or takes it away.
pub(crate) fn set(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            fields.insert(name.to_owned(), value);
        }
        None => {
            fields.remove(name);
        }
    }
}
