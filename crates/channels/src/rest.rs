//! Every event of every execution to addresses of the operator's. Source: echo-rest `RestEventListener`, `SimpleEventTemplateEngine`.
//!
//! Echo's `insecure` and its circuit breaker are not built: an own authority is trusted by the machine's certificates, and an endpoint
//! that fails holds up only itself.

#[cfg(test)]
mod tests;

use std::time::Duration;

use gennaker_credentials::{
    auth::{Secret, basic},
    file,
};
use gennaker_outbound::Request;
use gennaker_settings::RestEndpoint;
use serde_json::Value;

use crate::{
    channels::{read, secret_file},
    line::{Line, Repeat, of_address},
    problem::Problem,
};

/// Between two tries. Source: echo `RestEventService`.
const PAUSE: Duration = Duration::from_millis(200);

/// An address that gets every event.
#[derive(Clone, Debug)]
pub struct Endpoint {
    set: RestEndpoint,
    password: Option<Secret>,
}

impl Endpoint {
    /// From the settings, which were checked.
    #[must_use]
    pub fn of(set: &RestEndpoint) -> Self {
        Self {
            password: secret_file(set.password_file.as_ref()),
            set: set.clone(),
        }
    }

    /// The address, without what may be secret in it.
    #[must_use]
    pub fn shown(&self) -> String {
        crate::receipt::shown_address(&self.set.url)
    }

    /// The event as this endpoint wants it.
    ///
    /// # Errors
    /// The template makes no JSON object of it.
    pub fn payload(&self, event: &Value) -> Result<Value, String> {
        let set = &self.set;
        let mut event = event.clone();
        if set.flatten {
            for key in ["content", "details"] {
                let text = event[key].to_string();
                event[key] = text.into();
            }
        }
        match (&set.template, set.wrap) {
            (_, false) => Ok(event),
            (None, true) => {
                let mut all = serde_json::Map::new();
                all.insert("eventName".to_owned(), set.event_name.as_str().into());
                all.insert(set.field_name.clone(), event);
                Ok(all.into())
            }
            (Some(template), true) => {
                let filled = template.replace("{{event}}", &event.to_string());
                match serde_json::from_str(&filled) {
                    Ok(Value::Object(object)) => Ok(object.into()),
                    Ok(_) | Err(_) => {
                        Err("the template makes no JSON object of the event".to_owned())
                    }
                }
            }
        }
    }

    /// Sends an event, as often as the endpoint's setting says. `id` goes along as `Idempotency-Key`: an event may come again.
    ///
    /// # Errors
    /// [`Problem`], of the last try.
    pub async fn forward(&self, event: &Value, id: &str, line: &Line<'_>) -> Result<(), Problem> {
        let body = self.payload(event).map_err(Problem::Refused)?.to_string();
        let secrets = of_address(&self.set.url);
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let mut tries = 1;
        loop {
            let mut request =
                Request::post(self.set.url.as_str(), "application/json", body.as_str())
                    .header("Idempotency-Key", id);
            for (name, value) in self.headers().await? {
                request = request.secret_header(name, value);
            }
            match line
                .hiding(&secrets)
                .deliver(request, Repeat::Harmless)
                .await
            {
                Ok(_) => return Ok(()),
                Err(Problem::Later { .. }) if tries < self.set.tries => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(problem) => return Err(problem),
            }
        }
    }

    async fn headers(&self) -> Result<Vec<(String, String)>, Problem> {
        let set = &self.set;
        let mut all = Vec::new();
        if let (Some(user), Some(password)) = (&set.username, &self.password) {
            let proof = basic(user, &read(password).await?);
            all.push(("Authorization".to_owned(), proof));
        }
        all.extend(
            set.headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        if let Some(path) = &set.headers_file {
            let text = file::read(path.as_ref()).await.map_err(Problem::Refused)?;
            for (number, line) in text
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.trim().is_empty())
            {
                let pair = line.split_once(':').ok_or_else(|| {
                    Problem::Refused(format!("line {} of {path} is no header", number + 1))
                })?;
                all.push((pair.0.trim().to_owned(), pair.1.trim().to_owned()));
            }
        }
        Ok(all)
    }
}
