//! `getBuildProperties` and `getBuildArtifacts`: what a build left. Source: orca `GetBuildPropertiesTask`,
//! `GetBuildArtifactsTask` (`events.md` 11.4, 11.6, 11.8).

use std::time::Duration;

use gennaker_builds::{Error, Kind, Masters, artifacts};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::Value;

use crate::{
    failure::{again, given_up, learned, of_look, within},
    target::{self, Target},
};

/// A file may be archived a moment after the build has its result (Igor: 5 times at 2 s).
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// Pause before an error of the server is met again (Orca: `GetBuildPropertiesTask.getBackoffPeriod`).
const PROPERTIES_AGAIN: Duration = Duration::from_secs(5);

/// Reads the file of properties.
pub(crate) struct GetProperties(Masters);

/// Reads what artifacts there are.
pub(crate) struct GetArtifacts(Masters);

impl GetProperties {
    pub(crate) fn new(masters: Masters) -> Self {
        Self(masters)
    }

    async fn read(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let Some(file) = target::text(ctx.input(), "propertyFile") else {
            return Ok(Done::default());
        };
        let target = Target::of(ctx, &self.0)?;
        let number = target::number_of(ctx)?;
        let properties = match found(ctx, &target, number, &file).await {
            Ok(properties) => properties,
            Err(Error::NotFound(_)) => Map::new(),
            Err(error @ (Error::Unavailable { .. } | Error::Credentials(_))) => {
                return Err(again(ctx, PROPERTIES_AGAIN, Some(&error.to_string())));
            }
            Err(error) => return Err(of_look(ctx, &error)),
        };
        // A build of Travis need not say anything.
        if properties.is_empty() && target.master.kind != Kind::Travis {
            let sentence = format!(
                "Expected properties file {file} but it was either missing, empty or contained invalid syntax"
            );
            return Err(given_up(ctx, "ConfigurationException", &sentence));
        }
        let mut found = properties.clone();
        found.insert("propertyFileContents".to_owned(), Value::Object(properties));
        Ok(Done {
            context: learned(ctx, found.clone()),
            outputs: found,
            ..Done::default()
        })
    }
}

impl GetArtifacts {
    pub(crate) fn new(masters: Masters) -> Self {
        Self(masters)
    }

    async fn read(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let target = Target::of(ctx, &self.0)?;
        let number = target::number_of(ctx)?;
        let properties = match ctx.input().get("propertyFileContents") {
            Some(Value::Object(properties)) => properties.clone(),
            _ => Map::new(),
        };
        let build = within(target.master.server.build(&target.job, number)).await;
        let build = build.map_err(|error| of_look(ctx, &error))?;
        let list = Value::Array(artifacts::of(&build, &properties));
        let found: Map = [("artifacts".to_owned(), list)].into_iter().collect();
        Ok(Done {
            context: learned(ctx, found.clone()),
            outputs: found,
            ..Done::default()
        })
    }
}

impl Task for GetProperties {
    fn kind(&self) -> &'static str {
        "getBuildProperties"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.read(ctx))
    }
}

impl Task for GetArtifacts {
    fn kind(&self) -> &'static str {
        "getBuildArtifacts"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.read(ctx))
    }
}

/// The properties, waited for a while.
async fn found(ctx: &Ctx, target: &Target<'_>, number: u64, file: &str) -> Result<Map, Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let read = within(target.master.server.properties(&target.job, number, file)).await;
        match read {
            Err(Error::NotFound(_)) if tries < TRIES && !ctx.is_cancelled() => {}
            read => return read,
        }
        tokio::select! {
            biased;
            () = ctx.cancelled() => {}
            () = ctx.clock().sleep(PAUSE) => {}
        }
    }
}
