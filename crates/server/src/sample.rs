//! Records made up at a steady rate.
