//! Pod templates: comparing them, and telling ReplicaSets apart by them.

use serde_json::{Value, json};

use super::super::meta;

/// The label by which ReplicaSets of one Deployment are told apart.
pub(super) const HASH: &str = "pod-template-hash";

/// The letters of the hash, as the real controller uses them.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Whether a ReplicaSet's template is the one that is wanted, but for the hash.
pub(super) fn is_same(of_set: &Value, wanted: &Value) -> bool {
    let mut of_set = of_set.clone();
    if let Some(labels) = of_set.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    of_set == *wanted
}

/// The hash of a template: the same for the same template.
pub(super) fn hash(template: &Value) -> String {
    let text = template.to_string();
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_string().bytes().map(|digit| char::from(LETTERS[usize::from(digit - b'0')])).collect()
}

/// The template with the hash among its labels.
pub(super) fn with_hash(template: &Value, hash: &str) -> Value {
    let mut template = template.clone();
    meta::fields(meta::field(meta::field(&mut template, "metadata"), "labels")).insert(HASH.to_owned(), json!(hash));
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_found_again_by_what_it_says() {
        let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}});
        let other = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [1]}});
        let hash_of_it = hash(&template);
        assert_eq!(hash_of_it, hash(&template));
        assert_ne!(hash_of_it, hash(&other));
        assert!(is_same(&with_hash(&template, &hash_of_it), &template));
        assert!(!is_same(&with_hash(&template, &hash_of_it), &other));
    }
}
