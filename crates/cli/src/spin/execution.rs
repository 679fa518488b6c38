//! `pipeline execution list|get|cancel`.

use super::{Done, Said, Spin, args::ExecutionCommand};
use crate::text::encode;

impl Spin<'_> {
    pub(super) async fn execution(&mut self, command: ExecutionCommand) -> Done {
        match command {
            ExecutionCommand::List {
                pipeline_id,
                limit,
                running,
                succeeded,
                failed,
                canceled,
                ..
            } => {
                if pipeline_id.is_empty() {
                    return Err(Said::new("required parameter 'pipeline-id' not set"));
                }
                let mut path = format!("/executions?pipelineConfigIds={}", encode(&pipeline_id));
                if limit > 0 {
                    path.push_str(&format!("&limit={limit}"));
                }
                let groups = [
                    (running, "RUNNING"),
                    (succeeded, "SUCCEEDED,STOPPED,SKIPPED"),
                    (failed, "TERMINAL,STOPPED,FAILED_CONTINUE"),
                    (canceled, "CANCELED"),
                ];
                let statuses: Vec<&str> = groups
                    .into_iter()
                    .filter_map(|(wanted, names)| wanted.then_some(names))
                    .collect();
                if !statuses.is_empty() {
                    path.push_str(&format!("&statuses={}", statuses.join(",")));
                }
                let list = self.document("GET", &path, None).await?;
                self.ui.document(&list);
            }
            ExecutionCommand::Get { ids } => {
                let id = self.argument(&ids)?;
                let path = format!("/executions?executionIds={}&limit=1", encode(&id));
                // A list of one, or of none: both generations of spin print what Gate answers.
                let list = self.document("GET", &path, None).await?;
                self.ui.document(&list);
            }
            ExecutionCommand::Cancel { ids } => {
                let id = self.argument(&ids).unwrap_or_default();
                if id.is_empty() {
                    return Err(Said::new("no execution id supplied, exiting"));
                }
                let response = self
                    .ok("PUT", &format!("/pipelines/{}/cancel", encode(&id)), None)
                    .await?;
                if response.status != 200 {
                    return Err(Said::new(format!(
                        "encountered an error canceling execution with id {id}, status code: {}",
                        response.status
                    )));
                }
                self.ui
                    .success(&format!("Execution {id} successfully canceled"));
            }
        }
        Ok(())
    }
}
