//! What is polled, one file per kind.

mod artifactory;
mod builds;
mod docker;
mod helm;
mod plugins;
mod s3;

pub use artifactory::Artifactory;
pub use builds::Builds;
pub use docker::Docker;
pub use helm::Helm;
pub use plugins::Plugins;
pub use s3::S3;
