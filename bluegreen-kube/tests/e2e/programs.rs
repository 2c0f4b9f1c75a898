//! Two programs want the same Service.

use bluegreen_core::{Color, Event, Outcome, RunError};

use crate::app::App;
use crate::shop::{Needs, assert_no_loss, in_a_shop, seconds};

/// What the program that didn't get the route is told.
fn lost(result: &Result<Outcome, RunError>) -> bool {
    matches!(result, Err(RunError::Held { .. }) | Ok(Outcome::Superseded(_) | Outcome::Aborted(_)))
}

#[tokio::test]
async fn two_programs_at_once_one_wins() {
    in_a_shop("two", Needs::Nothing, seconds(180), async |shop| {
        shop.open(&App::v(1), 1).await;
        let users = shop.users(50).await;
        for round in 1..4 {
            let apps = [App::v(2 * round), App::v(2 * round + 1)];
            let run = async |app: &App, journal: &str| {
                let rollout = shop.rollout_with(shop.environment(app), shop.router(), shop.journal(journal));
                rollout.build().unwrap().run(shop.release(app)).await
            };
            let results = tokio::join!(run(&apps[0], "one"), run(&apps[1], "other"));
            let winner = match &results {
                (Ok(outcome), other) if outcome.is_promoted() && lost(other) => &apps[0],
                (other, Ok(outcome)) if outcome.is_promoted() && lost(other) => &apps[1],
                _ => panic!("{results:#?}"),
            };
            let color = if round % 2 == 1 { Color::Green } else { Color::Blue };
            shop.assert_served_by(winner, color).await;
        }
        assert_no_loss(&users.stop().await);
    })
    .await;
}

#[tokio::test]
async fn a_program_that_comes_later_is_told_who_holds_the_route() {
    in_a_shop("later", Needs::Nothing, seconds(120), async |shop| {
        shop.open(&App::v(1), 1).await;
        let (first, second) = (App::v(2), App::v(3));
        let handle = shop.rollout(&first).build().unwrap().start(shop.release(&first)).await.unwrap();
        let (first_id, late) = (handle.rollout().clone(), async {
            shop.trace.until(|event| matches!(event, Event::Sampled(_))).await;
            let before = shop.facts().await;
            let elsewhere = shop.rollout_with(shop.environment(&second), shop.router(), shop.journal("elsewhere"));
            let elsewhere = elsewhere.build().unwrap().run(shop.release(&second)).await;
            let here = shop.rollout(&second).build().unwrap().run(shop.release(&second)).await;
            assert_eq!(shop.facts().await, before);
            (elsewhere, here)
        });
        let (outcome, (elsewhere, here)) = tokio::join!(handle.wait(), late);
        assert!(outcome.unwrap().is_promoted());
        assert!(matches!(elsewhere, Err(RunError::Held { by, .. }) if by == first_id));
        assert!(matches!(here, Err(RunError::Open { rollout, .. }) if rollout == first_id));
    })
    .await;
}
