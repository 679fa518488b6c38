//! Finding builds: what became of an item of the queue, and whether a start arrived.

use super::answers::{all, number, parse, text};
use super::{Jenkins, path};
use crate::{Error, Queued, Start, Started};
use roxmltree::Node;

/// Items of the queue, with what tells whose they are.
const QUEUE: &str = "tree=items[id,task[url],actions[parameters[name,value],causes[userId]]]";

/// The latest builds of a job, with the same. What is looked for was started minutes ago.
const BUILDS: &str =
    "tree=builds[number,queueId,actions[parameters[name,value],causes[userId]]]%7B0,200%7D";

/// The latest builds of a job and where they stood in the queue.
const NUMBERS: &str = "tree=builds[number,queueId]%7B0,1000%7D";

/// A build, or what will be one.
struct Candidate {
    item: Option<u64>,
    number: Option<u64>,
    parameters: Vec<(String, Option<String>)>,
    users: Vec<String>,
}

impl Jenkins {
    /// Where an item of the queue stands.
    pub(super) async fn place_of(&self, job: &str, item: &str) -> Result<Queued, Error> {
        let item = path::item(item)?;
        let missing = || format!("Queue item '{item}' not found");
        let answer = self
            .calls
            .xml(&format!("queue/item/{item}/api/xml"), "", missing)
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            // Jenkins forgets items that became builds.
            Err(Error::NotFound(sentence)) => {
                let number = self.number_of(job, item).await?;
                return number.map(Queued::Number).ok_or(Error::NotFound(sentence));
            }
            Err(error) => return Err(error),
        };
        let document = parse(&answer)?;
        let root = document.root_element();
        if text(root, "cancelled").is_some_and(|text| text.trim() == "true") {
            return Ok(Queued::Cancelled);
        }
        let executable = all(root, "executable").next();
        let number = executable.and_then(|executable| number(executable, "number"));
        let why = text(root, "why").filter(|why| !why.trim().is_empty());
        Ok(number.map_or_else(|| Queued::Waiting(why.map(str::to_owned)), Queued::Number))
    }

    /// The highest item of the queue that the job has had: whatever is started now gets a higher one. Nothing for a job that takes
    /// the token.
    pub(super) async fn mark_of(&self, start: &Start) -> Result<Option<String>, Error> {
        if self
            .config(&start.job)
            .await?
            .declared(&self.token_parameter)
            .is_some()
        {
            return Ok(None);
        }
        let found = self.candidates(&start.job).await?;
        let highest = found.iter().filter_map(|candidate| candidate.item).max();
        Ok(Some(highest.unwrap_or(0).to_string()))
    }

    /// The build of a start, if it arrived.
    pub(super) async fn find_build(&self, start: &Start) -> Result<Option<Started>, Error> {
        let config = self.config(&start.job).await?;
        let found = self.candidates(&start.job).await?;
        let ours = &self.token_parameter;
        if config.declared(ours).is_some() {
            let carries = |candidate: &&Candidate| {
                let mut parameters = candidate.parameters.iter();
                parameters
                    .any(|(name, value)| name == ours && value.as_deref() == Some(&start.token))
            };
            return Ok(found.iter().find(carries).map(Candidate::started));
        }
        let before = start
            .before
            .as_deref()
            .and_then(|before| before.parse::<u64>().ok());
        let Some(before) = before else {
            return Err(Error::NotSupported(format!(
                "job '{}' does not declare the parameter {ours}, so that its builds cannot be told apart",
                start.job
            )));
        };
        let mut mine = found.iter().filter(|candidate| {
            candidate.item.is_some_and(|item| item > before)
                && self.is_by_us(candidate)
                && start.parameters.iter().all(|wanted| candidate.has(wanted))
        });
        match (mine.next(), mine.next()) {
            (None, _) => Ok(None),
            (Some(one), None) => Ok(Some(one.started())),
            (Some(_), Some(_)) => Err(Error::NotSupported(format!(
                "several builds of job '{}' could be the one that was started: it does not declare the parameter {ours}",
                start.job
            ))),
        }
    }

    /// What the job has in the queue and what it has built lately. The queue comes first: what leaves it meanwhile is a build then.
    async fn candidates(&self, job: &str) -> Result<Vec<Candidate>, Error> {
        let missing = || format!("Job '{job}' not found");
        let queue = self.calls.xml("queue/api/xml", QUEUE, missing).await?;
        let builds = format!("{}/api/xml", path::job(job)?);
        let builds = self.calls.xml(&builds, BUILDS, missing).await?;
        let (queue, builds) = (parse(&queue)?, parse(&builds)?);
        let mut found: Vec<Candidate> = all(builds.root_element(), "build")
            .map(|node| Candidate {
                item: number(node, "queueId"),
                number: number(node, "number"),
                ..Candidate::read(node)
            })
            .collect();
        for node in all(queue.root_element(), "item") {
            let address = all(node, "task").find_map(|task| text(task, "url"));
            let item: Option<u64> = number(node, "id");
            let known = found.iter().any(|build| build.item == item);
            if !known && address.is_some_and(|address| path::is_job(address, job)) {
                found.push(Candidate {
                    item,
                    ..Candidate::read(node)
                });
            }
        }
        Ok(found)
    }

    /// The number of the build that an item of the queue became.
    async fn number_of(&self, job: &str, item: u64) -> Result<Option<u64>, Error> {
        let path = format!("{}/api/xml", path::job(job)?);
        let missing = || format!("Job '{job}' not found");
        let answer = self.calls.xml(&path, NUMBERS, missing).await?;
        let document = parse(&answer)?;
        let mut builds = all(document.root_element(), "build");
        let found = builds.find(|build| number(*build, "queueId") == Some(item));
        Ok(found.and_then(|build| number(build, "number")))
    }

    /// Whether a build was begun by our user; where we have no name, nobody can tell.
    fn is_by_us(&self, candidate: &Candidate) -> bool {
        match &self.user {
            Some(user) => candidate
                .users
                .iter()
                .any(|it| it.eq_ignore_ascii_case(user)),
            None => true,
        }
    }
}

impl Candidate {
    fn read(node: Node<'_, '_>) -> Self {
        let actions = || all(node, "action");
        let parameters = actions().flat_map(|action| all(action, "parameter"));
        let causes = actions().flat_map(|action| all(action, "cause"));
        Self {
            item: None,
            number: None,
            parameters: parameters
                .filter_map(|it| {
                    Some((
                        text(it, "name")?.to_owned(),
                        text(it, "value").map(str::to_owned),
                    ))
                })
                .collect(),
            users: causes
                .filter_map(|it| text(it, "userId").map(str::to_owned))
                .collect(),
        }
    }

    /// Whether it has this parameter with this value, as far as Jenkins shows it: passwords have no value there, and what the job
    /// does not declare is dropped.
    fn has(&self, (name, value): &(String, String)) -> bool {
        let shown = self.parameters.iter().find(|(it, _)| it == name);
        shown.is_none_or(|(_, shown)| shown.as_ref().is_none_or(|shown| shown == value))
    }

    fn started(&self) -> Started {
        match (self.item, self.number) {
            (Some(item), _) => Started::Queued(item.to_string()),
            (None, number) => Started::Running(number.unwrap_or(0)),
        }
    }
}
