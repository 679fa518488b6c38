//! Waiting for an Orca task as spin does (`task_watcher.go`): attempts² seconds between looks, at most 20, until
//! `--retry-timeout` is up. CANCELED is not among the statuses that end the wait.

use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

use super::{Done, Said, Spin, decoded};
use crate::{
    output::gojson::{Printed, printed},
    text::encode,
};

impl Spin<'_> {
    /// Submits a task and waits until it succeeded.
    pub(super) async fn submit(&mut self, task: &Value) -> Done {
        let answer = self.document("POST", "/tasks", Some(task)).await?;
        let id = answer["ref"]
            .as_str()
            .and_then(|reference| reference.rsplit('/').next())
            .filter(|id| !id.is_empty())
            .ok_or_else(|| Said::new("the answer to the task names no task"))?;
        let path = format!("/tasks/{}", encode(id));
        let began = Instant::now();
        let mut look = self.look(&path).await;
        let mut attempts = 0;
        while !look.as_ref().is_ok_and(is_complete) {
            let now_s = began.elapsed().as_secs();
            if now_s >= self.gate.retry_timeout_s {
                break;
            }
            attempts += 1;
            sleep(pause(now_s, self.gate.retry_timeout_s, attempts)).await;
            look = self.look(&path).await;
        }
        let task = look?;
        if is_successful(&task) {
            Ok(())
        } else {
            Err(Said {
                more: exception(&task),
                ..Said::new(format!(
                    "Encountered an error saving application, task output was: {}",
                    printed(&task, Printed::AsValue)
                ))
            })
        }
    }

    async fn look(&self, path: &str) -> Result<Value, Said> {
        decoded(&self.ok("GET", path, None).await?)
    }
}

fn pause(now_s: u64, last_s: u64, attempts: u64) -> Duration {
    let seconds = (attempts * attempts).min(20);
    Duration::from_secs(if now_s + seconds > last_s {
        last_s - now_s + 1
    } else {
        seconds
    })
}

fn is_complete(task: &Value) -> bool {
    is_successful(task)
        || matches!(
            task["status"].as_str(),
            Some("TERMINAL" | "FAILED_CONTINUE")
        )
}

/// Whether it ended well.
pub(super) fn is_successful(task: &Value) -> bool {
    matches!(
        task["status"].as_str(),
        Some("SUCCEEDED" | "STOPPED" | "SKIPPED")
    )
}

/// The sentences of the exception, which spin leaves inside the dump of the whole task.
pub(super) fn exception(task: &Value) -> Option<String> {
    let exception = task["variables"]
        .as_array()?
        .iter()
        .find(|variable| variable["key"] == "exception")?;
    let errors: Vec<&str> = exception["value"]["details"]["errors"]
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    (!errors.is_empty()).then(|| errors.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_are_those_of_spin() {
        let pauses: Vec<u64> = (1..=6)
            .map(|attempts| pause(0, 60, attempts).as_secs())
            .collect();
        assert_eq!(pauses, [1, 4, 9, 16, 20, 20]);
        assert_eq!(pause(50, 60, 5).as_secs(), 11);
        assert_eq!(pause(59, 60, 1).as_secs(), 1);
    }
}
