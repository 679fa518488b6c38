//! Baking manifests: what Rosco does (reference of the clouds, section 4).
//!
//! `createBake` fetches the artifacts that the stage names and hands them to `gennaker_bake`. It changes nothing outside, so it is
//! simply run again when a worker is lost.

mod create;
mod files;
mod request;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use gennaker_artifacts::Accounts;
use gennaker_bake::Baker;
use gennaker_worker::Task;

/// Every task of baking.
pub(crate) fn tasks(accounts: &Accounts, baker: &Arc<Baker>) -> Vec<Arc<dyn Task>> {
    vec![Arc::new(create::CreateBake::new(
        accounts.clone(),
        Arc::clone(baker),
    ))]
}
