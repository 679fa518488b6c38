//! Stopping builds (Igor: `JenkinsService.stopRunningBuild`, `stopQueuedBuild`).

use super::{Jenkins, path};
use crate::{Error, Queued, Stop};

impl Jenkins {
    /// Stops a build, also one that is about to leave the queue. What is not there any more is stopped.
    pub(super) async fn stop_build(&self, stop: &Stop) -> Result<(), Error> {
        let job = &stop.job;
        if let Some(number) = stop.number {
            return self.stop_running(job, number).await;
        }
        let Some(item) = &stop.item else {
            return Err(Error::invalid(
                "neither a build nor an item of the queue is named",
            ));
        };
        let query = [("id".to_owned(), path::item(item)?.to_string())];
        let answer = self.calls.parameters("queue/cancelItem", &query).await?;
        match answer.status {
            // 204 and, of older versions, a redirect; 404: it is not in the queue.
            200..=399 | 404 => {}
            _ => return Err(self.calls.failed(&answer, true)),
        }
        // It may have become a build before the wish arrived.
        match self.place_of(job, item).await {
            Ok(Queued::Number(number)) => self.stop_running(job, number).await,
            Ok(Queued::Cancelled) | Err(Error::NotFound(_)) => Ok(()),
            Ok(Queued::Waiting(_)) => Err(Error::Unavailable {
                status: None,
                sentence: format!("Jenkins left item {item} of job '{job}' in its queue"),
                may_have_happened: false,
            }),
            Err(error) => Err(error),
        }
    }

    async fn stop_running(&self, job: &str, number: u64) -> Result<(), Error> {
        let path = format!("{}/{number}/stop", path::job(job)?);
        let answer = self.calls.post(&path, "", None).await?;
        match answer.status {
            200..=399 | 404 => Ok(()),
            _ => Err(self.calls.failed(&answer, true)),
        }
    }
}
