//! The search: everything that can happen with at most so many disturbances.
//!
//! Level by level: first the run in which nothing goes wrong, then all runs with one disturbance, and so on. From each node
//! the run is followed to its end before any other is begun, so that a run that comes back to a node of its own never ends.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::rc::Rc;

use bluegreen_core::End;
use bluegreen_core::engine::Decide;

use crate::key::key;
use crate::laws;
use crate::moves::Move;
use crate::node::{Broken, Next, Node};
use crate::setup::Setup;

/// What a search found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many different states were reached.
    pub(crate) states: usize,
    /// How many moves were made.
    pub(crate) moves: usize,
    /// How many runs came to each end.
    pub(crate) ends: BTreeMap<&'static str, usize>,
    /// The broken laws, each with the first story that breaks it.
    pub(crate) broken: BTreeMap<String, String>,
}

/// Explores everything that can happen to a rollout with at most `most` disturbances, or until a law with `wanted` in its
/// words is broken.
pub(crate) fn explore(setup: &Setup, engine: &dyn Decide, most: u8, wanted: Option<&str>) -> Found {
    let (seen, trail, found) = (HashMap::new(), Vec::new(), Found::default());
    let mut search = Search { setup, engine, wanted, seen, trail, found };
    search.all(most);
    search.found.states = search.seen.len();
    search.found
}

struct Search<'a> {
    setup: &'a Setup,
    engine: &'a dyn Decide,
    wanted: Option<&'a str>,
    /// The nodes that were reached, and the run in which they were.
    seen: HashMap<u128, usize>,
    /// How each node was reached first: from which, by what.
    trail: Vec<(usize, Move)>,
    found: Found,
}

/// A node, by its place in the trail.
#[derive(Clone)]
struct Place {
    node: Rc<Node>,
    index: usize,
}

impl Search<'_> {
    fn all(&mut self, most: u8) {
        let root = match Node::begin(self.setup, self.engine, most) {
            Ok(node) => node,
            Err(Broken(law)) => {
                self.found.broken.insert(law, "at the very beginning".to_owned());
                return;
            }
        };
        self.trail.push((0, Move::Goes));
        self.seen.insert(key(&root), 0);
        let mut level = Vec::new();
        self.follow(Place { node: Rc::new(root), index: 0 }, &mut level);
        while !level.is_empty() {
            let mut next = Vec::new();
            for (place, happens) in level {
                if self.is_found() {
                    return;
                }
                if let Some(place) = self.make(&place, happens) {
                    self.follow(place, &mut next);
                }
            }
            level = next;
        }
    }

    fn is_found(&self) -> bool {
        self.wanted.is_some_and(|wanted| self.found.broken.keys().any(|law| law.contains(wanted)))
    }

    /// Follows the run from a new node to its end, and keeps what else could happen on the way for later.
    fn follow(&mut self, from: Place, later: &mut Vec<(Place, Move)>) {
        let run = from.index;
        let mut starts = vec![from];
        while let Some(start) = starts.pop() {
            let mut place = Some(start);
            while let Some(here) = place.take() {
                for happens in here.node.moves() {
                    match happens {
                        Move::Goes => place = self.make_in(&here, happens, run),
                        Move::Lands(_) => starts.extend(self.make(&here, happens)),
                        _ => later.push((here.clone(), happens)),
                    }
                }
            }
        }
    }

    fn make(&mut self, from: &Place, happens: Move) -> Option<Place> {
        self.make_in(from, happens, usize::MAX)
    }

    /// Makes a move. `None` where that ends the rollout, or leads to where the search was before.
    fn make_in(&mut self, from: &Place, happens: Move, run: usize) -> Option<Place> {
        self.found.moves += 1;
        match from.node.after(happens, self.engine) {
            Ok(Next::Node(node)) => {
                let index = self.trail.len();
                let first = *self.seen.entry(key(&node)).or_insert(index);
                if first != index {
                    if first >= run && self.is_before(first, from.index) {
                        self.tell("it goes round in circles and never ends".to_owned(), from, happens);
                    }
                    return None;
                }
                self.trail.push((from.index, happens));
                Some(Place { node: Rc::new(*node), index })
            }
            Ok(Next::Over(node, end)) => {
                *self.found.ends.entry(end.as_ref().map_or("nothing was begun", name)).or_default() += 1;
                if let Some(Err(Broken(law))) = end.map(|end| laws::of_ends(&node, self.setup, &end)) {
                    self.tell(law, from, happens);
                }
                None
            }
            Err(Broken(law)) => {
                self.tell(law, from, happens);
                None
            }
        }
    }

    /// Whether `before` is on the way to `index`, or is it.
    fn is_before(&self, before: usize, mut index: usize) -> bool {
        while index > before {
            index = self.trail[index].0;
        }
        index == before
    }

    /// Keeps the story of a broken law, unless there is one already.
    fn tell(&mut self, law: String, from: &Place, last: Move) {
        if self.found.broken.contains_key(&law) {
            return;
        }
        let mut moves = vec![last];
        let mut index = from.index;
        while index > 0 {
            let (before, happens) = self.trail[index];
            moves.push(happens);
            index = before;
        }
        moves.reverse();
        let story = story(self.setup, self.engine, from.node.left + moves.len() as u8, &moves);
        self.found.broken.insert(law, story);
    }
}

/// A run, told step by step.
fn story(setup: &Setup, engine: &dyn Decide, most: u8, moves: &[Move]) -> String {
    let mut story = String::new();
    let Ok(mut node) = Node::begin(setup, engine, most) else {
        return story;
    };
    for happens in moves {
        let _ = writeln!(story, "  {}", node.tell(*happens));
        match node.after(*happens, engine) {
            Ok(Next::Node(next)) => node = *next,
            Ok(Next::Over(..)) | Err(_) => break,
        }
    }
    story
}

/// A name for how a rollout ended.
pub(crate) const fn name(end: &End) -> &'static str {
    match end {
        End::Promoted { proven: true } => "promoted, proven",
        End::Promoted { proven: false } => "promoted",
        End::AlreadyActive => "already active",
        End::Aborted { .. } => "aborted",
        End::RolledBack { .. } => "rolled back",
        End::Halted { .. } => "halted",
        End::Superseded { .. } => "superseded",
    }
}

impl Found {
    /// The ends that were reached.
    pub(crate) fn ends(&self) -> BTreeSet<&'static str> {
        self.ends.keys().copied().collect()
    }
}
