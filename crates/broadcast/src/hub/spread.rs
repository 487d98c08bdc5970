//! Takes the events of one piece of a batch to the views that want them.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use fluentcast_event::json::Mended;
use fluentcast_event::{Batch, Event, Tag};

use super::views::{SharedView, Views, ViewsOfTags};
use crate::encode::Encoder;
use crate::filter::FilterIndex;
use crate::view::{Feed, View};

pub(super) struct Spread<'a> {
    shapes: Vec<SpreadShape<'a>>,
    /// The views that got something, those of everything aside.
    touched: Vec<Arc<View>>,
    counts: Counts,
    tag: &'a Tag,
    now: Instant,
}

/// What happened to events on their way, besides being sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// What the JSON encoder had to mend.
    pub mended: Mended,
    /// Left out of a view because of `$max_rate`, for each view.
    pub left_out: u64,
    /// Not decided by a filter that took too many steps, for each filter.
    pub given_up: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.mended += more.mended;
        self.left_out += more.left_out;
        self.given_up += more.given_up;
    }
}

struct SpreadShape<'a> {
    encoder: Encoder,
    /// The views of everything, their feeds held for the whole piece.
    unfiltered: Vec<(&'a Arc<View>, MutexGuard<'a, Feed>)>,
    filtered: Vec<&'a FilterIndex<SharedView>>,
    /// One event, made aside because several logs may want it.
    scratch: Vec<u8>,
}

impl<'a> Spread<'a> {
    pub(super) fn new(views: &'a mut Views, batch: &'a Batch, now: Instant) -> Self {
        let epoch = views.epoch;
        let Views { deflaters, shapes, .. } = views;
        let shapes = shapes.iter_mut().filter_map(|(shape, of_shape)| {
            let groups = of_shape.of_tag(&batch.tag);
            let unfiltered = groups.iter().flat_map(|group| &group.unfiltered);
            let filtered = groups.iter().map(|group: &&ViewsOfTags| &group.filtered);
            (!groups.is_empty()).then(|| SpreadShape {
                encoder: Encoder::new(shape, &batch.tag, epoch).deflating(deflaters.of(shape.compress)),
                unfiltered: unfiltered.map(|view| (view, view.feed())).collect(),
                filtered: filtered.filter(|index| !index.is_empty()).collect(),
                scratch: Vec::new(),
            })
        });
        Self {
            shapes: shapes.collect(),
            touched: Vec::new(),
            counts: Counts::default(),
            tag: &batch.tag,
            now,
        }
    }

    /// An event that cannot be encoded is impossible here: the batch has just iterated over it.
    pub(super) fn event(&mut self, seq: u64, event: &Event<'_>) {
        let Self { shapes, touched, counts, tag, now } = self;
        let Counts { mended, left_out, given_up } = counts;
        for SpreadShape { encoder, unfiltered, filtered, scratch } in shapes {
            if let ([(_, feed)], []) = (&mut unfiltered[..], &filtered[..])
                && feed.sampler.is_none()
            {
                if let Ok(more) = feed.log.append(seq, |out| encoder.write(out, seq, event)) {
                    *mended += more;
                }
                continue;
            }
            scratch.clear();
            let mut copy_into = |feed: &mut Feed| {
                if feed.sampler.as_mut().is_some_and(|sampler| !sampler.takes(*now)) {
                    *left_out += 1;
                    return feed.log.leave_out(seq);
                }
                if scratch.is_empty() {
                    let Ok(more) = encoder.write(scratch, seq, event) else { return };
                    *mended += more;
                }
                feed.log.append_bytes(seq, scratch);
            };
            for (_, feed) in unfiltered {
                copy_into(feed);
            }
            for index in filtered {
                *given_up += index.matching(tag, event, |SharedView(view)| {
                    let mut feed = view.feed();
                    copy_into(&mut feed);
                    if !feed.log.set_touched() {
                        touched.push(Arc::clone(view));
                    }
                });
            }
        }
    }

    /// Ends the piece: lets go of the logs and returns the views that have news.
    pub(super) fn finish(mut self) -> (Vec<Arc<View>>, Counts) {
        for view in &self.touched {
            view.feed().log.untouch();
        }
        for shape in self.shapes {
            self.touched.extend(shape.unfiltered.into_iter().map(|(view, _)| Arc::clone(view)));
        }
        (self.touched, self.counts)
    }
}
