//! The behaviors, by area.

mod compare_and_set;

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
    [("compare_and_set", compare_and_set::CASES)]
        .into_iter()
        .flat_map(|(area, cases)| cases.iter().map(move |case| (area, *case)))
        .collect()
}
