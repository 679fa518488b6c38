//! The tasks against a real control plane, through a real worker over the in-memory broker.

mod fixture;

mod compatibility;
mod deploying;
mod jobs;
mod losses;
mod operations;
mod troubles;

use fixture::{Fixture, context, error, outputs};
