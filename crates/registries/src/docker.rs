//! Registries of images (clouddriver-docker: `DockerRegistryClient`, `DockerRegistryNamedAccountCredentials`).

mod accounts;
mod client;
mod config_file;
mod password;
pub mod reads;
#[cfg(test)]
mod tests;

pub use accounts::{Accounts, Docker, Invalid, Labels, Options, Repositories};
