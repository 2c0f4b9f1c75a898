//! The behaviors, by area.

mod access;
mod apply;
mod compare_and_set;
mod create;
mod deletes;
mod dry_run;
mod generation;
mod json_patch;
mod lists;
mod managed_fields;
mod merge_patch;
mod subresources;
mod watches;

use std::future::Future;
use std::pin::Pin;

use crate::place::Place;

/// One behavior.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Place) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
}

/// Lists the functions of an area as its cases.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(super) const CASES: &[super::Case] =
            &[$(super::Case { name: stringify!($name), run: |place| Box::pin($name(place)) }),*];
    };
}
use cases;

/// All cases, with the areas that they belong to.
pub(crate) fn all() -> Vec<(&'static str, Case)> {
    let areas = [
        ("access", access::CASES),
        ("apply", apply::CASES),
        ("compare_and_set", compare_and_set::CASES),
        ("create", create::CASES),
        ("deletes", deletes::CASES),
        ("dry_run", dry_run::CASES),
        ("generation", generation::CASES),
        ("json_patch", json_patch::CASES),
        ("lists", lists::CASES),
        ("managed_fields", managed_fields::CASES),
        ("merge_patch", merge_patch::CASES),
        ("subresources", subresources::CASES),
        ("watches", watches::CASES),
    ];
    areas.into_iter().flat_map(|(area, cases)| cases.iter().map(move |case| (area, *case))).collect()
}
