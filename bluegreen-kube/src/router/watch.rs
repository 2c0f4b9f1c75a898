//! Following the Services of a group.

use bluegreen_core::BackendError;
use futures_util::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::Service;
use kube::runtime::watcher;

use super::ServiceRouter;
use super::object::object_name;
use crate::client::watch_objects;

/// A Service by the name that people look for.
type Named = (String, Service);

/// Yields all Services of the route once each of them was seen, and again whenever one changes. One that goes away is
/// an error item, and nothing else is yielded until it is back.
pub(super) fn services(router: &ServiceRouter) -> BoxStream<'static, Result<Vec<Named>, BackendError>> {
    let names = router.names();
    let streams: Vec<_> = names.iter().enumerate().map(|(index, name)| one(router, index, name)).collect();
    let latest: Vec<Option<Named>> = vec![None; names.len()];
    stream::select_all(streams)
        .scan(latest, |latest, (index, change)| std::future::ready(Some(merge(latest, index, change))))
        .filter_map(std::future::ready)
        .boxed()
}

/// Follows the Service at `index` of the route.
fn one(router: &ServiceRouter, index: usize, name: &str) -> BoxStream<'static, (usize, Result<Named, BackendError>)> {
    let (object, hint) = (object_name(name), router.manifest_hint(name));
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    watch_objects(router.api(), config, object.clone())
        .map(move |services| {
            let service = services.and_then(|services| match services.first() {
                Some(service) => Ok((object.clone(), Service::clone(service))),
                None => Err(BackendError::NotFound { object: object.clone(), hint: hint.clone() }),
            });
            (index, service)
        })
        .boxed()
}

/// Takes in what was seen of one; `None` while others haven't been seen yet.
fn merge(
    latest: &mut [Option<Named>],
    index: usize,
    change: Result<Named, BackendError>,
) -> Option<Result<Vec<Named>, BackendError>> {
    let slot = latest.get_mut(index)?;
    match change {
        Ok(service) => *slot = Some(service),
        Err(error) => {
            // A watch that broke says nothing about the Service.
            if matches!(error, BackendError::NotFound { .. }) {
                *slot = None;
            }
            return Some(Err(error));
        }
    }
    latest.iter().cloned().collect::<Option<Vec<_>>>().map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_shown_only_while_all_of_it_is_there() {
        let service = |name: &str| Ok((object_name(name), Service::default()));
        let gone = || Err(BackendError::NotFound { object: object_name("a"), hint: String::new() });
        let broken = || {
            Err(BackendError::Unavailable { action: "watch".into(), object: object_name("a"), source: "reset".into() })
        };
        let mut latest = vec![None, None];
        assert!(merge(&mut latest, 0, service("a")).is_none());
        assert_eq!(merge(&mut latest, 1, service("b")).unwrap().unwrap().len(), 2);
        assert!(merge(&mut latest, 0, broken()).unwrap().is_err());
        assert_eq!(merge(&mut latest, 1, service("b")).unwrap().unwrap().len(), 2);
        assert!(merge(&mut latest, 0, gone()).unwrap().is_err());
        assert!(merge(&mut latest, 1, service("b")).is_none());
        assert_eq!(merge(&mut latest, 0, service("a")).unwrap().unwrap().len(), 2);
    }
}
