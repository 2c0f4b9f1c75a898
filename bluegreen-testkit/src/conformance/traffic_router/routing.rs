//! Reading, ordering and writing.

use std::collections::BTreeSet;

use bluegreen_core::{BackendError, Color, Fence, RolloutId, RouteMark, RouteObservation, RouteState, Split};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::subject::{Subject, send};
use crate::conformance::check::{ensure, refused, same};
use crate::conformance::{Checked, Failure};

const BLUE: Split = Split::only(Color::Blue);
const GREEN: Split = Split::only(Color::Green);

/// The route is read as it is, with all its objects in a fixed order.
pub async fn the_route_is_read_as_it_is(subject: &Subject) -> Checked {
    let route = subject.route().await?;
    same("the split", route.split, Some(BLUE))?;
    same("how many objects there are", route.objects.len(), subject.objects)?;
    for object in &route.objects {
        ensure!(
            !object.name.is_empty() && !object.version.is_empty(),
            "an object has a name and a version: {object:?}"
        );
        same(format!("where {} routes to", object.name), &object.state, &RouteState::Routes(BLUE))?;
        same(format!("the mark of {}", object.name), &object.mark, &None)?;
    }
    let names: BTreeSet<_> = route.objects.iter().map(|object| &object.name).collect();
    same("objects with a name of their own", names.len(), route.objects.len())?;
    same("the route, read again", subject.route().await?, route)
}

/// The steps to a split name each object once, from where it leads to the split; after all of them there is none left.
pub async fn steps_lead_to_the_split_and_end(subject: &Subject) -> Checked {
    let mut route = subject.raise().await?;
    same("the steps to where it leads already", &subject.router.steps(&route, BLUE), &Vec::new())?;
    for to in [GREEN, BLUE] {
        let steps = subject.router.steps(&route, to);
        same("how many steps there are", steps.len(), subject.objects)?;
        for (done, step) in steps.iter().enumerate() {
            let Some(object) = route.objects.iter().find(|object| object.name == step.object) else {
                return Err(Failure::new(format!("a step names {}, which is no object of the route", step.object)));
            };
            same("where the step begins", &step.from, &object.state)?;
            same("where the step leads", &step.to, &RouteState::Routes(to))?;
            subject.write(object, to).await?;
            route = subject.route().await?;
            same("the steps that are left", &subject.router.steps(&route, to)[..], &steps[done + 1..])?;
        }
        same("the split after all steps", route.split, Some(to))?;
    }
    Ok(())
}

/// Steps are pure: the same route gives the same steps, and asking changes nothing.
pub async fn steps_are_the_same_for_the_same_route(subject: &Subject) -> Checked {
    let route = subject.route().await?;
    let steps = subject.router.steps(&route, GREEN);
    same("the steps, asked again", &subject.router.steps(&route, GREEN), &steps)?;
    same("the steps that another process gets", &subject.another().steps(&route, GREEN), &steps)?;
    subject.shift(GREEN).await?;
    same("the steps of a route as it was before", &subject.router.steps(&route, GREEN), &steps)
}

/// A write to where the object leads already changes only the mark.
pub async fn a_raise_changes_nothing_but_the_mark(subject: &Subject) -> Checked {
    for _ in 0..2 {
        let before = subject.object().await?;
        let mark = subject.mark(BLUE);
        let raised = send(&*subject.router, &before, Fence::Version, BLUE, &mark).await?;
        same("the mark", raised.mark.as_ref(), Some(&mark))?;
        same("where it routes to", &raised.state, &before.state)?;
        same("the exact routing state", &raised.exact, &before.exact)?;
        same("the object, read", &subject.object().await?, &raised)?;
    }
    Ok(())
}

/// A write sets routing state and mark together, and returns the object as it left it.
pub async fn a_write_leaves_state_and_mark_together(subject: &Subject) -> Checked {
    subject.raise().await?;
    for to in [GREEN, BLUE] {
        let before = subject.object().await?;
        let mark = subject.mark(to);
        let written = send(&*subject.router, &before, Fence::Stamp, to, &mark).await?;
        same("where it routes to", &written.state, &RouteState::Routes(to))?;
        same("the mark", written.mark.as_ref(), Some(&mark))?;
        ensure!(!written.is_foreign(), "what was just written is not foreign: {written:?}");
        same("the object, read", &subject.object().await?, &written)?;
    }
    Ok(())
}

/// All that a mark says is kept on the object and read back.
pub async fn a_mark_is_read_back_exactly(subject: &Subject) -> Checked {
    let plain = subject.mark(BLUE);
    let ended = RouteMark { ended: true, ..subject.mark(BLUE) };
    let origin = RouteMark { origin: Color::Green, ..subject.mark(BLUE) };
    let rollout = RouteMark { rollout: RolloutId::from("another-rollout".to_owned()), ..subject.mark(BLUE) };
    for mark in [plain, ended, origin, rollout] {
        let before = subject.object().await?;
        let returned = send(&*subject.router, &before, Fence::Version, BLUE, &mark).await?;
        same("the mark, returned", returned.mark.as_ref(), Some(&mark))?;
        same("the mark, read", subject.object().await?.mark.as_ref(), Some(&mark))?;
    }
    Ok(())
}

/// The version changes with every change, also of the mark alone.
pub async fn every_change_has_a_new_version(subject: &Subject) -> Checked {
    let mut versions = vec![subject.object().await?.version];
    for to in [BLUE, GREEN, GREEN, BLUE] {
        versions.push(subject.write(&subject.object().await?, to).await?.version);
    }
    let different: BTreeSet<_> = versions.iter().collect();
    same(format!("different versions of {versions:?}"), different.len(), versions.len())
}

/// A watch begins with the present state, and tells each change.
pub async fn a_watch_begins_with_the_present_and_tells_each_change(subject: &Subject) -> Checked {
    let present = subject.raise().await?;
    let mut watch = subject.router.watch();
    let Ok(Some(first)) = timeout(subject.patience_of_cases(), watch.next()).await else {
        return Err(Failure::new("a watch tells the present state, but this one told nothing"));
    };
    same("what a watch tells first", &first?, &present)?;
    for to in [GREEN, BLUE] {
        subject.shift(to).await?;
        let now = subject.route().await?;
        let mut last = None;
        let told = timeout(subject.patience_of_cases(), async {
            while let Some(item) = watch.next().await {
                if matches!(&item, Ok(seen) if *seen == now) {
                    return true;
                }
                last = Some(item);
            }
            false
        });
        let told = told.await;
        ensure!(matches!(told, Ok(true)), "the watch never told {now:#?}; what it told last: {last:#?}");
    }
    Ok(())
}

/// A router that can split traffic reads back exactly the weights that it wrote.
pub async fn a_split_is_written_and_read_back(subject: &Subject) -> Checked {
    subject.raise().await?;
    for split in [Split::percent(Color::Green, 10), Split::percent(Color::Green, 50), GREEN] {
        subject.shift(split).await?;
        let route = subject.route().await?;
        same("the split", route.split, Some(split))?;
        same("whether blue is referenced", route.references(Color::Blue), split.blue > 0)?;
        same("the steps that are left", &subject.router.steps(&route, split), &Vec::new())?;
    }
    Ok(())
}

/// A router that can't split traffic says so, and changes nothing.
pub async fn a_split_that_can_not_be_done_is_refused(subject: &Subject) -> Checked {
    let route = subject.raise().await?;
    let result = subject.write(&subject.object().await?, Split::percent(Color::Green, 50)).await;
    let unsupported = matches!(result, Err(BackendError::Unsupported { .. } | BackendError::Unusable { .. }));
    ensure!(unsupported, "a split that can't be done is unsupported, but it came to {result:?}");
    refused("a split that can't be done", result)?;
    same("the route", subject.route().await?, route)
}

/// The route is read from the system itself: what another process wrote is there at once.
pub async fn a_write_of_another_process_is_read_at_once(subject: &Subject) -> Checked {
    subject.raise().await?;
    for to in [GREEN, BLUE, GREEN] {
        let mark = subject.mark(to);
        let object = subject.object().await?;
        send(subject.another(), &object, Fence::Stamp, to, &mark).await?;
        let now: RouteObservation = subject.route().await?;
        let first = now.objects.first();
        same("the mark of another process", first.and_then(|object| object.mark.as_ref()), Some(&mark))?;
        same("where another process routes to", first.map(|object| &object.state), Some(&RouteState::Routes(to)))?;
    }
    Ok(())
}
