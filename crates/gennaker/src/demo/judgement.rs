//! The judgement: who is asked, and who answers.

use std::time::Duration;

use gennaker_cli::{Exit, Failure, Io};
use tokio::time::interval;

use super::pipelines::{CHOICES, QUESTION};
use super::{Demo, SUCCEEDED, ear, io_of_verbs};
use crate::output::say;

/// How often it is looked whether a judgement is wanted, or was given by somebody else.
const JUDGED_EVERY: Duration = Duration::from_millis(150);

impl Demo<'_> {
    /// To the end of an execution; a person judges, or nobody is there.
    pub(super) async fn to_the_end(
        &self,
        id: &str,
        is_asked: bool,
        io: &mut Io,
    ) -> Result<u8, Failure> {
        match is_asked && io.is_live(&self.global()) {
            // What draws over itself has to stop before anybody is asked.
            true => self.in_turn(id, io).await,
            // What prints lines goes on; it would print all of them again.
            false => self.beside(id, is_asked, io).await,
        }
    }

    async fn beside(&self, id: &str, is_asked: bool, io: &mut Io) -> Result<u8, Failure> {
        let heard = ear::listen(io, QUESTION);
        let watching = self.watch(id, false, io);
        let judging = async {
            self.until_judgment(id, Judgment::Open).await?;
            heard.await;
            self.show_question(id).await;
            let exit = match is_asked {
                true => self.decide(id, &mut io_of_verbs()).await?,
                false => {
                    say(&format!(
                        "\n   Without a terminal nobody can be asked, so the judgement is `{}`.\n",
                        CHOICES[0]
                    ));
                    self.judge(id, CHOICES[0], &mut quiet_io()).await
                }
            };
            match exit {
                SUCCEEDED => std::future::pending().await,
                other => Ok(other),
            }
        };
        tokio::select! {
            biased;
            exit = watching => Ok(exit),
            exit = judging => exit,
        }
    }

    async fn in_turn(&self, id: &str, io: &mut Io) -> Result<u8, Failure> {
        let exit = self.watch(id, true, io).await;
        if exit != Exit::StoppedForPerson.code() {
            return Ok(exit);
        }
        self.show_question(id).await;
        match self.decide(id, io).await? {
            SUCCEEDED => Ok(self.watch(id, false, io).await),
            other => Ok(other),
        }
    }

    /// Takes the decision of a person, here or anywhere else; how giving it went.
    async fn decide(&self, id: &str, io: &mut Io) -> Result<u8, Failure> {
        let exit = match self.ask(id, io).await? {
            Answer::Choice(choice) => self.judge(id, choice, io).await,
            Answer::Elsewhere => {
                say("Somebody else has judged.");
                SUCCEEDED
            }
            Answer::Nothing => {
                say("The judgement stays open; anybody may give it.");
                SUCCEEDED
            }
        };
        say("");
        Ok(exit)
    }

    /// What those see who have to judge.
    async fn show_question(&self, id: &str) {
        let tag = self.tag(id).await;
        match &self.inbox {
            None => say(&format!(
                "\n3. Test runs the tag {tag}. For prod the pipeline waits for a person, as long as it takes."
            )),
            Some(inbox) => {
                say(&format!(
                    "\n3. Test runs the tag {tag}, which Jenkins left in build.properties. For prod the\n   pipeline \
                     waits for a person, as long as it takes. It has asked for one by mail and in Slack:"
                ));
                inbox.show(&tag, &["mail", "slack"]).await;
                say(
                    "   (The link is for the web pages, which are not built yet. Here you answer below.)",
                );
            }
        }
    }

    async fn ask(&self, id: &str, io: &mut Io) -> Result<Answer, Failure> {
        loop {
            io.draw(&format!("\n   Your judgement, {}: ", CHOICES.join(" or ")));
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
            io.note(&format!("   {word:?} is no choice here."));
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

/// For a verb whose words are said here already; its failures are shown.
fn quiet_io() -> Io {
    let mut io = io_of_verbs();
    io.out = Box::new(std::io::sink());
    io
}
