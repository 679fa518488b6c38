//! The runtime over the in-memory broker: what an operator's kills, a lost owner or a cancel may never break.

mod basics;
mod chaos;
mod closing;
mod losses;
pub(crate) mod world;
