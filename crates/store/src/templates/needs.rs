//! What the expansion of a template asks for, read from the documents.

use std::time::Duration;

use gennaker_templates::{Answer, Answers, Need};

use crate::{Configs, Error, Store};

/// Most documents that one expansion may ask for.
const NEEDS_MAX: usize = 40;

/// Pauses before a document is asked for again that could not be read: a broker that is away for a moment must not make a start
/// fail for good.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
    Duration::from_millis(2_700),
];

impl Store {
    /// Expands something: `step` is called with the answers that were found so far, until it asks for nothing more.
    ///
    /// An answer that cannot be had is one, too; and what asks for too much is told so.
    pub async fn expand<T>(
        &self,
        step: impl Fn(&Answers<'_>) -> Result<T, Need> + Send + Sync,
    ) -> T {
        let mut known: Vec<(Need, Answer)> = Vec::new();
        loop {
            let outcome = {
                let exhausted = known.len() >= NEEDS_MAX;
                let answers = |need: &Need| {
                    let found = known.iter().find(|(asked, _)| asked == need);
                    let too_many = || {
                        let text = format!("the template asks for more than {NEEDS_MAX} documents");
                        exhausted.then_some(Answer::Failed(text))
                    };
                    found.map(|(_, answer)| answer.clone()).or_else(too_many)
                };
                step(&answers)
            };
            match outcome {
                Ok(done) => return done,
                Err(need) => {
                    let answer = self.answer(&need).await;
                    known.push((need, answer));
                }
            }
        }
    }

    async fn answer(&self, need: &Need) -> Answer {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.found(need).await {
                Ok(found) => return found.unwrap_or(Answer::Missing),
                Err(error) => match pauses.next().filter(|_| is_passing(&error)) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Answer::Failed(error.to_string()),
                },
            }
        }
    }

    async fn found(&self, need: &Need) -> Result<Option<Answer>, Error> {
        match need {
            Need::Template(key) => {
                let found = self.template_at(key).await?;
                Ok(found.map(|it| Answer::Template(it.body)))
            }
            Need::Pipeline { application, name } => {
                id_of(self.pipelines(), application, name).await
            }
            Need::Strategy { application, name } => {
                id_of(self.strategies(), application, name).await
            }
            Need::Address(url) => Ok(Some(match self.read_address(url).await {
                Ok(text) => Answer::Text(text),
                Err(reason) => Answer::Failed(reason),
            })),
        }
    }
}

/// Whether asking again may help.
fn is_passing(error: &Error) -> bool {
    matches!(
        error,
        Error::Bus(_) | Error::Bucket { .. } | Error::NotReady
    )
}

async fn id_of(
    configs: Configs<'_>,
    application: &str,
    name: &str,
) -> Result<Option<Answer>, Error> {
    let found = configs.by_name(application, name).await?;
    Ok(found.map(|it| Answer::Id(it.id().to_owned())))
}
