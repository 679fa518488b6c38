//! `gennaker config`: what an operator configures, printed from the types that the program uses.

use gennaker_bus::{layout, rights};
use gennaker_cli::{Exit, Failure, Io};
use gennaker_settings::Settings;

use crate::command::ConfigCommand;
use crate::wiring;

/// What stands above the users.
const USERS_HEAD: &str = "\
# One user for each role, with the rights that it needs and no more. Made by `gennaker config users`; included by the account
# of Gennaker instead of a list of users. Each password is taken from the environment of nats-server.

";

/// Prints it, or says what is wrong with it.
///
/// # Errors
/// Settings that cannot be used.
pub(crate) fn run(command: &ConfigCommand, io: &mut Io) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Schema => io.put(&gennaker_settings::schema_json()),
        ConfigCommand::Example => io.put(&gennaker_settings::example_toml()),
        ConfigCommand::Compatibility => io.put(&gennaker_gate::compatibility_page()),
        ConfigCommand::Openapi => {
            let document = gennaker_gate::openapi_document(env!("CARGO_PKG_VERSION"));
            io.say(&format!("{document:#}"));
        }
        ConfigCommand::Streams { config } => {
            let layout = match config {
                Some(file) => wiring::layout(&wiring::read_settings(Some(file))?),
                None => layout::Layout::default(),
            };
            io.say(&format!("{:#}", layout::to_json(&layout)));
        }
        ConfigCommand::Users { config } => {
            let layout = match config {
                Some(file) => wiring::layout(&wiring::read_settings(Some(file))?),
                None => wiring::layout(&Settings::default()),
            };
            io.put(USERS_HEAD);
            io.put(&rights::to_configuration(&layout));
        }
        ConfigCommand::Stages => io.put(&gennaker_stages::reference_page()),
        ConfigCommand::Check { file } => {
            wiring::read_settings(Some(file))?;
            io.say(&format!("{} is a valid settings file", file.display()));
        }
    }
    Ok(Exit::Succeeded)
}
