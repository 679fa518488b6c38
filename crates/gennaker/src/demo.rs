//! `gennaker dev --demo`: an application, two pipelines and a run of them.
//!
//! The demo is a client like any other. It saves its documents through the public API, sends the webhook that GitHub would send, and
//! shows and judges the execution with the client verbs `watch` and `judge`. What it works with is what is there: an account of a
//! cluster that was named, a Jenkins, a mail server and a Slack whose messages can be read ([`inbox`]); and else [`service`], the only
//! thing here that is pretended.

mod api;
mod closing;
mod ear;
mod inbox;
mod judgement;
mod pipelines;
mod push;
mod service;

use std::path::{Path, PathBuf};
use std::time::Duration;

use gennaker_cli::{
    Exit, Failure, Global, Io, JudgeArgs, Tools, Verb, WatchArgs, WhyArgs, run as run_verb,
};
use gennaker_runtime::Scope;
use serde_json::{Value, json};
use tokio::time::{Instant, interval, timeout_at};

use crate::output::say;
pub(crate) use api::Api;
pub(crate) use inbox::Inbox;
use pipelines::{
    AFTER_RELEASE, APPLICATION, CHOICES, NAMESPACE, Pipelines, RELEASE, REPOSITORY, Target,
};
use push::Push;
use service::Service;

/// The exit code of a verb that did what it should; of `watch`: of an execution that succeeded.
const SUCCEEDED: u8 = Exit::Succeeded.code();

/// How long saving the application may take.
const SAVED_WITHIN: Duration = Duration::from_secs(30);
/// How long an event may take to become an execution.
const STARTED_WITHIN: Duration = Duration::from_secs(30);
/// How often something is looked at that has no feed.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What of the environment the shown verbs see. Not the person's `spin` configuration: this server is ours.
const ENVIRONMENT: [&str; 5] = ["TERM", "NO_COLOR", "CI", "GENNAKER_ACCESSIBLE", "LANG"];

/// The demo on a running server.
pub(crate) struct Demo<'a> {
    /// The server.
    pub(crate) api: Api,
    /// The data folder.
    pub(crate) data: &'a Path,
    /// Where the port of the demo's service is remembered.
    pub(crate) port_file: PathBuf,
    /// The file that names the clusters, if one was named.
    pub(crate) kubeconfig: Option<&'a Path>,
    /// The account to deploy to, if there is one.
    pub(crate) account: Option<String>,
    /// Where messages to people arrive, if there are a Jenkins and people.
    pub(crate) inbox: Option<Inbox>,
}

impl Demo<'_> {
    /// Runs the pipelines once. With a person the answer is nothing, because the server goes on; without one it is how the
    /// command ends.
    ///
    /// # Errors
    /// Something could not be saved or started; the sentence says what.
    pub(crate) async fn run(&self, scope: &Scope) -> Result<Option<u8>, Failure> {
        let began = Instant::now();
        if self.inbox.is_some() {
            self.end_former().await?;
        }
        let service = self.service(scope).await?;
        let target = match (&self.account, &service) {
            (Some(account), _) => Target::Account(account),
            (None, Some(service)) => Target::Service(service.base()),
            (None, None) => return Err(Failure::command("the demo has nothing to deploy to")),
        };
        let pipelines = Pipelines {
            target,
            has_surroundings: self.inbox.is_some(),
        };
        let push = Push::new();
        self.save_application().await?;
        let release = self
            .save_pipeline(&pipelines.release(push.secret()))
            .await?;
        let after = self
            .save_pipeline(&pipelines.after_release(&release))
            .await?;
        self.say_what_is_saved();

        let event = push.send(&self.api).await?;
        let [owner, name] = REPOSITORY;
        say(&format!(
            "\n1. Commit {} is pushed to {owner}/{name}: GitHub sends a signed webhook.",
            push.commit()
        ));
        let id = self.execution_of(&event).await?;
        say(&format!(
            "\n2. That starts `{RELEASE}`. {}",
            match (&self.inbox, &self.account) {
                (Some(_), _) =>
                    "Jenkins builds the commit (at once: it is a stand-in), and its image goes to test.",
                (None, Some(_)) =>
                    "Nothing is built here: an image that exists stands for it, and goes to test.",
                (None, None) => "The commit is built, and its image goes to test.",
            }
        ));

        let mut io = io_of_verbs();
        let is_asked = io.can_ask();
        let exit = self.to_the_end(&id, is_asked, &mut io).await?;
        let exit = match exit {
            SUCCEEDED => self.follow(&id, &after, service.as_ref(), &mut io).await?,
            other => {
                self.say_why(&id, &mut io).await?;
                other
            }
        };
        self.say_where_next(&id, is_asked, began.elapsed());
        Ok((!is_asked).then_some(exit))
    }

    /// Cancels what an earlier demo has left that was stopped in the middle: its cluster and its Jenkins are gone.
    async fn end_former(&self) -> Result<(), Failure> {
        let path = format!(
            "/applications/{APPLICATION}/pipelines?statuses=RUNNING,NOT_STARTED,PAUSED&limit=100"
        );
        let left = self.api.get(&path).await?.unwrap_or_default();
        let ids = left.as_array().into_iter().flatten();
        let mut cancelled = 0;
        for id in ids.filter_map(|it| it["id"].as_str()) {
            let why = "reason=the%20demo%20that%20it%20belonged%20to%20has%20ended";
            let path = format!("/pipelines/{id}/cancel?{why}");
            // One that has ended meanwhile needs no cancel.
            cancelled += u32::from(self.api.put(&path).await.is_ok());
        }
        match cancelled {
            0 => {}
            1 => say("Cancelled a run that an earlier demo has left."),
            many => say(&format!(
                "Cancelled {many} runs that an earlier demo has left."
            )),
        }
        Ok(())
    }

    /// What pretends to be environments, where no cluster is.
    async fn service(&self, scope: &Scope) -> Result<Option<Service>, Failure> {
        if self.account.is_some() {
            return Ok(None);
        }
        let (service, listener) = Service::listen(&self.port_file).await.map_err(|error| {
            Failure::command(format!("the demo's service cannot listen: {error}"))
        })?;
        let served = service.clone().run(listener, scope.token().clone());
        scope.spawn("demo-service", served);
        Ok(Some(service))
    }

    /// As Deck does it: only if it is not there.
    async fn save_application(&self) -> Result<(), Failure> {
        let path = format!("/applications/{APPLICATION}");
        if self.api.get(&path).await?.is_some() {
            return Ok(());
        }
        let answer = self.api.post("/tasks", &pipelines::application()).await?;
        let path = answer["ref"]
            .as_str()
            .ok_or_else(|| missing("the task", "address", &answer))?;
        let saved = async {
            let mut look = interval(LOOK_EVERY);
            loop {
                look.tick().await;
                let task = self.api.get(path).await?.unwrap_or_default();
                match task["status"].as_str() {
                    Some("SUCCEEDED") => return Ok(()),
                    Some("TERMINAL" | "CANCELED" | "STOPPED") => {
                        return Err(Failure::command(format!(
                            "the application could not be saved: {task}"
                        )));
                    }
                    _ => {}
                }
            }
        };
        timeout_at(Instant::now() + SAVED_WITHIN, saved)
            .await
            .unwrap_or_else(|_| Err(late("saving the application", SAVED_WITHIN)))
    }

    /// Saves a pipeline under its name; its id.
    async fn save_pipeline(&self, pipeline: &Value) -> Result<String, Failure> {
        let name = pipeline["name"].as_str().unwrap_or_default();
        let path = format!("/applications/{APPLICATION}/pipelineConfigs/{name}");
        let id_of = |saved: Option<Value>| saved?["id"].as_str().map(str::to_owned);
        let former = id_of(self.api.get(&path).await?);
        let mut pipeline = pipeline.clone();
        if let Some(id) = &former {
            pipeline["id"] = json!(id);
        }
        self.api.post("/pipelines", &pipeline).await?;
        match former {
            Some(id) => Ok(id),
            None => id_of(self.api.get(&path).await?)
                .ok_or_else(|| Failure::command("the demo's pipeline was saved and is not there")),
        }
    }

    /// The execution that an event started.
    async fn execution_of(&self, event: &str) -> Result<String, Failure> {
        let path = format!("/applications/{APPLICATION}/executions/search?eventId={event}");
        self.first_execution(&path, "starting the pipeline by its webhook", |_| true)
            .await
    }

    /// The first execution of a list that is the wanted one, as soon as there is one.
    async fn first_execution(
        &self,
        path: &str,
        what: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Result<String, Failure> {
        let started = async {
            let mut look = interval(LOOK_EVERY);
            loop {
                look.tick().await;
                let found = self.api.get(path).await?.unwrap_or_default();
                let mut found = found.as_array().into_iter().flatten();
                if let Some(id) = found
                    .find(|it| is_wanted(it))
                    .and_then(|it| it["id"].as_str())
                {
                    return Ok(id.to_owned());
                }
            }
        };
        timeout_at(Instant::now() + STARTED_WITHIN, started)
            .await
            .unwrap_or_else(|_| Err(late(what, STARTED_WITHIN)))
    }

    /// What comes after a release: the same image everywhere, and the pipeline that its success has started.
    async fn follow(
        &self,
        id: &str,
        after: &str,
        service: Option<&Service>,
        io: &mut Io,
    ) -> Result<u8, Failure> {
        say("\n4. Prod runs the image that was tested:");
        for place in ["test", "prod"] {
            let image = match service {
                Some(service) => service.image(place),
                None => self.image_in_cluster(place).await?,
            };
            say(&format!("   {place}: {image}"));
        }
        let path = format!("/executions?pipelineConfigIds={after}&limit=10");
        let is_ours = |it: &Value| it["trigger"]["parentExecution"]["id"] == id;
        let follower = self
            .first_execution(&path, "starting the pipeline that follows", is_ours)
            .await?;
        say(&format!(
            "\n5. The success of `{RELEASE}` starts `{AFTER_RELEASE}`, which tests prod."
        ));
        let exit = self.watch(&follower, false, io).await;
        if exit != SUCCEEDED {
            self.verb(Verb::Why(self.why(&follower)), io).await;
        } else if let Some(inbox) = &self.inbox {
            inbox.show(&self.tag(id).await, &["slack"]).await;
        }
        Ok(exit)
    }

    /// The tag that an execution has built; empty if it has none.
    async fn tag(&self, id: &str) -> String {
        let execution = self.api.get(&format!("/pipelines/{id}")).await;
        let execution = execution.ok().flatten().unwrap_or_default();
        let mut stages = execution["stages"].as_array().into_iter().flatten();
        let build = stages.find(|stage| stage["name"] == pipelines::BUILD);
        let tag = build.and_then(|build| build["outputs"]["tag"].as_str());
        tag.unwrap_or_default().to_owned()
    }

    /// What the cluster says that a Deployment runs.
    async fn image_in_cluster(&self, place: &str) -> Result<String, Failure> {
        let account = self.account.as_deref().unwrap_or_default();
        let name = pipelines::deployed(place);
        let path = format!(
            "/manifests/{}/{NAMESPACE}/deployment%20{name}",
            encoded(account)
        );
        let found = self.api.get(&path).await?.unwrap_or_default();
        let image = &found["manifest"]["spec"]["template"]["spec"]["containers"][0]["image"];
        let image = image.as_str().map(str::to_owned);
        image.ok_or_else(|| missing("the cluster's deployment", "image", &found))
    }

    /// What is to be said of a release that was none.
    async fn say_why(&self, id: &str, io: &mut Io) -> Result<(), Failure> {
        let execution = self.api.get(&format!("/pipelines/{id}")).await?;
        let execution = execution.unwrap_or_default();
        let mut stages = execution["stages"].as_array().into_iter().flatten();
        let is_rolled_back = stages.any(|stage| stage["context"]["judgmentInput"] == CHOICES[1]);
        match is_rolled_back {
            true => say(&format!(
                "\n4. The judgement was `{}`: test is undone, and prod is as it was. So `{RELEASE}` counts \
                 as failed,\n   and `{AFTER_RELEASE}` does not start.",
                CHOICES[1]
            )),
            false => {
                self.verb(Verb::Why(self.why(id)), io).await;
            }
        }
        Ok(())
    }

    async fn watch(&self, id: &str, no_wait_judgment: bool, io: &mut Io) -> u8 {
        let arguments = WatchArgs {
            reference: id.to_owned(),
            no_wait_judgment,
            timeout: None,
            global: self.global(),
        };
        self.verb(Verb::Watch(arguments), io).await
    }

    async fn judge(&self, id: &str, choice: &str, io: &mut Io) -> u8 {
        let arguments = JudgeArgs {
            reference: Some(id.to_owned()),
            decision: Some(choice.to_owned()),
            input: None,
            stage: None,
            global: self.global(),
        };
        self.verb(Verb::Judge(arguments), io).await
    }

    fn why(&self, id: &str) -> WhyArgs {
        WhyArgs {
            reference: id.to_owned(),
            event: None,
            global: self.global(),
        }
    }

    /// Runs a client verb; it prints its own failures.
    async fn verb(&self, verb: Verb, io: &mut Io) -> u8 {
        Box::pin(run_verb(verb, &Tools::default(), io)).await
    }

    fn global(&self) -> Global {
        Global {
            server: Some(self.api.base().to_owned()),
            ..Global::default()
        }
    }

    fn say_what_is_saved(&self) {
        say(&format!(
            "\nSaved the application `{APPLICATION}` with the pipelines `{RELEASE}` and `{AFTER_RELEASE}`."
        ));
        match &self.account {
            Some(account) => say(&format!(
                "They deploy to the cluster {account}, there only to the namespace {NAMESPACE}, which they make."
            )),
            None => say(
                "Builds and deployments are pretended here; `cargo xtask demo --kubernetes` shows them in a cluster.",
            ),
        }
    }
}

/// The streams of this process with little of its environment.
fn io_of_verbs() -> Io {
    let mut io = Io::of_process();
    io.env
        .retain(|name, _| ENVIRONMENT.contains(&name.as_str()));
    // Ctrl-C is for the server, which ends the demo as well.
    io.interrupt = gennaker_cli::Interrupt::Elsewhere("Ctrl-C stops the server");
    io
}

fn late(what: &str, limit: Duration) -> Failure {
    Failure::command(format!("{what} took more than {} s", limit.as_secs()))
        .fix("the log above may say why")
}

fn missing(whole: &str, part: &str, found: &Value) -> Failure {
    Failure::command(format!("{whole} has no {part}: {found}"))
}

/// A name as a part of a path.
fn encoded(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                out.push(char::from(byte))
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_accounts_fit_into_paths() {
        assert_eq!(
            encoded("arn:aws:eks/a b_1.x"),
            "arn%3Aaws%3Aeks%2Fa%20b_1.x"
        );
    }
}
