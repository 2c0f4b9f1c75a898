//! Convergence is proven by the identity of those who get traffic, and by nothing else.

use std::collections::BTreeSet;

use bluegreen_core::{BackendError, Color, Convergence, Endpoint, Split};
use tokio::time::timeout;

use super::subject::Subject;
use crate::conformance::check::{does_not_happen, dropped_after, ensure, same, until};
use crate::conformance::lever::pull;
use crate::conformance::{Checked, Failure};

const GREEN: Split = Split::only(Color::Green);

/// Waits for a proof, but not for ever.
async fn proven(subject: &Subject, color: Color, endpoints: &BTreeSet<Endpoint>) -> Result<Convergence, Failure> {
    let converge = subject.router.converge(color, endpoints);
    let Ok(proof) = timeout(subject.patience_of_cases(), converge).await else {
        let names: Vec<_> = endpoints.iter().map(|endpoint| &endpoint.name).collect();
        return Err(Failure::new(format!("that traffic goes to {names:?} of {color} was never proven")));
    };
    let proof = proof?;
    same("the endpoints that are proven", proof.endpoints, endpoints.len())?;
    ensure!(!proof.evidence.is_empty(), "a proof is told in words");
    Ok(proof)
}

/// Fails if it is proven that traffic goes to `endpoints`.
async fn unproven(subject: &Subject, what: &str, color: Color, endpoints: &BTreeSet<Endpoint>) -> Checked {
    let what = format!("{what}, but traffic was proven to go to {color}");
    does_not_happen(what, subject.router.converge(color, endpoints)).await
}

/// The color that serves, with those that are ready, is proven.
pub async fn what_serves_is_proven(subject: &Subject) -> Checked {
    proven(subject, Color::Blue, &subject.endpoints(Color::Blue).await?).await?;
    Ok(())
}

/// While the other color serves nothing is proven; a wait that began before the switch ends after it.
pub async fn nothing_is_proven_before_the_switch(subject: &Subject) -> Checked {
    subject.raise().await?;
    let green = subject.endpoints(Color::Green).await?;
    unproven(subject, "the other color serves", Color::Green, &green).await?;
    let (proof, switched) = tokio::join!(proven(subject, Color::Green, &green), subject.shift(GREEN));
    switched?;
    proof?;
    let blue = subject.endpoints(Color::Blue).await?;
    unproven(subject, "nothing serves from the other color any more", Color::Blue, &blue).await
}

/// As long as one object of the route still leads to the other color nothing is proven, for either.
pub async fn nothing_is_proven_while_an_object_still_leads_elsewhere(subject: &Subject) -> Checked {
    subject.raise().await?;
    let (blue, green) = (subject.endpoints(Color::Blue).await?, subject.endpoints(Color::Green).await?);
    let route = subject.route().await?;
    let steps = subject.router.steps(&route, GREEN);
    for (index, step) in steps.iter().enumerate() {
        if index > 0 {
            unproven(subject, "one object has not moved yet", Color::Green, &green).await?;
            unproven(subject, "one object has moved", Color::Blue, &blue).await?;
        }
        let object = route.objects.iter().find(|object| object.name == step.object);
        let Some(object) = object else { return Err(Failure::new(format!("there is no {}", step.object))) };
        subject.write(object, GREEN).await?;
    }
    proven(subject, Color::Green, &green).await?;
    Ok(())
}

/// As long as the other color gets any share nothing is proven.
pub async fn nothing_is_proven_while_the_other_color_gets_a_share(subject: &Subject) -> Checked {
    subject.raise().await?;
    subject.shift(Split::percent(Color::Green, 90)).await?;
    for color in Color::ALL {
        unproven(subject, "both colors get a share", color, &subject.endpoints(color).await?).await?;
    }
    subject.shift(GREEN).await?;
    proven(subject, Color::Green, &subject.endpoints(Color::Green).await?).await?;
    Ok(())
}

/// Too few, too many, others with the same names, those of the other color, or none at all: never proven.
pub async fn other_endpoints_than_those_that_serve_are_never_proven(subject: &Subject) -> Checked {
    let (blue, green) = (subject.endpoints(Color::Blue).await?, subject.endpoints(Color::Green).await?);
    let fewer = blue.iter().skip(1).cloned().collect();
    let both = blue.union(&green).cloned().collect();
    let named_alike =
        blue.iter().map(|endpoint| Endpoint { id: format!("not-{}", endpoint.id), ..endpoint.clone() }).collect();
    for (what, endpoints) in [
        ("one of them was left out", fewer),
        ("there are others too", both),
        ("they only have the same names", named_alike),
        ("they are those of the other color", green),
        ("there are none", BTreeSet::new()),
    ] {
        unproven(subject, what, Color::Blue, &endpoints).await?;
    }
    proven(subject, Color::Blue, &blue).await?;
    Ok(())
}

/// Those that ran before are no longer proven once they are replaced; those that run now are.
pub async fn replaced_endpoints_are_noticed(subject: &Subject) -> Checked {
    let before = subject.endpoints(Color::Blue).await?;
    proven(subject, Color::Blue, &before).await?;
    pull(subject.replaces_pods.as_ref(), Color::Blue).await?;
    unproven(subject, "they are gone", Color::Blue, &before).await?;
    let look = || subject.endpoints(Color::Blue);
    let replaced = |seen: &BTreeSet<Endpoint>| seen.is_disjoint(&before);
    let now = until("others are ready", subject.patience_of_cases(), look, replaced).await?;
    proven(subject, Color::Blue, &now).await?;
    Ok(())
}

/// At the moment of the proof, new connections are answered by that color and nobody else.
pub async fn what_is_proven_gets_the_traffic(subject: &Subject) -> Checked {
    subject.raise().await?;
    for color in [Color::Blue, Color::Green, Color::Blue] {
        let endpoints = subject.endpoints(color).await?;
        subject.shift(Split::only(color)).await?;
        proven(subject, color, &endpoints).await?;
        let answered = pull(subject.answers.as_ref(), ()).await?;
        same("who answers new connections after the proof", answered, BTreeSet::from([color]))?;
    }
    Ok(())
}

/// A wait for convergence may be dropped at any time, and changes nothing.
pub async fn a_wait_that_is_dropped_changes_nothing(subject: &Subject) -> Checked {
    let before = subject.raise().await?;
    let (blue, green) = (subject.endpoints(Color::Blue).await?, subject.endpoints(Color::Green).await?);
    for waits in 0..4 {
        let dropped: Option<Result<_, BackendError>> =
            dropped_after(waits, subject.router.converge(Color::Green, &green)).await;
        ensure!(!matches!(dropped, Some(Ok(_))), "green was proven while blue serves: {dropped:?}");
    }
    same("the route", subject.route().await?, before)?;
    proven(subject, Color::Blue, &blue).await?;
    Ok(())
}
