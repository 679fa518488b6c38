//! Starting a build (`events.md` 11.3; Igor: `BuildController.build`, `JenkinsService`).

use gennaker_outbound::Response;

use super::config::Config;
use super::{Jenkins, path};
use crate::{Error, Start, Started};

/// What Igor sends to a job with parameters of which none is given: Jenkins refuses a plain start of it.
const NO_PARAMETERS: (&str, &str) = ("startedBy", "igor");

impl Jenkins {
    /// Starts a build: one POST, after everything that can be said against it was asked.
    pub(super) async fn start_build(&self, start: &Start) -> Result<Started, Error> {
        let job = &start.job;
        let config = self.config(job).await?;
        config.check(job, &start.parameters)?;
        let path = path::job(job)?;
        let answer = if config.parameters.is_empty() {
            self.calls.post(&format!("{path}/build"), "", None).await?
        } else {
            let sent = self.sent(&config, start);
            let path = format!("{path}/buildWithParameters");
            self.calls.parameters(&path, &sent).await?
        };
        self.accepted(job, &answer).map(Started::Queued)
    }

    fn sent(&self, config: &Config, start: &Start) -> Vec<(String, String)> {
        let mut sent = start.parameters.clone();
        if sent.is_empty() {
            let (name, value) = NO_PARAMETERS;
            sent.push((name.to_owned(), value.to_owned()));
        }
        let ours = &self.token_parameter;
        if config.declared(ours).is_some() {
            // Whatever a pipeline says there: it is how we know the build again.
            sent.retain(|(name, _)| name != ours);
            sent.push((ours.clone(), start.token.clone()));
        }
        sent
    }

    /// The item of the queue that Jenkins names: 201 and an address whose last part is its number.
    fn accepted(&self, job: &str, answer: &Response) -> Result<String, Error> {
        match answer.status {
            201 => {}
            404 => return Err(Error::NotFound(format!("Job '{job}' not found"))),
            200..=399 => {
                let what = format!(
                    "answered {} to the start of job '{job}', not 201",
                    answer.status
                );
                return Err(self.calls.garbage(&what, true));
            }
            _ => return Err(self.calls.failed(answer, true)),
        }
        let missing = || {
            let what =
                format!("accepted job '{job}' without a Location that names the item of its queue");
            self.calls.garbage(&what, true)
        };
        let location = answer.header("location").ok_or_else(missing)?;
        let location = location.split(['?', '#']).next().unwrap_or_default();
        let last = location.trim_end_matches('/').rsplit('/').next();
        let item: u64 = last
            .and_then(|last| last.parse().ok())
            .ok_or_else(missing)?;
        Ok(item.to_string())
    }
}
