//! Somebody else changes the Service in the middle of a rollout: it halts, and hurts nothing that serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluegreen_core::plan::{Expiry, Watch};
use bluegreen_core::{Color, RolloutBuilder};
use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::mpsc;

use crate::app::App;
use crate::meddler::{Meddler, MeddlingProbe, Moment};
use crate::shop::{Needs, Shop, in_a_shop, millis, seconds};

/// What somebody does to the Service.
#[derive(Debug, Clone, Copy)]
enum Edit {
    /// A person takes the key away by which the colors differ.
    KeyRemoved,
    /// The Service's manifest is applied again; it never had that key.
    ManifestWithoutKey,
    /// The Service's manifest is applied again; it names the color that served when it was written.
    ManifestNamesBlue,
}

impl Edit {
    async fn make(self, shop: &Shop) {
        match self {
            Self::KeyRemoved => shop.edit_selector(json!({"color": null})).await,
            Self::ManifestWithoutKey => shop.apply_service(None).await,
            Self::ManifestNamesBlue => shop.apply_service(Some(Color::Blue)).await,
        }
    }

    /// The selector after it.
    fn leaves(self) -> BTreeMap<String, String> {
        let color = matches!(self, Self::ManifestNamesBlue).then_some(("color", "blue"));
        let keys = [("app", "checkout")].into_iter().chain(color);
        keys.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

/// A rollout with everything that a plan may have, and a meddler in all of it.
fn rollout(shop: &Shop, app: &App, meddler: &Meddler) -> RolloutBuilder {
    let probe = |moment| MeddlingProbe { meddler: meddler.clone(), moment };
    let watch = Watch::lasting(seconds(1)).interval(millis(300)).probe(probe(Moment::Watch), 2);
    shop.rollout_with(meddler.around(shop.environment(app)), meddler.around(shop.router()), shop.journal("journals"))
        .preflight(meddler.clone())
        .smoke(probe(Moment::Smoke))
        .approval(meddler.clone(), seconds(10), Expiry::Abort)
        .final_health(probe(Moment::FinalHealth))
        .settle(millis(500))
        .watch(watch)
        .drain(seconds(1))
        .drainer(meddler.clone())
}

/// Runs a rollout from blue to green with one edit at one moment, and puts everything back.
async fn edit_at(shop: &Arc<Shop>, edit: Edit, moment: Moment, app: &App) {
    eprintln!("{edit:?} at {moment:?}");
    let (tell, mut told) = mpsc::unbounded_channel();
    let deed = {
        let shop = Arc::clone(shop);
        move || {
            let (shop, tell) = (Arc::clone(&shop), tell.clone());
            async move {
                let before = shop.facts().await;
                edit.make(&shop).await;
                let _ = tell.send(before);
            }
            .boxed()
        }
    };
    let meddler = Meddler::new(moment, deed);
    let outcome = rollout(shop, app, &meddler).build().unwrap().run(shop.release(app)).await.unwrap();
    let report = outcome.report().to_string();
    assert!(meddler.came(), "{moment:?} never came:\n{report}");
    let (edited, after) = (told.recv().await.unwrap(), shop.facts().await);

    assert_eq!(after.selector, edit.leaves(), "somebody's edit was overwritten:\n{report}");
    match moment {
        // Nothing was written yet, so there is nothing to halt.
        Moment::Preflight => assert!(outcome.is_aborted() || outcome.is_halted(), "{edit:?} at {moment:?}: {report}"),
        _ => assert!(outcome.is_halted(), "{edit:?} at {moment:?}: {report}"),
    }
    match moment {
        // These two writes had left, or as good as: the other rules make them harmless.
        Moment::Deploy => assert_eq!(after.specs()[0], edited.specs()[0], "blue was touched:\n{report}"),
        Moment::Retire => assert_eq!(after.replicas(), edited.replicas(), "was to be scaled up again:\n{report}"),
        _ => assert_eq!(after.specs(), edited.specs(), "a color was touched after the edit:\n{report}"),
    }
    if !matches!(moment, Moment::Preflight) {
        let (manager, named) = match edit {
            Edit::KeyRemoved => ("kubectl-edit", report.contains("kubectl-edit")),
            _ => ("shop-manifests", report.contains("shop-manifests")),
        };
        assert!(named, "{manager} is not named in:\n{report}");
    }
    // As whoever made the edit would put it right.
    shop.edit_selector(json!({"app": "checkout", "color": "blue"})).await;
}

async fn assert_halts(case: &str, edit: Edit, moments: &'static [Moment]) {
    in_a_shop(case, Needs::Nothing, seconds(400), async |shop| {
        shop.open(&App::v(1), 1).await;
        for (number, moment) in (2..).zip(moments) {
            edit_at(&shop, edit, *moment, &App::v(number)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_key_is_removed_before_the_switch() {
    assert_halts("edit-before", Edit::KeyRemoved, &Moment::BEFORE_THE_SWITCH).await;
}

#[tokio::test]
async fn the_key_is_removed_after_the_switch() {
    assert_halts("edit-after", Edit::KeyRemoved, &Moment::AFTER_THE_SWITCH).await;
}

#[tokio::test]
async fn a_manifest_without_the_key_is_applied_before_the_switch() {
    assert_halts("apply-before", Edit::ManifestWithoutKey, &Moment::BEFORE_THE_SWITCH).await;
}

#[tokio::test]
async fn a_manifest_without_the_key_is_applied_after_the_switch() {
    assert_halts("apply-after", Edit::ManifestWithoutKey, &Moment::AFTER_THE_SWITCH).await;
}

#[tokio::test]
async fn a_manifest_that_names_the_old_color_is_applied_after_the_switch() {
    assert_halts("apply-old", Edit::ManifestNamesBlue, &Moment::AFTER_THE_SWITCH).await;
}

#[tokio::test]
async fn a_manifest_that_changes_nothing_is_no_edit() {
    in_a_shop("apply-same", Needs::Nothing, seconds(120), async |shop| {
        shop.open(&App::v(1), 1).await;
        let app = App::v(2);
        let same = {
            let shop = Arc::clone(&shop);
            move || {
                let shop = Arc::clone(&shop);
                async move { shop.apply_service(Some(Color::Blue)).await }.boxed()
            }
        };
        let meddler = Meddler::new(Moment::Smoke, same);
        let outcome = shop.finish(rollout(&shop, &app, &meddler), &app).await;
        assert!(meddler.came() && outcome.is_promoted(), "{}", outcome.report());
    })
    .await;
}
