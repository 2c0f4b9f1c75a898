//! The engine as a function: of journals that were recorded, cut, and spoiled.

use bluegreen_core::engine::{Decide, Engine, State, Then, View};
use bluegreen_core::{Color, Event, Record, Write};
use bluegreen_testkit::{Behavior, World};
use proptest::prelude::*;

use crate::support::{minutes, plain, records, run};

/// The journals of a promoted and of a rolled back rollout.
fn journals() -> Vec<Vec<Record>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::builder().build();
        let _ = run(plain(&world), "v2").await;
        let promoted = records(&world).await;
        world.behaves("v3", Behavior::unready_after(minutes(1)));
        let _ = run(plain(&world), "v3").await;
        vec![promoted, records(&world).await]
    })
}

#[test]
fn every_beginning_of_a_journal_is_a_state_with_something_to_do() {
    for journal in journals() {
        for length in 1..=journal.len() {
            let state = State::replay(&journal[..length]).unwrap().unwrap();
            let last = &journal[length - 1];
            let decision = Engine.next(&state, &View::default(), last.at);
            let done = matches!(decision.then, Then::Done(_));
            assert_eq!(done, matches!(last.event, Event::Ended(_)), "after {:?}: {decision:?}", last.event);
            assert_eq!(decision, Engine.next(&state, &View::default(), last.at), "asked again, it answers the same");
        }
    }
}

#[test]
fn what_cannot_follow_is_refused() {
    for journal in journals() {
        // Without its beginning; twice the same; an outcome without its intent.
        assert!(State::replay(&journal[1..]).is_err());
        for (index, record) in journal.iter().enumerate() {
            let mut spoiled = journal.clone();
            match &record.event {
                Event::Intent { .. } => drop(spoiled.remove(index)),
                Event::Wrote { .. } | Event::Started(_) | Event::Ended(_) => spoiled.insert(index, record.clone()),
                _ => continue,
            }
            assert!(State::replay(&spoiled).is_err(), "{:?} was spoiled and not noticed", record.event);
        }
    }
}

#[test]
fn nothing_is_retired_without_proof() {
    let journal = journals().remove(0);
    let unproven: Vec<_> = journal.into_iter().filter(|record| !matches!(record.event, Event::Judged { .. })).collect();
    let error = State::replay(&unproven).unwrap_err();
    assert!(error.to_string().contains("only when a watch has passed"), "{error}");
    let retires = |record: &Record| matches!(record.event, Event::Intent { write: Write::Retire(Color::Blue), .. });
    assert!(unproven.iter().any(retires));
}

proptest! {
    /// Whatever is left out of a journal or swapped in it, replaying it never panics, and neither does deciding by it.
    #[test]
    fn spoiled_journals_never_panic(which in 0..2usize, left_out in proptest::collection::vec(0..60usize, 0..6), swap in (0..60usize, 0..60usize)) {
        let mut journal = JOURNALS.with(|journals| journals[which].clone());
        let (a, b) = (swap.0 % journal.len(), swap.1 % journal.len());
        journal.swap(a, b);
        let mut index = 0;
        journal.retain(|_| { index += 1; !left_out.contains(&(index - 1)) });
        let mut state = None;
        for record in &journal {
            match State::after(state.take(), record) {
                Ok(next) => {
                    let _ = Engine.next(&next, &View::default(), record.at);
                    state = Some(next);
                }
                Err(error) => {
                    prop_assert!(!error.to_string().is_empty());
                    break;
                }
            }
        }
    }
}

thread_local! {
    static JOURNALS: Vec<Vec<Record>> = journals();
}
