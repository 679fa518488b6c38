//! `project list|get|get-pipelines|save|delete` (spin's `cmd/project`).
//!
//! One more intended difference: spin ignores an error of looking for an existing project and would save it a second time.

use serde_json::{Value, json};

use super::{Done, Said, Spin, args::project::ProjectCommand, decoded};
use crate::{
    http::Response,
    output::gojson::{Printed, printed},
    text::encode,
};

impl Spin<'_> {
    pub(super) async fn project(&mut self, command: ProjectCommand) -> Done {
        match command {
            ProjectCommand::List { .. } => {
                let list = self.document("GET", "/projects", None).await?;
                self.ui.document(&list);
                Ok(())
            }
            ProjectCommand::Get { names } => {
                let name = self.argument(&names)?;
                let project = self.read_project(&name, "").await?;
                self.ui.document(&project);
                Ok(())
            }
            ProjectCommand::GetPipelines { names } => {
                let name = self.argument(&names)?;
                let list = self.read_project(&name, "/pipelines").await?;
                self.ui.document(&list);
                Ok(())
            }
            ProjectCommand::Save {
                file, name, email, ..
            } => self.save_project(&file, &name, &email).await,
            ProjectCommand::Delete { name, .. } => self.delete_project(&name).await,
        }
    }

    async fn save_project(&mut self, file: &str, name: &str, email: &str) -> Done {
        let missing = || Said::new("Required project parameters missing, exiting...");
        let read = self
            .file_or_input(file)
            .map_err(|error| Said::new(format!("Could not parse supplied project: {error}.")))?;
        let mut project = match read {
            Some(mut project) if project.as_object().is_some_and(|map| !map.is_empty()) => {
                for (key, described, value) in
                    [("name", "name", name), ("email", "owner email", email)]
                {
                    if !value.is_empty() {
                        self.ui.warn(&format!(
                            "Overriding project {described} with explicit flag values."
                        ));
                        project[key] = json!(value);
                    }
                }
                project
            }
            _ if name.is_empty() || email.is_empty() => return Err(missing()),
            _ => json!({"name": name, "email": email}),
        };
        // spin lets a file without a name pass and then saves the project `%!s(<nil>)`.
        if project["name"].as_str().is_none_or(str::is_empty) {
            return Err(missing());
        }
        let name = printed(&project["name"], Printed::AsValue);
        let found = self
            .any("GET", &format!("/projects/{}", encode(&name)), None)
            .await?;
        match found.status {
            404 => {}
            200 => {
                if let Some(id) = decoded(&found)?["id"].as_str() {
                    project["id"] = json!(id);
                }
            }
            _ => return Err(unreadable(&found)),
        }
        let user = project["email"].clone();
        let job = json!({"type": "upsertProject", "project": project, "user": user});
        self.submit(&task("Create", &name, job)).await?;
        self.ui.success("Project save succeeded");
        Ok(())
    }

    async fn delete_project(&mut self, name: &str) -> Done {
        if name.is_empty() {
            return Err(Said::new("required flag(s) \"name\" not set"));
        }
        let project = self.read_project(name, "").await?;
        let user = project["email"].clone();
        let job = json!({"type": "deleteProject", "project": project, "user": user});
        self.submit(&task("Delete", name, job)).await?;
        self.ui.success("Project delete succeeded");
        Ok(())
    }

    /// A project, or what is below it.
    async fn read_project(&self, name: &str, below: &str) -> Result<Value, Said> {
        let path = format!("/projects/{}{below}", encode(name));
        let response = self.any("GET", &path, None).await?;
        match response.status {
            200 => decoded(&response),
            404 => Err(Said::new(format!("Project '{name}' not found"))),
            _ => Err(unreadable(&response)),
        }
    }
}

fn unreadable(response: &Response) -> Said {
    let text = format!(
        "Encountered an error getting project, status code: {}",
        response.status
    );
    Said::about(response, text)
}

fn task(verb: &str, name: &str, job: Value) -> Value {
    json!({"application": "spinnaker", "project": name, "description": format!("{verb} Project: {name}"),
        "job": [job]})
}
