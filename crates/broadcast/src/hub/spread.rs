//! Takes the events of one piece of a batch to the views that want them.

use std::sync::Arc;
use std::time::Instant;

use fluentcast_event::json::Mended;
use fluentcast_event::limits::RUN_BYTES_MAX;
use fluentcast_event::{Batch, Event, Tag};

use super::views::{SharedView, Views, ViewsOfTags};
use crate::encode::Encoder;
use crate::envelope::Envelope;
use crate::filter::FilterIndex;
use crate::view::View;

pub(super) struct Spread<'a> {
    shapes: Vec<SpreadShape<'a>>,
    /// The views that got something, those of everything aside.
    touched: Vec<Arc<View>>,
    counts: Counts,
    bytes: usize,
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

/// The views of one encoding.
struct SpreadShape<'a> {
    encoder: Encoder,
    envelope: Envelope,
    /// Views of everything. They get many events at once, so that their workers find the log free.
    whole: Vec<&'a Arc<View>>,
    /// Views of everything that leave some out.
    thinned: Vec<&'a Arc<View>>,
    filtered: Vec<&'a FilterIndex<SharedView>>,
    /// Of the newest event alone, or with those before it that the views of everything have yet to get.
    run: &'a mut Run,
}

/// Events as they stand in a log.
#[derive(Debug, Default)]
pub(super) struct Run {
    bytes: Vec<u8>,
    events: u32,
    last_seq: u64,
}

impl<'a> Spread<'a> {
    pub(super) fn new(views: &'a mut Views, batch: &'a Batch, now: Instant) -> Self {
        let epoch = views.epoch;
        let Views { deflaters, shapes, .. } = views;
        let shapes = shapes.iter_mut().filter_map(|(shape, of_shape)| {
            let (groups, run) = of_shape.of_tag(&batch.tag);
            run.clear();
            let unfiltered = groups.iter().flat_map(|group| &group.unfiltered);
            let (thinned, whole) = unfiltered.partition(|view| view.key().max_rate.is_some());
            let filtered = groups.iter().map(|group: &&ViewsOfTags| &group.filtered);
            (!groups.is_empty()).then(|| SpreadShape {
                encoder: Encoder::new(shape, &batch.tag, epoch).deflating(deflaters.of(shape.compress)),
                envelope: Envelope::of(shape),
                whole,
                thinned,
                filtered: filtered.filter(|index| !index.is_empty()).collect(),
                run,
            })
        });
        Self {
            shapes: shapes.collect(),
            touched: Vec::new(),
            counts: Counts::default(),
            bytes: 0,
            tag: &batch.tag,
            now,
        }
    }

    /// An event that cannot be encoded is impossible here: the batch has just iterated over it.
    pub(super) fn event(&mut self, seq: u64, event: &Event<'_>) {
        let Self { shapes, touched, counts, bytes, tag, now } = self;
        let Counts { mended, left_out, given_up } = counts;
        for SpreadShape { encoder, envelope, whole, thinned, filtered, run } in shapes {
            if whole.is_empty() {
                run.clear();
            }
            let end = run.bytes.len();
            if run.events > 0 {
                envelope.separate(&mut run.bytes);
            }
            let start = run.bytes.len();
            // Made once, and only if a view wants it.
            let mut make = |run: &mut Run| {
                if run.bytes.len() == start
                    && let Ok(more) = encoder.write(&mut run.bytes, seq, event)
                {
                    *mended += more;
                    run.events += 1;
                    run.last_seq = seq;
                }
            };
            if !whole.is_empty() {
                make(run);
                *bytes += (run.bytes.len() - start) * whole.len();
            }
            let mut offer = |view: &Arc<View>| {
                let mut feed = view.feed();
                if feed.sampler.as_mut().is_some_and(|sampler| !sampler.takes(*now)) {
                    *left_out += 1;
                    feed.log.leave_out(seq);
                } else {
                    make(run);
                    if let event @ [_, ..] = &run.bytes[start..] {
                        feed.log.append_bytes(seq, 1, event);
                        *bytes += event.len();
                    }
                }
                if !feed.log.set_touched() {
                    touched.push(Arc::clone(view));
                }
            };
            thinned.iter().copied().for_each(&mut offer);
            for index in filtered {
                *given_up += index.matching(tag, event, |SharedView(view)| offer(view));
            }
            if run.bytes.len() == start {
                run.bytes.truncate(end);
            }
            if run.bytes.len() >= RUN_BYTES_MAX {
                run.hand_over(whole);
            }
        }
    }

    /// Bytes that were added to logs, or will be.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Ends the piece: returns the views that have news.
    pub(super) fn finish(mut self) -> (Vec<Arc<View>>, Counts) {
        for view in &self.touched {
            view.feed().log.untouch();
        }
        for SpreadShape { whole, run, .. } in self.shapes {
            run.hand_over(&whole);
            self.touched.extend(whole.into_iter().cloned());
        }
        (self.touched, self.counts)
    }
}

impl Run {
    fn clear(&mut self) {
        self.bytes.clear();
        self.events = 0;
    }

    /// Appends what there is to these views.
    fn hand_over(&mut self, whole: &[&Arc<View>]) {
        if self.events > 0 {
            whole
                .iter()
                .for_each(|view| view.feed().log.append_bytes(self.last_seq, self.events, &self.bytes));
        }
        self.clear();
        self.bytes.shrink_to(RUN_BYTES_MAX);
    }
}
