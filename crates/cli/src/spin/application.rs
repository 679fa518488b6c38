//! `application list|get|save|delete` and `application pipelines get|cancel|cancel-all`.

use serde_json::{Value, json};

use super::{
    Done, Said, Spin,
    args::{ApplicationCommand, ApplicationPipelinesCommand},
    decoded,
};
use crate::{
    output::gojson::{Printed, printed},
    text::encode,
};

impl Spin<'_> {
    pub(super) async fn application(&mut self, command: ApplicationCommand) -> Done {
        match command {
            ApplicationCommand::List { .. } => {
                let list = self.document("GET", "/applications", None).await?;
                self.ui.document(&list);
                Ok(())
            }
            ApplicationCommand::Get { names, expand } => self.get_application(&names, expand).await,
            ApplicationCommand::Save {
                file,
                application_name,
                owner_email,
                cloud_providers,
                ..
            } => {
                let providers = cloud_providers.join(",");
                self.save_application(&file, &application_name, &owner_email, &providers)
                    .await
            }
            ApplicationCommand::Delete { names } => self.delete_application(&names).await,
            ApplicationCommand::Pipelines { command } => match command {
                ApplicationPipelinesCommand::Get {
                    application_name,
                    status,
                    expand,
                    ..
                } => {
                    let list = self.executions(&application_name, &status, expand).await?;
                    self.ui.document(&list);
                    Ok(())
                }
                ApplicationPipelinesCommand::Cancel { id, reason, .. } => {
                    self.cancel(&id, &reason).await
                }
                ApplicationPipelinesCommand::CancelAll {
                    application_name,
                    status,
                    reason,
                    ..
                } => self.cancel_all(&application_name, &status, &reason).await,
            },
        }
    }

    async fn get_application(&mut self, names: &[String], expand: bool) -> Done {
        let name = self.argument(names)?;
        let path = format!("/applications/{}?expand={expand}", encode(&name));
        let response = self.any("GET", &path, None).await?;
        let status = response.status;
        match status {
            200 => {}
            404 => return Err(Said::new(format!("Application '{name}' not found"))),
            _ => {
                let text =
                    format!("Encountered an error getting application, status code: {status}");
                return Err(Said::about(&response, text));
            }
        }
        let application = decoded(&response)?;
        if expand {
            self.ui.document(&application);
        } else {
            self.ui.document(&application["attributes"]);
        }
        Ok(())
    }

    async fn save_application(
        &mut self,
        file: &str,
        name: &str,
        email: &str,
        providers: &str,
    ) -> Done {
        let missing = || Said::new("Required application parameter missing, exiting...");
        let read = self.file_or_input(file).map_err(|error| {
            Said::new(format!("Could not parse supplied application: {error}."))
        })?;
        let mut application = match read {
            Some(mut application) if application.as_object().is_some_and(|map| !map.is_empty()) => {
                let overrides = [
                    ("cloudProviders", "cloud providers", providers),
                    ("name", "name", name),
                    ("email", "owner email", email),
                ];
                for (key, described, value) in overrides {
                    if !value.is_empty() {
                        self.ui.warn(&format!(
                            "Overriding application {described} with explicit flag values."
                        ));
                        application[key] = json!(value);
                    }
                }
                application
            }
            _ if name.is_empty() || email.is_empty() || providers.is_empty() => {
                return Err(missing());
            }
            _ => {
                json!({"cloudProviders": providers, "instancePort": 80, "name": name, "email": email})
            }
        };
        // spin lets a file without a name or an owner pass and then creates the application `<nil>`.
        let is_missing = |value: &Value| value.is_null() || value == "";
        if application["cloudProviders"].is_null()
            || is_missing(&application["name"])
            || is_missing(&application["email"])
        {
            return Err(missing());
        }
        let name = application["name"].clone();
        let task = json!({"application": name,
            "description": format!("Create Application: {}", printed(&name, Printed::AsString)),
            "job": [{"type": "createApplication", "application": application.take()}]});
        self.submit(&task).await?;
        self.ui.success("Application save succeeded");
        Ok(())
    }

    async fn delete_application(&mut self, names: &[String]) -> Done {
        let name = self.argument(names)?;
        let path = format!("/applications/{}?expand=false", encode(&name));
        let response = self.any("GET", &path, None).await?;
        match response.status {
            0..300 => {}
            404 => {
                return Err(Said::new(format!(
                    "Attempting to delete application '{name}' which does not exist, exiting..."
                )));
            }
            status => {
                let text = format!(
                    "Encountered an error checking application existence, status code: {status}"
                );
                return Err(Said::about(&response, text));
            }
        }
        let task = json!({"application": name, "description": format!("Delete Application: {name}"),
            "job": [{"type": "deleteApplication", "application": {"name": name}}]});
        self.submit(&task).await?;
        self.ui.success("Application deleted");
        Ok(())
    }

    async fn executions(
        &mut self,
        application: &str,
        status: &str,
        expand: bool,
    ) -> Result<Value, Said> {
        if application.is_empty() {
            return Err(Said::new("Application name must be passed in"));
        }
        let path = format!(
            "/applications/{}/pipelines?expand={expand}&statuses={}",
            encode(application),
            encode(status).replace("%2C", ",")
        );
        let response = self.any("GET", &path, None).await?;
        match response.status {
            200 => decoded(&response),
            404 => Err(Said::new(format!("Application '{application}' not found"))),
            status => {
                let text =
                    format!("Encountered an error getting application, status code: {status}");
                Err(Said::about(&response, text))
            }
        }
    }

    /// The path is what spin sends: a fault of its generated client leaves the name of the parameter in it.
    async fn cancel(&mut self, id: &str, reason: &str) -> Done {
        if id.is_empty() {
            return Err(Said::new("execution ID must be passed in"));
        }
        let path = format!(
            "/applications/%7Bapplication%7D/pipelines/{}/cancel?reason={}",
            encode(id),
            encode(reason)
        );
        let response = self.any("PUT", &path, None).await?;
        match response.status {
            200 => {
                self.ui.info(&format!("Pipeline {id} was cancelled."));
                Ok(())
            }
            404 => Err(Said::new(format!("Execution ID '{id}' not found"))),
            status => {
                let text =
                    format!("Encountered an error getting execution ID, status code: {status}");
                Err(Said::about(&response, text))
            }
        }
    }

    async fn cancel_all(&mut self, application: &str, status: &str, reason: &str) -> Done {
        let list = self.executions(application, status, false).await?;
        if status.is_empty() {
            self.ui.warn(&format!(
                "No status was passed in. Cancelling all pipelines under application {application}"
            ));
        }
        for execution in list.as_array().into_iter().flatten() {
            let id = execution["id"]
                .as_str()
                .ok_or_else(|| Said::new("foundPipeline should be an interface array"))?;
            self.ui.info(&format!("Cancelling execution ID {id}..."));
            self.cancel(id, reason).await?;
        }
        Ok(())
    }
}
