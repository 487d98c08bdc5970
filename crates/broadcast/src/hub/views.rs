//! The views of a hub, found by what a batch is: by shape, then by tag, then by the fields of a record.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use fluentcast_event::Tag;
use fluentcast_event::limits::VIEW_CACHE_TAGS_MAX;
use slab::Slab;

use super::spread::Run;
use crate::deflate::Deflaters;
use crate::encode::Shape;
use crate::filter::FilterIndex;
use crate::history::Epoch;
use crate::tags::TagChoice;
use crate::view::{View, ViewKey};

/// All views of a hub.
#[derive(Debug)]
pub(super) struct Views {
    pub(super) epoch: Epoch,
    /// Of all views that compress.
    pub(super) deflaters: Deflaters,
    by_key: HashSet<ByKey>,
    pub(super) shapes: HashMap<Shape, ViewsOfShape>,
}

/// Views that share an encoding.
#[derive(Debug, Default)]
pub(super) struct ViewsOfShape {
    by_tags: HashMap<TagChoice, usize>,
    groups: Slab<ViewsOfTags>,
    /// The groups that take a tag.
    routes: HashMap<Tag, Arc<[usize]>>,
    /// Empty between two pieces; kept for its room.
    run: Run,
}

/// Views that share a choice of tags.
#[derive(Debug, Default)]
pub(super) struct ViewsOfTags {
    /// One, and one more for each `$max_rate`.
    pub(super) unfiltered: Vec<Arc<View>>,
    pub(super) filtered: FilterIndex<SharedView>,
}

/// A view compared by identity.
#[derive(Clone, Debug)]
pub(super) struct SharedView(pub(super) Arc<View>);

impl PartialEq for SharedView {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A view found by its key.
#[derive(Debug)]
struct ByKey(Arc<View>);

impl Borrow<ViewKey> for ByKey {
    fn borrow(&self) -> &ViewKey {
        self.0.key()
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl Eq for ByKey {}

impl Hash for ByKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key().hash(state);
    }
}

impl Views {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self { epoch, deflaters: Deflaters::default(), by_key: HashSet::new(), shapes: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<View>> {
        self.by_key.iter().map(|ByKey(view)| view)
    }

    /// The view with this key; `make` makes it if there is none.
    pub(super) fn open(&mut self, key: &ViewKey, make: impl FnOnce() -> View) -> Arc<View> {
        if let Some(ByKey(view)) = self.by_key.get(key) {
            return Arc::clone(view);
        }
        let view = Arc::new(make());
        self.by_key.insert(ByKey(Arc::clone(&view)));
        let of_shape = self.shapes.entry(key.shape.clone()).or_default();
        let group = match of_shape.by_tags.get(&key.tags) {
            Some(group) => *group,
            None => {
                let group = of_shape.groups.insert(ViewsOfTags::default());
                of_shape.by_tags.insert(key.tags.clone(), group);
                of_shape.routes.clear();
                group
            }
        };
        let of_tags = &mut of_shape.groups[group];
        if key.filter.passes_all() {
            of_tags.unfiltered.push(Arc::clone(&view));
        } else {
            of_tags.filtered.insert(&key.filter, &SharedView(Arc::clone(&view)));
        }
        view
    }

    /// Takes a view away.
    pub(super) fn close(&mut self, view: &Arc<View>) {
        let key = view.key();
        self.by_key.remove(key);
        if self.by_key.is_empty() {
            // A table keeps the room that it once needed.
            self.by_key = HashSet::new();
        }
        let Some(of_shape) = self.shapes.get_mut(&key.shape) else { return };
        let Some(&group) = of_shape.by_tags.get(&key.tags) else { return };
        let of_tags = &mut of_shape.groups[group];
        if key.filter.passes_all() {
            of_tags.unfiltered.retain(|known| !Arc::ptr_eq(known, view));
        } else {
            of_tags.filtered.remove(&key.filter, &SharedView(Arc::clone(view)));
        }
        if of_tags.unfiltered.is_empty() && of_tags.filtered.is_empty() {
            of_shape.groups.remove(group);
            of_shape.by_tags.remove(&key.tags);
            of_shape.routes.clear();
        }
        if of_shape.by_tags.is_empty() {
            self.shapes.remove(&key.shape);
        }
    }
}

impl ViewsOfShape {
    /// The groups whose choice of tags takes this one, and room to put their events together.
    pub(super) fn of_tag(&mut self, tag: &Tag) -> (Vec<&ViewsOfTags>, &mut Run) {
        let route = match self.routes.get(tag) {
            Some(route) => Arc::clone(route),
            None => {
                let taken = self.by_tags.iter().filter(|(tags, _)| tags.takes(tag.as_str()));
                let route: Arc<[usize]> = taken.map(|(_, group)| *group).collect();
                if self.routes.len() >= VIEW_CACHE_TAGS_MAX {
                    self.routes.clear();
                }
                self.routes.insert(tag.clone(), Arc::clone(&route));
                route
            }
        };
        (route.iter().map(|group| &self.groups[*group]).collect(), &mut self.run)
    }
}
