//! Where the fake differs from a real server on purpose: these cases run on the real one only.

/// Area, case, and what the fake does instead.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("create", "unknown_fields_are_dropped", "it has no schema: what it doesn't know is kept"),
    ("create", "a_field_of_the_wrong_type_is_a_bad_request", "it has no schema: most types aren't checked"),
];

/// Whether the fake differs in this case.
pub(crate) fn includes(area: &str, case: &str) -> bool {
    DIFFERENCES.iter().any(|(of, name, _)| (*of, *name) == (area, case))
}
