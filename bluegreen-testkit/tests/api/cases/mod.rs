//! The behaviors, by area.

mod access;
mod apply;
mod autoscalers;
mod compare_and_set;
mod create;
mod deletes;
mod deployments;
mod dry_run;
mod endpoint_slices;
mod generation;
mod jobs;
mod json_patch;
mod lists;
mod managed_fields;
mod merge_patch;
mod pods;
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
        ("autoscalers", autoscalers::CASES),
        ("compare_and_set", compare_and_set::CASES),
        ("create", create::CASES),
        ("deletes", deletes::CASES),
        ("deployments", deployments::CASES),
        ("dry_run", dry_run::CASES),
        ("endpoint_slices", endpoint_slices::CASES),
        ("generation", generation::CASES),
        ("jobs", jobs::CASES),
        ("json_patch", json_patch::CASES),
        ("lists", lists::CASES),
        ("managed_fields", managed_fields::CASES),
        ("merge_patch", merge_patch::CASES),
        ("pods", pods::CASES),
        ("subresources", subresources::CASES),
        ("watches", watches::CASES),
    ];
    areas.into_iter().flat_map(|(area, cases)| cases.iter().map(move |case| (area, *case))).collect()
}
