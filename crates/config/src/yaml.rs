//! The YAML format (Fluentd 1.15 and later): the same tree from another spelling.
//!
//! [`node`] turns the events of the YAML parser into nodes with places; [`convert`] turns those into
//! elements. Aliases make a small text mean a big one, so both count what they make.

use crate::load::Loader;
use crate::tree::Builder;

mod convert;
mod node;
mod scalar;

/// Reads text number `file` as a main file in YAML into the root.
pub(crate) fn parse(loader: &mut Loader<'_>, file: u32, root: &mut Builder) {
    if let Some(document) = node::read(loader, file) {
        convert::document(loader, &document, root);
    }
}
