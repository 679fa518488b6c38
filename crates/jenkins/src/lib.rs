//! Tasks of the `jenkins` pool.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod cloud;

use std::sync::Arc;

use gennaker_builds::{Accounts, codebuild::AwsCodeBuild, google::GoogleCloudBuild};
use gennaker_worker::Task;

/// The tasks of services of clouds that build.
#[must_use]
pub fn cloud_tasks(
    google: &Accounts<GoogleCloudBuild>,
    amazon: &Accounts<AwsCodeBuild>,
) -> Vec<Arc<dyn Task>> {
    let google = cloud::tasks(google).into_iter();
    google.chain(cloud::tasks(amazon)).collect()
}
