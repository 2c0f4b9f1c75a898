//! The table of what catches what, checked.

use std::collections::BTreeSet;
use std::fmt::Debug;

use bluegreen_testkit::conformance::{Case, Suite};

/// A way to be wrong, and the cases that are there to catch it.
pub(crate) type Row<W> = (W, &'static [&'static str]);

/// Checks that each wrong backend fails the cases beside it and passes some other, that right ones fail none, and that no
/// case of the suite is missing in the table.
pub(crate) async fn prove<W: Copy + Debug + Send + Sync>(
    right: Vec<Suite>,
    wrong: impl Fn(W) -> Suite + Send + Sync,
    table: &[Row<W>],
) {
    let mut names = BTreeSet::new();
    for suite in right {
        for case in cases(suite).await {
            names.insert(name(&case));
            case.run().await.unwrap_or_else(|failure| panic!("{} fails for a right backend: {failure}", case.name()));
        }
    }
    for (way, catching) in table {
        let (mut failed, mut passed) = (BTreeSet::new(), 0);
        for case in cases(wrong(*way)).await {
            names.insert(name(&case));
            match case.run().await {
                Ok(()) => passed += 1,
                Err(_) => _ = failed.insert(name(&case)),
            }
        }
        println!("{way:?}: caught by {}; fails {} of {}", catching.join(", "), failed.len(), failed.len() + passed);
        for case in *catching {
            assert!(failed.contains(*case), "{way:?} passes {case}, which is there to catch it; it fails {failed:?}");
        }
        assert!(passed > 0, "{way:?} is wrong in so many ways that it proves nothing");
    }
    let in_table: BTreeSet<String> =
        table.iter().flat_map(|(_, cases)| *cases).map(|case| (*case).to_owned()).collect();
    let unproven: Vec<_> = names.difference(&in_table).collect();
    assert!(unproven.is_empty(), "no wrong backend shows that these can fail: {unproven:#?}");
    println!("{} cases, each of which failed for at least one of {} wrong backends", names.len(), table.len());
}

async fn cases(suite: Suite) -> Vec<Case> {
    suite.cases().await.expect("the harness makes a subject")
}

/// The name of a case without that of its suite.
fn name(case: &Case) -> String {
    case.name().rsplit(':').next().unwrap_or_default().to_owned()
}
