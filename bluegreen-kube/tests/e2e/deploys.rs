//! Releases that go well.

use bluegreen_core::{Color, Outcome};

use crate::app::App;
use crate::shop::{Needs, assert_no_loss, in_a_shop, seconds};

#[tokio::test]
async fn the_first_deploy_of_a_service_without_pods() {
    in_a_shop("first-deploy", Needs::Nothing, seconds(120), async |shop| {
        shop.make_service().await;
        let app = App::v(1);
        let outcome = shop.run(&app).await;
        assert!(outcome.is_promoted(), "{}", outcome.report());
        shop.assert_served_by(&app, Color::Green).await;
    })
    .await;
}

#[tokio::test]
async fn three_releases_in_a_row_alternate_colors() {
    in_a_shop("three-releases", Needs::Nothing, seconds(180), async |shop| {
        shop.open(&App::v(1), 3).await;
        let users = shop.users(100).await;
        for (number, color, replicas) in
            [(2, Color::Green, [0, 3]), (3, Color::Blue, [3, 0]), (4, Color::Green, [0, 3])]
        {
            let app = App::v(number);
            let outcome = shop.run(&app).await;
            assert!(outcome.is_promoted(), "{}", outcome.report());
            shop.assert_served_by(&app, color).await;
            assert_eq!(shop.facts().await.replicas(), replicas, "blue and green");
        }
        assert_no_loss(&users.stop().await);
    })
    .await;
}

#[tokio::test]
async fn a_release_that_serves_already_is_left_alone() {
    in_a_shop("again", Needs::Nothing, seconds(120), async |shop| {
        shop.open(&App::v(1), 1).await;
        let app = App::v(2);
        let first = shop.run(&app).await;
        assert!(first.is_promoted(), "{}", first.report());
        let before = shop.facts().await;
        let second = shop.run(&app).await;
        assert!(matches!(second, Outcome::AlreadyActive(_)), "{}", second.report());
        assert_eq!(shop.facts().await, before);
    })
    .await;
}
