//! Many paths, looked up in one pass over a record.
//!
//! The paths are many clients' and the records come fast: a record costs one look into a hash table for
//! each of its keys, and must never cost more because there are paths that it does not hold.

use std::cmp::Reverse;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use slab::Slab;
use smallvec::SmallVec;

use super::each_entry;
use crate::msgpack::ReadError;

#[cfg(test)]
mod tests;

/// A path of one [`PathSet`], as long as it is in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(usize);

/// What a record holds of the paths of a set: each at most once, in the order of their ids, with the
/// bytes of the value that [`super::lookup`] gives.
pub type Found<'a> = SmallVec<[(PathId, &'a [u8]); 8]>;

/// Paths to look up together, each as often in the set as it was inserted.
///
/// They are a tree of the parts between their dots. A key that contains dots goes down as many levels
/// as it has parts, and so meets every path it may lead to.
#[derive(Debug)]
pub struct PathSet {
    nodes: Slab<Node>,
    edges: HashTable<Edge>,
    hashing: RandomState,
    /// The [`sketch`] of every part there has been since the set was empty. Spares most keys the hashing.
    sketches: u64,
}

#[derive(Debug, Default)]
struct Node {
    /// How often the path that ends here was inserted.
    inserted: usize,
    children: usize,
}

/// From a node to the one below it.
#[derive(Debug)]
struct Edge {
    parent: usize,
    part: Box<[u8]>,
    child: usize,
}

/// The node before the first part.
const ROOT: usize = 0;

/// A key of a record that is a path, or the beginning of one.
#[derive(Clone, Copy)]
struct Hit<'a> {
    node: usize,
    key_len: usize,
    /// Which of the hits it is.
    place: usize,
    value: &'a [u8],
}

type Hits<'a> = SmallVec<[Hit<'a>; 8]>;

impl Default for PathSet {
    fn default() -> Self {
        Self {
            nodes: Slab::from_iter([(ROOT, Node::default())]),
            edges: HashTable::new(),
            hashing: RandomState::default(),
            sketches: 0,
        }
    }
}

impl PathSet {
    /// Adds a path, once more if it is there already.
    pub fn insert(&mut self, path: &str) -> PathId {
        let mut node = ROOT;
        for part in parts(path.as_bytes()) {
            node = self.child(node, part).unwrap_or_else(|| self.grow(node, part));
        }
        self.nodes[node].inserted += 1;
        PathId(node)
    }

    /// Takes a path out as often as it was once inserted.
    pub fn remove(&mut self, path: &str) {
        let mut way = Vec::new();
        let mut node = ROOT;
        for part in parts(path.as_bytes()) {
            let Some(child) = self.child(node, part) else { return };
            way.push((node, part, child));
            node = child;
        }
        self.nodes[node].inserted = self.nodes[node].inserted.saturating_sub(1);
        for (parent, part, child) in way.into_iter().rev() {
            if self.nodes[child].inserted > 0 || self.nodes[child].children > 0 {
                break;
            }
            self.prune(parent, part, child);
        }
    }

    /// The path's id, if it is in the set.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<PathId> {
        let node = parts(path.as_bytes()).try_fold(ROOT, |node, part| self.child(node, part))?;
        (self.nodes[node].inserted > 0).then_some(PathId(node))
    }

    /// Whether there are no paths.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Looks up all paths in a record and puts what it holds into `found`, which was empty.
    pub fn find<'a>(&self, record: &'a [u8], found: &mut Found<'a>) {
        let flat = self.nodes[ROOT].children + 1 == self.nodes.len();
        let sound = if flat {
            self.scan_flat(record, found)
        } else {
            self.scan(record, ROOT, &mut Hits::new(), found)
        };
        if sound.is_err() {
            // Like for `lookup`: what is broken holds nothing.
            found.clear();
        }
        if found.len() > 1 {
            // What comes first by the rules of `lookup` stays.
            found.sort_by_key(|(path, _)| *path);
            found.dedup_by_key(|(path, _)| *path);
        }
    }

    /// [`PathSet::scan`] while no path has a dot: then every edge ends a path, and a key with dots meets
    /// none.
    #[inline(never)]
    fn scan_flat<'a>(&self, record: &'a [u8], found: &mut Found<'a>) -> Result<(), ReadError> {
        let sketches = self.sketches;
        each_entry(record, |key, value| {
            if sketches & sketch(key) != 0
                && let Some(node) = self.edge(ROOT, key)
            {
                found.push((PathId(node), value));
            }
        })?;
        if found.len() > 1 {
            // The last of duplicate keys comes first.
            found.reverse();
        }
        Ok(())
    }

    /// Adds what a map holds below a node, in the order in which `lookup` would prefer it: by the
    /// longest key. Goes as deep as the record is nested, not as the paths are long.
    fn scan<'a>(
        &self,
        map: &'a [u8],
        from: usize,
        hits: &mut Hits<'a>,
        found: &mut Found<'a>,
    ) -> Result<(), ReadError> {
        let first = hits.len();
        each_entry(map, |key, value| {
            if let Some(node) = self.descend(from, key) {
                hits.push(Hit { node, key_len: key.len(), place: hits.len(), value });
            }
        })?;
        hits[first..].sort_unstable_by_key(|hit| (Reverse(hit.key_len), hit.node, Reverse(hit.place)));
        let mut previous = None;
        for at in first..hits.len() {
            let Hit { node, value, .. } = hits[at];
            // The same key once more, but earlier: the last one wins, also where it holds less.
            if previous.replace(node) == Some(node) {
                continue;
            }
            let Node { inserted, children } = self.nodes[node];
            if inserted > 0 {
                found.push((PathId(node), value));
            }
            if children > 0 {
                self.scan(value, node, hits, found)?;
            }
        }
        hits.truncate(first);
        Ok(())
    }

    fn descend(&self, from: usize, key: &[u8]) -> Option<usize> {
        parts(key).try_fold(from, |node, part| self.child(node, part))
    }

    #[inline]
    fn child(&self, parent: usize, part: &[u8]) -> Option<usize> {
        if self.sketches & sketch(part) == 0 { None } else { self.edge(parent, part) }
    }

    #[inline(never)]
    fn edge(&self, parent: usize, part: &[u8]) -> Option<usize> {
        let is_it = |edge: &Edge| edge.parent == parent && *edge.part == *part;
        Some(self.edges.find(hash(&self.hashing, parent, part), is_it)?.child)
    }

    fn grow(&mut self, parent: usize, part: &[u8]) -> usize {
        let child = self.nodes.insert(Node::default());
        self.nodes[parent].children += 1;
        self.sketches |= sketch(part);
        let hash_of = |edge: &Edge| hash(&self.hashing, edge.parent, &edge.part);
        let edge = Edge { parent, part: part.into(), child };
        self.edges.insert_unique(hash_of(&edge), edge, hash_of);
        child
    }

    fn prune(&mut self, parent: usize, part: &[u8], child: usize) {
        self.nodes.remove(child);
        self.nodes[parent].children -= 1;
        let hash = hash(&self.hashing, parent, part);
        if let Ok(edge) = self.edges.find_entry(hash, |edge| edge.child == child) {
            edge.remove();
        }
        if self.edges.is_empty() {
            self.sketches = 0;
        }
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'.')
}

/// One of 64 bits, by length and first byte.
fn sketch(part: &[u8]) -> u64 {
    let first = part.first().copied().unwrap_or_default();
    1 << ((usize::from(first) ^ part.len()) % 64)
}

fn hash(hashing: &RandomState, parent: usize, part: &[u8]) -> u64 {
    let mut hasher = hashing.build_hasher();
    hasher.write_usize(parent);
    hasher.write(part);
    hasher.finish()
}
