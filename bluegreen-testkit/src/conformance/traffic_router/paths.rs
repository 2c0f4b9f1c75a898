//! What the router says of itself, and where colors answer.

use bluegreen_core::{BackendError, Color, Via};

use super::subject::Subject;
use crate::conformance::Checked;
use crate::conformance::check::{ensure, same};
use crate::conformance::lever::pull;

/// Description and capabilities are the same every time, also from another process with the same settings.
pub async fn it_describes_itself_the_same_way_every_time(subject: &Subject) -> Checked {
    let (description, can) = (subject.router.describe(), subject.can());
    ensure!(!description.kind.is_empty(), "a backend says what it is");
    subject.raise().await?;
    for again in [&*subject.router, subject.another()] {
        same("the description, asked again", &again.describe(), &description)?;
        same("the capabilities, asked again", again.capabilities(), can)?;
    }
    Ok(())
}

/// There is a production address exactly where the capabilities say so, and it is the same for both colors.
pub async fn there_is_a_production_address_where_it_says_so(subject: &Subject) -> Checked {
    let [blue, green] = Color::ALL.map(|color| subject.router.address(Via::Production, color));
    let (blue, green) = (blue.await?, green.await?);
    same("whether there is a production address", blue.is_some(), subject.can().production_address)?;
    same("the production address, asked for green", green, blue)
}

/// A preview path is made once for each color, leads somewhere else than production, and moves no traffic.
pub async fn a_preview_is_made_once_and_leads_to_one_color(subject: &Subject) -> Checked {
    let route = subject.route().await?;
    let mut addresses = Vec::new();
    for color in Color::ALL {
        same("whether the first call wrote", subject.router.prepare_preview(color).await?, true)?;
        same("whether the second call wrote", subject.router.prepare_preview(color).await?, false)?;
        let Some(address) = subject.router.address(Via::Preview, color).await? else {
            return Err(crate::conformance::Failure::new(format!("the preview path of {color} has no address")));
        };
        let production = subject.router.address(Via::Production, color).await?;
        ensure!(production.as_ref() != Some(&address), "the preview path of {color} is the production path: {address}");
        addresses.push(address);
    }
    ensure!(addresses[0] != addresses[1], "both colors have the same preview path: {}", addresses[0]);
    same("the route", subject.route().await?, route)
}

/// Where no preview path was asked for, none is made and there is no address.
pub async fn there_is_no_preview_where_it_says_so(subject: &Subject) -> Checked {
    for color in Color::ALL {
        same("whether anything was written", subject.router.prepare_preview(color).await?, false)?;
        same("the preview address", subject.router.address(Via::Preview, color).await?, None)?;
    }
    Ok(())
}

/// A route whose objects don't exist says so, and how to make them.
pub async fn a_route_that_is_not_there_says_how_to_make_it(subject: &Subject) -> Checked {
    pull(subject.removes.as_ref(), ()).await?;
    let result = subject.router.observe().await;
    ensure!(
        matches!(&result, Err(BackendError::NotFound { hint, .. }) if !hint.is_empty()),
        "a route that isn't there is not found, with a hint; but it came to {result:?}"
    );
    Ok(())
}
