//! The tasks against a real control plane, through a real worker over the in-memory broker.

mod fixture;

mod deploying;
mod operations;
mod troubles;
mod jobs;

use fixture::{Fixture, context, error, outputs};
