//! `gennaker dev --demo`: an application, a pipeline and a run of it.
//!
//! The demo is a client like any other. It saves its documents through the public API, sends the webhook that a build system
//! would send, and shows and judges the execution with the client verbs `watch` and `judge`. What the pipeline deploys to is a cluster,
//! if the server has an account, and else [`service`], the only thing here that is pretended.

mod api;
mod service;

use std::path::{Path, PathBuf};
use std::time::Duration;

use gennaker_cli::{
    Exit, Failure, Global, Io, JudgeArgs, Tools, Verb, WatchArgs, WhyArgs, run as run_verb,
};
use gennaker_runtime::Scope;
use serde_json::{Value, json};
use tokio::time::{Instant, interval, timeout_at};

use crate::dev::{program, where_clients_look};
use crate::output::say;
pub(crate) use api::Api;
use service::Service;

/// The pipeline, but for the address of the service.
const PIPELINE: &str = include_str!("demo/pipeline.json");
/// What stands for the address of the service in it.
const SERVICE: &str = "DEMO_SERVICE";
/// The pipeline for a cluster, but for the account.
const CLUSTER_PIPELINE: &str = include_str!("demo/pipeline-kubernetes.json");
/// What stands for the account in it.
const ACCOUNT: &str = "DEMO_ACCOUNT";
/// The namespace that it makes, and deploys to.
const NAMESPACE: &str = "gennaker-demo";
/// Choices of its judgement; the first is taken without a person.
const CHOICES: [&str; 2] = ["prod", "rollback"];

/// The exit code of a verb that did what it should; of `watch`: of an execution that succeeded.
const SUCCEEDED: u8 = Exit::Succeeded.code();

/// How long saving the application may take.
const SAVED_WITHIN: Duration = Duration::from_secs(30);
/// How long the webhook may take to become an execution.
const STARTED_WITHIN: Duration = Duration::from_secs(30);
/// How often something is looked at that has no feed.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How often it is looked whether a judgement is wanted, or was given by somebody else.
const JUDGED_EVERY: Duration = Duration::from_millis(150);

/// What of the environment the shown verbs see. Not the person's `spin` configuration: this server is ours.
const ENVIRONMENT: [&str; 5] = ["TERM", "NO_COLOR", "CI", "GENNAKER_ACCESSIBLE", "LANG"];

/// The demo on a running server.
pub(crate) struct Demo<'a> {
    /// The server.
    pub(crate) api: Api,
    /// The data folder, if one was named.
    pub(crate) data: Option<&'a Path>,
    /// Where the port of the demo's service is remembered.
    pub(crate) port_file: PathBuf,
    /// The account to deploy to, if there is one.
    pub(crate) account: Option<String>,
}

impl Demo<'_> {
    /// Runs the pipeline once. With a person the answer is nothing, because the server goes on; without one it is how the
    /// command ends.
    ///
    /// # Errors
    /// Something could not be saved or started; the sentence says what.
    pub(crate) async fn run(&self, scope: &Scope) -> Result<Option<u8>, Failure> {
        let began = Instant::now();
        let pipeline = self.pipeline(scope).await?;
        self.save_application().await?;
        let config_id = self.save_pipeline(&pipeline).await?;
        say("Saved the application `demo` with the pipeline `release`.");
        if let Some(account) = &self.account {
            say(&format!(
                "It deploys to the cluster {account}, only in the namespace {NAMESPACE}, which it makes."
            ));
        }
        let event = self.send_webhook().await?;
        say("Sent the webhook `demo-build`, as a build system does.");
        let id = self.execution_of(&event).await?;
        tracing::debug!("pipeline {config_id} runs as {id}");

        let mut io = io();
        let is_asked = io.can_ask();
        let exit = match is_asked {
            true => self.with_person(&id, &mut io).await?,
            false => self.alone(&id, &mut io).await,
        };
        if exit != SUCCEEDED {
            self.verb(Verb::Why(self.why(&id)), &mut io).await;
        }
        self.say_where_next(&id, is_asked, exit, began.elapsed());
        Ok((!is_asked).then_some(exit))
    }

    /// The pipeline as text, with what it deploys to.
    async fn pipeline(&self, scope: &Scope) -> Result<String, Failure> {
        if let Some(account) = &self.account {
            // A name from a kubeconfig; within a text it must stay one.
            let quoted = Value::from(account.as_str()).to_string();
            return Ok(CLUSTER_PIPELINE.replace(ACCOUNT, quoted.trim_matches('"')));
        }
        let (service, listener) = Service::listen(&self.port_file).await.map_err(|error| {
            Failure::command(format!("the demo's service cannot listen: {error}"))
        })?;
        let base = service.base().to_owned();
        scope.spawn("demo-service", service.run(listener, scope.token().clone()));
        Ok(PIPELINE.replace(SERVICE, &base))
    }

    /// As Deck does it: only if it is not there.
    async fn save_application(&self) -> Result<(), Failure> {
        if self.api.get("/applications/demo").await?.is_some() {
            return Ok(());
        }
        let application =
            json!({"name": "demo", "email": "demo@example.com", "description": "Gennaker's demo"});
        let job = json!({"type": "createApplication", "application": application, "user": "demo"});
        let task =
            json!({"application": "demo", "description": "Create Application: demo", "job": [job]});
        let answer = self.api.post("/tasks", &task).await?;
        let path = answer["ref"]
            .as_str()
            .ok_or_else(|| Failure::command(format!("the task has no address: {answer}")))?;
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

    /// Saves the pipeline; its id.
    async fn save_pipeline(&self, pipeline: &str) -> Result<String, Failure> {
        const BY_NAME: &str = "/applications/demo/pipelineConfigs/release";
        let mut pipeline: Value = serde_json::from_str(pipeline).map_err(|error| {
            Failure::command(format!("the demo's pipeline is no JSON: {error}"))
        })?;
        let id_of = |saved: Option<Value>| saved?["id"].as_str().map(str::to_owned);
        let former = id_of(self.api.get(BY_NAME).await?);
        if let Some(id) = &former {
            pipeline["id"] = json!(id);
        }
        self.api.post("/pipelines", &pipeline).await?;
        match former {
            Some(id) => Ok(id),
            None => id_of(self.api.get(BY_NAME).await?)
                .ok_or_else(|| Failure::command("the demo's pipeline was saved and is not there")),
        }
    }

    /// The id of the event.
    async fn send_webhook(&self) -> Result<String, Failure> {
        let commit = format!("{:07x}", rand::random::<u32>() >> 4);
        let payload = json!({
            "branch": "main",
            "parameters": {"version": "2.4.1", "commit": commit},
        });
        let answer = self
            .api
            .post("/webhooks/webhook/demo-build", &payload)
            .await?;
        answer["eventId"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Failure::command(format!("the webhook's answer has no event: {answer}")))
    }

    /// The execution that an event started.
    async fn execution_of(&self, event: &str) -> Result<String, Failure> {
        let path = format!("/applications/demo/executions/search?eventId={event}");
        let started = async {
            let mut look = interval(LOOK_EVERY);
            loop {
                look.tick().await;
                let found = self.api.get(&path).await?.unwrap_or_default();
                if let Some(id) = found[0]["id"].as_str() {
                    return Ok(id.to_owned());
                }
            }
        };
        timeout_at(Instant::now() + STARTED_WITHIN, started)
            .await
            .unwrap_or_else(|_| Err(late("starting the pipeline by its webhook", STARTED_WITHIN)))
    }

    /// To the end, judging by itself.
    async fn alone(&self, id: &str, io: &mut Io) -> u8 {
        let watching = self.watch(id, false, io);
        let judging = async {
            if let Err(failure) = self.until_judgment(id, Judgment::Open).await {
                say(&format!("Nobody can judge: {}", failure.sentence));
                return Exit::CommandError.code();
            }
            say("Nobody is there to ask, so the judgement is `prod`.");
            match self.judge(id, CHOICES[0], &mut quiet_io()).await {
                SUCCEEDED => std::future::pending().await,
                other => other,
            }
        };
        tokio::select! {
            biased;
            exit = watching => exit,
            exit = judging => exit,
        }
    }

    /// To the end; a person judges, here or anywhere else.
    async fn with_person(&self, id: &str, io: &mut Io) -> Result<u8, Failure> {
        let exit = self.watch(id, true, io).await;
        if exit != Exit::StoppedForPerson.code() {
            return Ok(exit);
        }
        match self.ask(id, io).await? {
            Answer::Choice(choice) => match self.judge(id, choice, io).await {
                SUCCEEDED => {}
                other => return Ok(other),
            },
            Answer::Elsewhere => say("Somebody else has judged."),
            Answer::Nothing => say("The judgement stays open; anybody may give it."),
        }
        Ok(self.watch(id, false, io).await)
    }

    async fn ask(&self, id: &str, io: &mut Io) -> Result<Answer, Failure> {
        loop {
            io.draw(&format!("Your judgement, {}: ", CHOICES.join(" or ")));
            // Reading a line cannot be interrupted; the thread is left behind when the process ends.
            let line = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                std::io::stdin()
                    .read_line(&mut line)
                    .map(|bytes| (bytes > 0).then_some(line))
            });
            let line = tokio::select! {
                line = line => line,
                judged = self.until_judgment(id, Judgment::Given) => {
                    io.note("");
                    return judged.map(|()| Answer::Elsewhere);
                }
            };
            let Ok(Ok(Some(line))) = line else {
                io.note("");
                return Ok(Answer::Nothing);
            };
            let word = line.trim().to_lowercase();
            if let Some(choice) = CHOICES.into_iter().find(|choice| *choice == word) {
                return Ok(Answer::Choice(choice));
            }
            io.note(&format!("{word:?} is no choice here."));
        }
    }

    /// Returns when a stage waits for a person, or when none does.
    async fn until_judgment(&self, id: &str, wanted: Judgment) -> Result<(), Failure> {
        let mut look = interval(JUDGED_EVERY);
        loop {
            look.tick().await;
            let execution = self
                .api
                .get(&format!("/pipelines/{id}"))
                .await?
                .unwrap_or_default();
            let stages = execution["stages"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let is_open = stages
                .iter()
                .any(|stage| stage["type"] == "manualJudgment" && stage["status"] == "RUNNING");
            if is_open == (wanted == Judgment::Open) {
                return Ok(());
            }
        }
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

    fn say_where_next(&self, id: &str, is_asked: bool, exit: u8, took: Duration) {
        let (program, base) = (program(), self.api.base());
        if exit == SUCCEEDED {
            say(&format!(
                "\nThe demo's pipeline finished in {:.1} s.",
                took.as_secs_f64()
            ));
        } else {
            say("\nThe demo's pipeline did not succeed; the reason is above.");
        }
        say("Where to look next:");
        // Comments and commands, so that all of it can be pasted into a shell.
        let line = |what: &str, command: &str| say(&format!("  # {what}\n  {command}"));
        if !is_asked {
            let data = self
                .data
                .map_or(String::new(), |data| format!(" --data {}", data.display()));
            let listen = base.strip_prefix("http://").unwrap_or(base);
            line(
                "this server again; the rest needs it, in another terminal",
                &format!("{program} dev{data} --listen {listen}"),
            );
        }
        if let Some(export) = where_clients_look(base) {
            line("where the commands below look", &export);
        }
        line("every stage of this run", &format!("{program} show {id}"));
        line("all runs", &format!("{program} ls demo"));
        line(
            "another run",
            &format!("{program} run demo/release -p version=2.4.2"),
        );
        line("this run as JSON", &format!("curl {base}/pipelines/{id}"));
        line(
            "the pipeline",
            &format!("curl {base}/applications/demo/pipelineConfigs/release"),
        );
        if let Some(account) = &self.account {
            line(
                "what it has made in the cluster, and away with it",
                &format!("kubectl --context {account} delete namespace {NAMESPACE}"),
            );
        }
        if is_asked {
            say("Ctrl-C stops; what runs goes on at the next start.");
        }
    }
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judgment {
    /// A stage waits for a person.
    Open,
    /// None does.
    Given,
}

/// What a person said.
enum Answer {
    Choice(&'static str),
    /// Somebody judged in another terminal.
    Elsewhere,
    /// The input ended.
    Nothing,
}

/// The streams of this process with little of its environment.
fn io() -> Io {
    let mut io = Io::of_process();
    io.env
        .retain(|name, _| ENVIRONMENT.contains(&name.as_str()));
    // Ctrl-C is for the server, which ends the demo as well.
    io.interrupt = gennaker_cli::Interrupt::Elsewhere("Ctrl-C stops the server");
    io
}

/// For a verb whose words are said here already; its failures are shown.
fn quiet_io() -> Io {
    let mut io = io();
    io.out = Box::new(std::io::sink());
    io
}

fn late(what: &str, limit: Duration) -> Failure {
    Failure::command(format!("{what} took more than {} s", limit.as_secs()))
        .fix("the log above may say why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pipeline_is_sound() {
        let pipeline: Value = serde_json::from_str(PIPELINE).unwrap();
        assert_eq!(gennaker_cli::check_graph(&pipeline), Vec::new());
        let choices: Vec<&str> = pipeline["stages"][4]["judgmentInputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|choice| choice["value"].as_str().unwrap())
            .collect();
        assert_eq!(choices, CHOICES);
    }
}
