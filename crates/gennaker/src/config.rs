//! `gennaker config`: what an operator configures, printed from the types that the program uses.

use gennaker_bus::layout;
use gennaker_cli::{Exit, Failure, Io};

use crate::command::ConfigCommand;
use crate::wiring;

/// Prints it, or says what is wrong with it.
///
/// # Errors
/// Settings that cannot be used.
pub(crate) fn run(command: &ConfigCommand, io: &mut Io) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Schema => io.put(&gennaker_settings::schema_json()),
        ConfigCommand::Example => io.put(&gennaker_settings::example_toml()),
        ConfigCommand::Streams { config } => {
            let layout = match config {
                Some(file) => wiring::layout(&wiring::read_settings(Some(file))?),
                None => layout::Layout::default(),
            };
            io.say(&format!("{:#}", layout::to_json(&layout)));
        }
        ConfigCommand::Check { file } => {
            wiring::read_settings(Some(file))?;
            io.say(&format!("{} is a valid settings file", file.display()));
        }
    }
    Ok(Exit::Succeeded)
}
