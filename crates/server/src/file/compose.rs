//! From a batch to lines: formats every event and says which file each stretch of lines belongs in.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use fluentcast_config::settings;
use fluentcast_event::json::Mended;
use fluentcast_event::limits::{FILE_FLUSH_BYTES, FILE_NAMES_MAX};
use fluentcast_event::{Batch, Event, Tag};

use super::name::{FileName, NameError, PathTemplate};
use super::slice::{Slice, SliceStart, Slicer};
use crate::format::Formatter;
use crate::format::time::time_zone;

/// Turns batches into lines.
#[derive(Debug)]
pub(super) struct Composer {
    template: PathTemplate,
    slicer: Option<Slicer>,
    formatter: Formatter,
    names: HashMap<(Option<Tag>, Option<SliceStart>), Arc<FileName>>,
    composed: Composed,
}

/// The lines of one batch.
#[derive(Debug, Default)]
pub(super) struct Composed {
    /// All lines, back to back.
    pub(super) text: Vec<u8>,
    /// Stretches of `text` in order, each for one file.
    pub(super) runs: Vec<Run>,
    /// Entries that are no events.
    pub(super) invalid: u64,
    /// Events whose tag cannot be part of a path, and why.
    pub(super) refused: Option<(u64, NameError)>,
    /// What had to be mended.
    pub(super) mended: Mended,
}

/// Lines for one file.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) file: Arc<FileName>,
    pub(super) text: Range<usize>,
    pub(super) events: u64,
}

impl Composed {
    /// Events in all runs.
    pub(super) fn events(&self) -> u64 {
        self.runs.iter().map(|run| run.events).sum()
    }

    fn clear(&mut self) {
        self.text.clear();
        // One huge batch must not hold its memory for ever.
        self.text.shrink_to(FILE_FLUSH_BYTES);
        self.runs.clear();
        (self.invalid, self.refused, self.mended) = (0, None, Mended::default());
    }
}

impl Composer {
    /// Prepares path, slices and format.
    ///
    /// # Errors
    /// When the path or a time zone cannot be used.
    pub(super) fn new(settings: &settings::FileOutput) -> io::Result<Self> {
        let template = PathTemplate::compile(
            &settings.path,
            settings.timekey,
            settings.append,
            &settings.path_suffix,
            settings.gzip,
        )?;
        let slicer = match settings.timekey {
            Some(timekey) => Some(Slicer::new(timekey, time_zone(&settings.zone)?)),
            None => None,
        };
        let formatter = Formatter::new(&settings.format)?;
        Ok(Self { template, slicer, formatter, names: HashMap::new(), composed: Composed::default() })
    }

    /// The configured path.
    pub(super) fn template(&self) -> &PathTemplate {
        &self.template
    }

    /// The slices, if there are any.
    pub(super) fn slicer(&self) -> Option<&Slicer> {
        self.slicer.as_ref()
    }

    /// Formats a whole batch.
    pub(super) fn compose(&mut self, batch: &Batch) -> &Composed {
        self.composed.clear();
        let mut current = None;
        let mut place = Ok(());
        for entry in batch.events() {
            let Ok(event) = entry else {
                self.composed.invalid += 1;
                continue;
            };
            let slice = self.slicer.as_mut().map(|slicer| slicer.slice(event.time));
            let start = slice.map(|slice| slice.start);
            if current != Some(start) {
                current = Some(start);
                place = self.begin_run(&batch.tag, slice);
            }
            match place {
                Ok(()) => self.append(batch.tag.as_str(), &event),
                Err(error) => {
                    let (events, _) = self.composed.refused.unwrap_or((0, error));
                    self.composed.refused = Some((events + 1, error));
                }
            }
        }
        self.composed.runs.retain(|run| run.events > 0);
        &self.composed
    }

    /// Appends the line of one event to the last run.
    fn append(&mut self, tag: &str, event: &Event<'_>) {
        let Composed { text, runs, invalid, mended, .. } = &mut self.composed;
        let Some(run) = runs.last_mut() else { return };
        match self.formatter.append(text, tag, event) {
            Ok(more) => {
                run.events += 1;
                run.text.end = text.len();
                mended.not_finite += more.not_finite;
                mended.invalid_utf8 += more.invalid_utf8;
            }
            Err(_) => *invalid += 1,
        }
    }

    fn begin_run(&mut self, tag: &Tag, slice: Option<Slice>) -> Result<(), NameError> {
        let file = self.name(tag, slice)?;
        let at = self.composed.text.len();
        self.composed.runs.push(Run { file, text: at..at, events: 0 });
        Ok(())
    }

    fn name(&mut self, tag: &Tag, slice: Option<Slice>) -> Result<Arc<FileName>, NameError> {
        let key = (self.template.by_tag().then(|| tag.clone()), slice.map(|slice| slice.start));
        if let Some(name) = self.names.get(&key) {
            return Ok(Arc::clone(name));
        }
        let name = Arc::new(self.template.name(tag.as_str(), slice)?);
        if self.names.len() >= FILE_NAMES_MAX {
            self.names.clear();
        }
        self.names.insert(key, Arc::clone(&name));
        Ok(name)
    }
}
