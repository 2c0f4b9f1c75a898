//! Trying everything that can go wrong with a rollout.

mod check;
mod coverage;
mod points;
mod run;
mod script;
mod violation;

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bluegreen_core::{Color, End, Entropy, Release, RolloutBuilder, Split};

use self::check::{Seen, Usual};
pub use self::coverage::Coverage;
use self::points::Kind;
use self::run::{Ending, Run};
pub use self::script::{Ask, Mishap, ParseScriptError, Revival, Script};
pub use self::violation::Violation;
use crate::world::{Call, World, WorldBuilder, WorldEntropy};

/// A run that takes longer than this by the world's clock never ends.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// After this time whatever was on its way has landed.
const AFTERMATH: Duration = Duration::from_secs(900);

/// Runs a rollout again and again in a world of its own, each time with something else going wrong, and checks after
/// every write and at the end of every run that the laws of `bluegreen` hold.
///
/// First every single mishap at every call: the call fails, times out with and without its effect, lands late, hangs, is
/// delivered twice, is slow; the program dies in it, and one program goes on, or two at once, or one when all deadlines
/// have passed; an append is torn; somebody edits the route, kills pods, or asks to abort, roll back or pause. Then pairs
/// of them, then triples that a seed chooses. After each run a healthy release is rolled out with nothing going wrong,
/// which has to succeed: no state is left without an exit.
///
/// ```
/// use std::time::Duration;
///
/// use bluegreen_core::plan::{PodLimits, Watch};
/// use bluegreen_core::Target;
/// use bluegreen_testkit::{Explorer, World};
///
/// let target = Target::new("shop", "checkout");
/// let explorer = Explorer::new(World::builder(), |world| {
///     world.rollout(&target).watch(Watch::lasting(Duration::from_secs(60)).pods(PodLimits::default()))
/// });
/// let coverage = explorer.pairs(20).triples(5).explore().unwrap_or_else(|violation| panic!("{violation}"));
/// println!("{coverage}");
/// ```
pub struct Explorer<R> {
    world: WorldBuilder,
    rollout: R,
    release: Release,
    pairs: usize,
    triples: usize,
    seed: u64,
    begin: fn(&World),
    expect: Option<fn(&End) -> bool>,
    sequel: bool,
}

impl<R> fmt::Debug for Explorer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorer").field("world", &self.world).field("release", &self.release).finish_non_exhaustive()
    }
}

/// What became of a run.
struct Performed {
    script: Script,
    calls: Vec<Call>,
    end: Option<End>,
    /// Whether users lost a request.
    lost: bool,
    problems: Vec<String>,
    story: Vec<String>,
}

impl Performed {
    /// What is usual, if this is the run in which nothing goes wrong.
    fn usual(&self) -> Option<Usual> {
        self.end.clone().map(|end| Usual { end, lost: self.lost })
    }
}

impl<R: Fn(&World) -> RolloutBuilder + Sync> Explorer<R> {
    /// Explores the rollouts that `rollout` describes, in worlds that begin like `world`. The backends, the journal, the
    /// clock and the randomness have to be those of the world that `rollout` is given, or wrappers of them.
    pub fn new(world: WorldBuilder, rollout: R) -> Self {
        let release = Release::version("v2");
        Self { world, rollout, release, pairs: 2000, triples: 200, seed: 1, begin: |_| (), expect: None, sequel: true }
    }

    /// Sets the release that is rolled out; `v2` unless set.
    #[must_use]
    pub fn release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// Changes each world before its rollout begins.
    #[must_use]
    pub fn begin(mut self, begin: fn(&World)) -> Self {
        self.begin = begin;
        self
    }

    /// Sets what ends may be, beside the checks that always apply.
    #[must_use]
    pub fn expect(mut self, expect: fn(&End) -> bool) -> Self {
        self.expect = Some(expect);
        self
    }

    /// Sets how many pairs of mishaps are tried at most, evenly out of all there are; 2000 unless set.
    #[must_use]
    pub fn pairs(mut self, pairs: usize) -> Self {
        self.pairs = pairs;
        self
    }

    /// Sets how many triples of mishaps are tried; 200 unless set.
    #[must_use]
    pub fn triples(mut self, triples: usize) -> Self {
        self.triples = triples;
        self
    }

    /// Sets the seed by which triples are chosen.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Leaves out the healthy release that follows each run, where the world is such that none can succeed.
    #[must_use]
    pub fn without_sequel(mut self) -> Self {
        self.sequel = false;
        self
    }

    /// Tries everything, on all processors. Returns what was tried, or the first thing that was found, made as short as it
    /// gets. To be called outside of any async runtime.
    pub fn explore(&self) -> Result<Coverage, Box<Violation>> {
        let began = Instant::now();
        let mut coverage = Coverage::default();
        let usual = self.perform(&Script::nothing(), None);
        self.take_in(&mut coverage, &usual, None)?;
        coverage.calls = usual.calls.len() as u64;
        let count = |kind| usual.calls.iter().filter(|call| Kind::of(call) == kind).count() as u64;
        (coverage.writes, coverage.appends) = (count(Kind::Write), count(Kind::Append));
        let expected = usual.usual();
        let expected = expected.as_ref();

        let script = Script::nothing();
        let singles: Vec<_> = points::all(&usual.calls, 0, self.old())
            .into_iter()
            .map(|(call, mishap)| script.with(call, mishap))
            .collect();
        let firsts = self.perform_all(&singles, expected, &mut coverage)?;
        coverage.singles = firsts.len() as u64;

        let pairs = self.second_mishaps(&firsts);
        coverage.possible_pairs = pairs.len() as u64;
        let pairs = evenly(pairs, self.pairs);
        let seconds = self.perform_all(&pairs, expected, &mut coverage)?;
        coverage.pairs = seconds.len() as u64;

        let triples = self.third_mishaps(&seconds);
        coverage.triples = self.perform_all(&triples, expected, &mut coverage)?.len() as u64;
        coverage.took = began.elapsed();
        Ok(coverage)
    }

    /// Runs it once, with what `script` lets go wrong: the text that a [`Violation`] shows. A script with calls that are
    /// never made is a violation, too.
    pub fn replay(&self, script: &str) -> Result<(), Box<Violation>> {
        let script = match script.parse::<Script>() {
            Ok(script) => script,
            Err(error) => {
                let problems = vec![error.to_string()];
                return Err(Box::new(Violation { script: Script::nothing(), problems, story: Vec::new(), runs: 0 }));
            }
        };
        let usual = self.perform(&Script::nothing(), None).usual();
        let performed = self.perform(&script, usual.as_ref());
        if performed.calls.len() < script.last_call() as usize {
            let problems =
                vec![format!("only {} calls were made: the script is another rollout's", performed.calls.len())];
            return Err(Box::new(Violation { script, problems, story: performed.story, runs: 1 }));
        }
        self.take_in(&mut Coverage::default(), &performed, usual.as_ref())
    }

    fn old(&self) -> Color {
        self.world.serves()
    }

    /// Each run with a second mishap after its first one.
    fn second_mishaps(&self, firsts: &[Performed]) -> Vec<Script> {
        let sharp = |first: &&Performed| !first.script.has(|mishap| !points::is_sharp(mishap));
        let more = |first: &Performed| {
            let script = first.script.clone();
            let points = points::all(&first.calls, script.last_call(), self.old());
            points
                .into_iter()
                .filter(|(_, mishap)| points::is_sharp(*mishap))
                .map(move |(call, mishap)| script.with(call, mishap))
        };
        firsts.iter().filter(sharp).flat_map(more).collect()
    }

    /// Some runs with a third mishap, as the seed chooses them.
    fn third_mishaps(&self, seconds: &[Performed]) -> Vec<Script> {
        let entropy = WorldEntropy::new(self.seed);
        let mut chosen = BTreeSet::new();
        for _ in 0..self.triples {
            let Some(second) = pick(seconds, &entropy) else { break };
            let points = points::all(&second.calls, second.script.last_call(), self.old());
            if let Some((call, mishap)) = pick(&points, &entropy) {
                chosen.insert(second.script.with(*call, *mishap));
            }
        }
        chosen.into_iter().collect()
    }

    /// Performs all scripts, on all processors, and returns those that came to pass in the given order.
    fn perform_all(
        &self,
        scripts: &[Script],
        usual: Option<&Usual>,
        coverage: &mut Coverage,
    ) -> Result<Vec<Performed>, Box<Violation>> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(scripts.len())));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((index, script)) = take(scripts, &next) {
                        let performed = self.perform(script, usual);
                        if !performed.problems.is_empty() {
                            next.store(scripts.len(), Ordering::Relaxed);
                        }
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((index, performed));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        let mut passed = Vec::with_capacity(done.len());
        for (_, performed) in done {
            self.take_in(coverage, &performed, usual)?;
            // A mishap at a call that was never made is no run of its own.
            if performed.script.last_call() <= performed.calls.len() as u64 {
                passed.push(performed);
            }
        }
        Ok(passed)
    }

    /// Counts a run, or says what is wrong with it.
    fn take_in(
        &self,
        coverage: &mut Coverage,
        performed: &Performed,
        usual: Option<&Usual>,
    ) -> Result<(), Box<Violation>> {
        let name = performed.end.as_ref().map_or("refused", name);
        *coverage.ends.entry(name.to_owned()).or_default() += 1;
        coverage.calls_in_all += performed.calls.len() as u64;
        if performed.problems.is_empty() {
            return Ok(());
        }
        let shortest = self.shorten(&performed.script, usual);
        let Performed { script, problems, story, .. } = self.perform(&shortest, usual);
        Err(Box::new(Violation { script, problems, story, runs: coverage.ends.values().sum() }))
    }

    /// The same without each mishap that isn't needed.
    fn shorten(&self, script: &Script, usual: Option<&Usual>) -> Script {
        let shorter = (0..script.steps.len()).map(|index| script.without(index));
        let mut wrong = shorter.filter(|script| !self.perform(script, usual).problems.is_empty());
        wrong.next().map_or_else(|| script.clone(), |shorter| self.shorten(&shorter, usual))
    }

    fn perform(&self, script: &Script, usual: Option<&Usual>) -> Performed {
        let failed = |problem: String| Performed {
            script: script.clone(),
            calls: Vec::new(),
            end: None,
            lost: false,
            problems: vec![problem],
            story: Vec::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.perform_in_time(script, usual)),
            Err(error) => failed(format!("no runtime could be built: {error}")),
        }
    }

    async fn perform_in_time(&self, script: &Script, usual: Option<&Usual>) -> Performed {
        let world = self.world.clone().build();
        (self.begin)(&world);
        let run = Run::new(world.clone(), &self.rollout, self.release.clone(), script);
        let ending = tokio::time::timeout(LONGEST, run.perform()).await;
        let ending = ending.unwrap_or_else(|_| Ending::Broken(format!("it has not ended within {LONGEST:?}")));
        let calls = world.calls();
        tokio::time::sleep(AFTERMATH).await;
        let records = run.records().await;
        let lost = world.requests().lost > 0;
        let seen = Seen { world: &world, script, ending: &ending, records: &records, old: self.old(), usual };
        let mut problems = seen.problems();
        let end = match ending {
            Ending::Ended(end) => Some(end),
            Ending::Refused(_) | Ending::Broken(_) => None,
        };
        if let (Some(end), Some(expect)) = (&end, self.expect)
            && !expect(end)
        {
            problems.push(format!("it is {end}, which was not expected"));
        }
        if problems.is_empty() && self.sequel {
            problems.extend(self.sequel(&world, script).await);
        }
        let story = if problems.is_empty() { Vec::new() } else { world.story() };
        Performed { script: script.clone(), calls, end, lost, problems, story }
    }

    /// Whatever went wrong, the next release can be rolled out; a person clears up first what a person did.
    async fn sequel(&self, world: &World, script: &Script) -> Option<String> {
        world.calm();
        if script.has(|mishap| mishap.incident().is_some()) {
            let ready = |color: &Color| world.color(*color).ready > 0;
            let serves = world.route().active().filter(ready);
            let Some(color) = serves.or_else(|| Color::ALL.into_iter().find(ready)) else {
                return Some("no color is ready any more".to_owned());
            };
            world.edit_route(Split::only(color));
        }
        let rollout = match (self.rollout)(&world.another_program()).build() {
            Ok(rollout) => rollout,
            Err(error) => return Some(error.to_string()),
        };
        let next = Release::version(format!("after-{}", self.release.version));
        let outcome = match tokio::time::timeout(LONGEST, rollout.run(next)).await {
            Ok(Ok(outcome)) if outcome.is_success() => return world.violations().into_iter().next(),
            Ok(Ok(outcome)) => outcome.report().to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it has not ended within {LONGEST:?}"),
        };
        Some(format!("afterwards no healthy release could be rolled out: {outcome}"))
    }
}

const fn name(end: &End) -> &'static str {
    match end {
        End::Promoted { .. } => "promoted",
        End::AlreadyActive => "already active",
        End::Aborted { .. } => "aborted",
        End::RolledBack { .. } => "rolled back",
        End::Halted { .. } => "halted",
        End::Superseded { .. } => "superseded",
    }
}

/// The next script that nobody has taken.
fn take<'a>(scripts: &'a [Script], next: &AtomicUsize) -> Option<(usize, &'a Script)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    scripts.get(index).map(|script| (index, script))
}

/// At most `most` of `all`, evenly spread.
fn evenly(all: Vec<Script>, most: usize) -> Vec<Script> {
    let count = all.len();
    if count <= most {
        return all;
    }
    let kept = |index: usize| (index * most) / count != ((index + 1) * most) / count;
    all.into_iter().enumerate().filter_map(|(index, script)| kept(index).then_some(script)).collect()
}

fn pick<'a, T>(all: &'a [T], entropy: &WorldEntropy) -> Option<&'a T> {
    let index = entropy.next().checked_rem(all.len() as u64)?;
    all.get(usize::try_from(index).ok()?)
}
