//! What else is known of a build that would start something: its details, properties and artifacts, asked of the workers that reach
//! its server, before the triggers are matched.
//!
//! Source: echo `BuildInfoService`, which asks Igor five times at two seconds. What cannot be had keeps a trigger from firing only if
//! it has constraints on it.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt as _, stream};
use gennaker_bus::{Bus, CommandError, subject};
use gennaker_intake::matching::{self, Built, Event};
use gennaker_model::{
    Map,
    build_reads::{Answer, POOL, Question, Read, VERSION, place},
};
use gennaker_runtime::Clock;
use serde_json::Value;

use crate::candidates::Candidates;

/// Tries, and the pause between two of them: a file may be there a little later than the build's end.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// Longest wait for one answer.
const WAIT: Duration = Duration::from_secs(20);

/// Files that are asked for because of one build, and how many of them at once.
const FILES_MAX: usize = 20;
const AT_ONCE: usize = 4;

/// Asks for what the candidates want to know of the event's build, if it is one.
pub(crate) async fn complete(bus: &Bus, clock: &Clock, event: &mut Event, candidates: &Candidates) {
    let Some(built) = matching::built(event) else {
        return;
    };
    let wanted = candidates
        .iter()
        .flat_map(|candidate| matching::property_files(event, &candidate.config));
    let mut wanted: BTreeSet<String> = wanted.collect();
    if wanted.len() > FILES_MAX {
        tracing::warn!(
            event.id = event.header.id,
            "triggers want {} files of build {} of {} on {}; {FILES_MAX} of them are read",
            wanted.len(),
            built.number,
            built.job,
            built.master
        );
        wanted = wanted.into_iter().take(FILES_MAX).collect();
    }
    let mut answers = stream::iter(wanted)
        .map(async |file| (ask(bus, clock, &built, &file).await, file))
        .buffer_unordered(AT_ONCE);
    while let Some((told, file)) = answers.next().await {
        if let Err(problem) = &told {
            tracing::warn!(
                event.id = event.header.id,
                "nothing more is known of build {} of {} on {}: {problem}",
                built.number,
                built.job,
                built.master
            );
        }
        event.told.insert(file, told);
    }
}

async fn ask(bus: &Bus, clock: &Clock, built: &Built, file: &str) -> Result<Map, String> {
    let mut last = String::new();
    for attempt in 0..TRIES {
        if attempt > 0 {
            clock.sleep(PAUSE).await;
        }
        match ask_once(bus, built, file).await {
            Ok(told) => return Ok(told),
            Err(problem) => last = problem,
        }
    }
    Err(last)
}

async fn ask_once(bus: &Bus, built: &Built, file: &str) -> Result<Map, String> {
    let read = Read::Trigger {
        job: built.job.clone(),
        number: built.number,
        property_file: Some(file.to_owned()).filter(|file| !file.is_empty()),
    };
    let question = Question {
        v: VERSION,
        master: built.master.clone(),
        read,
    };
    let payload = serde_json::to_vec(&question).map_err(|error| error.to_string())?;
    let subject = subject::ask(POOL, &place(&built.master));
    let answer = match bus.ask(subject, payload.into(), WAIT).await {
        Ok(answer) => answer,
        Err(CommandError::NoOwner) => {
            return Err(format!("no worker of pool {POOL} reaches {}", built.master));
        }
        Err(error) => return Err(error.to_string()),
    };
    let answer: Answer = serde_json::from_slice(&answer)
        .map_err(|error| format!("the answer cannot be read: {error}"))?;
    match (answer.status, answer.body) {
        (200, Value::Object(told)) => Ok(told),
        (_, Value::String(sentence)) => Err(sentence),
        (status, _) => Err(format!("the answer has status {status}")),
    }
}
