//! Jobs, the queue, builds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::tree::Element;
use crate::http::Reply;

/// A job.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Names of folders and its own, joined with `/job/`.
    pub name: String,
    /// What it declares.
    pub parameters: Vec<Parameter>,
    /// Whether it cannot be built.
    pub disabled: bool,
    /// Whether its items stay in the queue until a test lets them go.
    pub held: bool,
    /// How long a build runs and what it ends with; without it a build runs until a test ends it.
    pub runs: Option<(Duration, String)>,
    /// The files that each build leaves: path and content, in which `{COMMIT}` stands for the build's parameter of that name.
    pub files: Vec<(String, String)>,
    /// Tests that a build has: failed, left out, all.
    pub tests: Option<(u32, u32, u32)>,
    /// What a build was made of: branch, commit, repository.
    pub commit: Option<(String, String, String)>,
}

/// A parameter of a job.
#[derive(Clone, Debug)]
pub enum Parameter {
    /// A text with its default.
    Text(String, String),
    /// One of these; the first is the default.
    Choice(String, Vec<String>),
}

/// A build as a test sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its number.
    pub number: u64,
    /// The item of the queue that it was.
    pub item: u64,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// How it ended; nothing while it runs.
    pub result: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// A request, taken apart.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) pairs: &'a [(String, String)],
    pub(super) base: &'a str,
    pub(super) user: &'a str,
}

pub(super) struct Jobs {
    quiet: Duration,
    remember: Duration,
    held: bool,
    jobs: BTreeMap<String, Job>,
    items: Vec<Item>,
    builds: Vec<Build>,
    next_item: u64,
}

struct Item {
    id: u64,
    job: String,
    parameters: Vec<(String, String)>,
    user: String,
    since: Instant,
    state: Place,
}

enum Place {
    Waiting,
    Left { number: u64, at: Instant },
    Cancelled,
}

struct Build {
    job: String,
    ran: Ran,
    user: String,
    began: Instant,
    began_ms: u128,
    duration: Duration,
}

impl Jobs {
    pub(super) fn new(quiet: Duration, remember: Duration) -> Self {
        Self {
            quiet,
            remember,
            held: false,
            jobs: BTreeMap::new(),
            items: Vec::new(),
            builds: Vec::new(),
            next_item: 1,
        }
    }

    pub(super) fn add(&mut self, job: Job) {
        self.jobs.insert(job.name.clone(), job);
    }

    pub(super) fn hold(&mut self, hold: bool) {
        self.held = hold;
    }

    pub(super) fn hold_job(&mut self, job: &str, hold: bool) {
        let job = self.jobs.get_mut(job).expect("the job exists");
        job.held = hold;
    }

    pub(super) fn builds(&mut self, job: &str) -> Vec<Ran> {
        self.advance(Instant::now());
        let mine = self.builds.iter().filter(|build| build.job == job);
        mine.map(|build| build.ran.clone()).collect()
    }

    pub(super) fn waiting(&mut self, job: &str) -> usize {
        self.advance(Instant::now());
        let mine = self.items.iter().filter(|item| item.job == job);
        mine.filter(|item| matches!(item.state, Place::Waiting))
            .count()
    }

    pub(super) fn finish(&mut self, job: &str, number: u64, result: &str) {
        self.advance(Instant::now());
        let build = self.build_mut(job, number).expect("the build exists");
        build.end(result);
    }

    pub(super) fn press(&mut self, job: &str, user: &str) {
        let parameters = self.filled(job, &[]).expect("the defaults are good");
        self.enqueue(job, parameters, user);
    }

    /// Lets time pass: items become builds, builds end, items are forgotten.
    pub(super) fn advance(&mut self, now: Instant) {
        for item in &mut self.items {
            let due = now.duration_since(item.since) >= self.quiet;
            let held = self.held || self.jobs.get(&item.job).is_some_and(|job| job.held);
            if !due || held || !matches!(item.state, Place::Waiting) {
                continue;
            }
            let earlier = self.builds.iter().filter(|build| build.job == item.job);
            let number = earlier.map(|build| build.ran.number).max().unwrap_or(0) + 1;
            item.state = Place::Left { number, at: now };
            self.builds.push(Build {
                job: item.job.clone(),
                ran: Ran {
                    number,
                    item: item.id,
                    parameters: item.parameters.iter().cloned().collect(),
                    result: None,
                    description: None,
                },
                user: item.user.clone(),
                began: now,
                began_ms: SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_millis()),
                duration: Duration::ZERO,
            });
        }
        for build in self
            .builds
            .iter_mut()
            .filter(|build| build.ran.result.is_none())
        {
            let Some((time, result)) = self.jobs.get(&build.job).and_then(|job| job.runs.clone())
            else {
                continue;
            };
            if now.duration_since(build.began) >= time {
                build.end(&result);
            }
        }
        let remember = self.remember;
        self.items.retain(|item| match item.state {
            Place::Left { at, .. } => now.duration_since(at) < remember,
            Place::Waiting | Place::Cancelled => true,
        });
    }

    pub(super) fn answer(&mut self, asked: &Asked<'_>) -> Reply {
        match asked.path {
            "/api/xml" => shown(self.root(asked.base), asked.pairs),
            "/queue/api/xml" => shown(self.queue(asked.base), asked.pairs),
            "/queue/cancelItem" => self.cancel(asked),
            path => {
                let item = path
                    .strip_prefix("/queue/item/")
                    .and_then(|rest| rest.strip_suffix("/api/xml"));
                if let Some(id) = item {
                    return self.one_item(id, asked.base);
                }
                self.of_job(asked)
            }
        }
    }

    fn of_job(&mut self, asked: &Asked<'_>) -> Reply {
        let Some(path) = asked.path.strip_prefix("/job/") else {
            return not_found();
        };
        // The longest name that fits.
        let name = self.jobs.keys().rev().find(|name| {
            let rest = path.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        });
        let Some(name) = name.cloned() else {
            return not_found();
        };
        let rest = &path[name.len() + 1..];
        let is_post = asked.method == "POST";
        match rest {
            "api/xml" => shown(self.job(&name, asked.base), asked.pairs),
            "build" | "buildWithParameters" if !is_post => {
                Reply::status(405, "This URL requires POST")
            }
            "build" => self.start(&name, asked, false),
            "buildWithParameters" => self.start(&name, asked, true),
            _ => {
                let (number, rest) = rest.split_once('/').unwrap_or((rest, ""));
                let number = if number == "lastCompletedBuild" {
                    let over = self
                        .builds
                        .iter()
                        .filter(|it| it.job == name && it.ran.result.is_some());
                    over.map(|build| build.ran.number).max()
                } else {
                    number.parse().ok()
                };
                match number {
                    Some(number) => self.of_build(&name, number, rest, asked),
                    None => not_found(),
                }
            }
        }
    }

    fn of_build(&mut self, job: &str, number: u64, rest: &str, asked: &Asked<'_>) -> Reply {
        let files = self.jobs[job].files.clone();
        let base = asked.base;
        let Some(build) = self.build_mut(job, number) else {
            return not_found();
        };
        let is_post = asked.method == "POST";
        if let Some(path) = rest.strip_prefix("artifact/") {
            let file = files.iter().find(|(name, _)| name == path);
            return match (file, &build.ran.result) {
                (Some((_, content)), Some(_)) => Reply::ok(&build.filled(content)),
                _ => not_found(),
            };
        }
        match rest {
            "api/xml" => {
                let element = self.build(job, number).expect("it was found").element(
                    &self.jobs[job],
                    base,
                    None,
                );
                shown(element, asked.pairs)
            }
            "consoleText" => Reply::ok("Started\nFinished\n"),
            "stop" | "submitDescription" if !is_post => {
                Reply::status(405, "This URL requires POST")
            }
            "stop" => {
                build.end("ABORTED");
                Reply::redirect(&format!("{base}/job/{job}/"))
            }
            "submitDescription" => match pair(asked.pairs, "description") {
                Some(text) => {
                    build.ran.description = Some(text.to_owned());
                    Reply::redirect(&format!("{base}/job/{job}/{number}/"))
                }
                None => Reply::status(400, "Required parameter description is missing"),
            },
            _ => not_found(),
        }
    }

    fn start(&mut self, name: &str, asked: &Asked<'_>, with_parameters: bool) -> Reply {
        let job = &self.jobs[name];
        if job.disabled {
            return Reply::status(409, &format!("{name} is not buildable"));
        }
        let parameters = match (with_parameters, job.parameters.is_empty()) {
            (true, true) => return Reply::status(500, "This build is not parameterized!"),
            (false, false) => return Reply::status(400, "Nothing is submitted"),
            (false, true) => Vec::new(),
            (true, false) => match self.filled(name, asked.pairs) {
                Ok(parameters) => parameters,
                Err(sentence) => return Reply::status(500, &sentence),
            },
        };
        let item = self.enqueue(name, parameters, asked.user);
        Reply::status(201, "").with("Location", &format!("{}/queue/item/{item}/", asked.base))
    }

    /// The declared parameters with what was given for them; the rest of what was given is dropped.
    fn filled(
        &self,
        job: &str,
        given: &[(String, String)],
    ) -> Result<Vec<(String, String)>, String> {
        let declared = self.jobs[job].parameters.iter();
        declared
            .map(|parameter| match parameter {
                Parameter::Text(name, usual) => {
                    let value = pair(given, name).unwrap_or(usual);
                    Ok((name.clone(), value.to_owned()))
                }
                Parameter::Choice(name, choices) => {
                    let usual = choices.first().map_or("", String::as_str);
                    let value = pair(given, name).unwrap_or(usual).to_owned();
                    if choices.contains(&value) {
                        Ok((name.clone(), value))
                    } else {
                        Err(format!("Illegal choice for parameter {name}: {value}"))
                    }
                }
            })
            .collect()
    }

    fn enqueue(&mut self, job: &str, parameters: Vec<(String, String)>, user: &str) -> u64 {
        let same = |item: &&Item| {
            matches!(item.state, Place::Waiting) && item.job == job && item.parameters == parameters
        };
        if let Some(item) = self.items.iter().find(same) {
            return item.id;
        }
        let id = self.next_item;
        self.next_item += 1;
        self.items.push(Item {
            id,
            job: job.to_owned(),
            parameters,
            user: user.to_owned(),
            since: Instant::now(),
            state: Place::Waiting,
        });
        self.advance(Instant::now());
        id
    }

    fn cancel(&mut self, asked: &Asked<'_>) -> Reply {
        if asked.method != "POST" {
            return Reply::status(405, "This URL requires POST");
        }
        let id = pair(asked.pairs, "id").and_then(|id| id.parse::<u64>().ok());
        let waiting = self
            .items
            .iter_mut()
            .find(|item| Some(item.id) == id && matches!(item.state, Place::Waiting));
        match waiting {
            Some(item) => {
                item.state = Place::Cancelled;
                Reply::status(204, "")
            }
            None => Reply::status(404, ""),
        }
    }

    fn one_item(&self, id: &str, base: &str) -> Reply {
        let item = self.items.iter().find(|item| item.id.to_string() == id);
        let Some(item) = item else {
            return not_found();
        };
        let mut children = vec![Element::value("id", item.id)];
        let tag = match &item.state {
            Place::Waiting => {
                children.push(Element::value(
                    "why",
                    "In the quiet period. Expires in 1 sec",
                ));
                "waitingItem"
            }
            Place::Cancelled => {
                children.push(Element::value("cancelled", true));
                "leftItem"
            }
            Place::Left { number, .. } => {
                children.push(Element::value("cancelled", false));
                let url = format!("{base}/job/{}/{number}/", item.job);
                let executable = vec![Element::value("number", number), Element::value("url", url)];
                children.push(Element::object("executable", executable));
                "leftItem"
            }
        };
        shown(Element::of(tag, children), &[])
    }

    fn queue(&self, base: &str) -> Element {
        let waiting = self
            .items
            .iter()
            .filter(|item| matches!(item.state, Place::Waiting));
        let items = waiting.map(|item| {
            let url = format!("{base}/job/{}/", item.job.replace(' ', "%20"));
            let task = Element::object("task", vec![Element::value("url", url)]);
            let mut children = vec![Element::value("id", item.id), task];
            children.extend(actions(&item.parameters, &item.user));
            Element::item("items", "item", children)
        });
        Element::of("queue", items.collect())
    }

    fn root(&self, base: &str) -> Element {
        let names: Vec<(Vec<&str>, &Job)> = self
            .jobs
            .values()
            .map(|job| (job.name.split("/job/").collect(), job))
            .collect();
        Element::of("hudson", self.folder(&names, 0, base))
    }

    /// The jobs and folders at this depth, all of whose names begin alike.
    fn folder(&self, names: &[(Vec<&str>, &Job)], depth: usize, base: &str) -> Vec<Element> {
        let mut found = Vec::new();
        let mut rest = names;
        while let Some((first, job)) = rest.first() {
            let alike = rest
                .iter()
                .take_while(|(name, _)| name[depth] == first[depth])
                .count();
            let (these, others) = rest.split_at(alike);
            rest = others;
            let mut children = vec![Element::value("name", first[depth])];
            if first.len() == depth + 1 {
                let last = self.builds.iter().rfind(|build| build.job == job.name);
                children.extend(last.map(|build| build.element(job, base, Some("lastBuild"))));
            } else {
                children.extend(self.folder(these, depth + 1, base));
            }
            found.push(Element::item("jobs", "job", children));
        }
        found
    }

    fn job(&self, name: &str, base: &str) -> Element {
        let job = &self.jobs[name];
        let own = name.rsplit("/job/").next().unwrap_or(name);
        let mut children = vec![
            Element::item("actions", "action", Vec::new()),
            Element::value("description", ""),
            Element::value("displayName", own),
            Element::value("name", own),
            Element::value("url", format!("{base}/job/{name}/")),
            Element::value("buildable", !job.disabled),
            Element::value("color", if job.disabled { "disabled" } else { "blue" }),
            Element::value("concurrentBuild", false),
        ];
        let declared: Vec<Element> = job.parameters.iter().map(Parameter::element).collect();
        children.push(Element::item(
            "property",
            "property",
            vec![Element::value("other", 1)],
        ));
        if !declared.is_empty() {
            children.push(Element::item("property", "property", declared));
        }
        let builds = self.builds.iter().filter(|build| build.job == name).rev();
        children.extend(builds.map(|build| build.element(job, base, Some("builds"))));
        Element::of("freeStyleProject", children)
    }

    fn build(&self, job: &str, number: u64) -> Option<&Build> {
        let mut builds = self.builds.iter();
        builds.find(|build| build.job == job && build.ran.number == number)
    }

    fn build_mut(&mut self, job: &str, number: u64) -> Option<&mut Build> {
        let mut builds = self.builds.iter_mut();
        builds.find(|build| build.job == job && build.ran.number == number)
    }
}

impl Build {
    fn filled(&self, content: &str) -> String {
        let parameters = self.ran.parameters.iter();
        parameters.fold(content.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    fn end(&mut self, result: &str) {
        if self.ran.result.is_none() {
            self.ran.result = Some(result.to_owned());
            self.duration = self.began.elapsed();
        }
    }

    fn element(&self, job: &Job, base: &str, within: Option<&'static str>) -> Element {
        let (number, name) = (self.ran.number, &self.job);
        let own = name.rsplit("/job/").next().unwrap_or(name);
        let mut children = actions_of(&self.ran.parameters, &self.user);
        if let Some((failed, skipped, all)) = job.tests {
            let tests = vec![
                Element::value("failCount", failed),
                Element::value("skipCount", skipped),
                Element::value("totalCount", all),
                Element::value("urlName", "testReport"),
            ];
            children.push(Element::item("actions", "action", tests));
        }
        if let Some((branch, sha1, remote)) = &job.commit {
            let branch = vec![Element::value("SHA1", sha1), Element::value("name", branch)];
            let revision = vec![Element::item("branch", "branch", branch)];
            let git = vec![
                Element::object("lastBuiltRevision", revision.clone()),
                Element::item_value("remoteUrls", "remoteUrl", remote),
            ];
            children.push(Element::item("actions", "action", git));
        }
        for (path, _) in job.files.iter().filter(|_| self.ran.result.is_some()) {
            let file = path.rsplit('/').next().unwrap_or(path);
            let artifact = vec![
                Element::value("displayPath", file),
                Element::value("fileName", file),
                Element::value("relativePath", path),
            ];
            children.push(Element::item("artifacts", "artifact", artifact));
        }
        children.extend([
            Element::value("building", self.ran.result.is_none()),
            Element::value("duration", self.duration.as_millis()),
            Element::value("fullDisplayName", format!("{own} #{number}")),
            Element::value("number", number),
            Element::value("queueId", self.ran.item),
            Element::value("timestamp", self.began_ms),
            Element::value("url", format!("{base}/job/{name}/{number}/")),
        ]);
        children.extend(
            self.ran
                .result
                .iter()
                .map(|result| Element::value("result", result)),
        );
        match within {
            None => Element::of("freeStyleBuild", children),
            Some("lastBuild") => Element::object("lastBuild", children),
            Some(list) => Element::item(list, "build", children),
        }
    }
}

impl Parameter {
    fn element(&self) -> Element {
        let (name, kind, usual, choices): (_, _, _, &[String]) = match self {
            Self::Text(name, usual) => (name, "StringParameterDefinition", usual.as_str(), &[]),
            Self::Choice(name, choices) => {
                let usual = choices.first().map_or("", String::as_str);
                (name, "ChoiceParameterDefinition", usual, choices)
            }
        };
        let mut children = vec![
            Element::object(
                "defaultParameterValue",
                vec![Element::value("name", name), Element::value("value", usual)],
            ),
            Element::value("description", ""),
            Element::value("name", name),
            Element::value("type", kind),
        ];
        children.extend(
            choices
                .iter()
                .map(|choice| Element::item_value("choices", "choice", choice)),
        );
        Element::item("parameterDefinitions", "parameterDefinition", children)
    }
}

fn actions_of(parameters: &BTreeMap<String, String>, user: &str) -> Vec<Element> {
    let list: Vec<_> = parameters
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    actions(&list, user)
}

fn actions(parameters: &[(String, String)], user: &str) -> Vec<Element> {
    let mut found = Vec::new();
    if !parameters.is_empty() {
        let parameters = parameters.iter().map(|(name, value)| {
            let pair = vec![Element::value("name", name), Element::value("value", value)];
            Element::item("parameters", "parameter", pair)
        });
        found.push(Element::item("actions", "action", parameters.collect()));
    }
    let cause = vec![
        Element::value("shortDescription", format!("Started by user {user}")),
        Element::value("userId", user),
    ];
    let causes = vec![Element::item("causes", "cause", cause)];
    found.push(Element::item("actions", "action", causes));
    found
}

fn shown(element: Element, pairs: &[(String, String)]) -> Reply {
    match element.shown(pairs) {
        Ok(text) => Reply::ok(&text).with("Content-Type", "application/xml;charset=utf-8"),
        Err(sentence) => Reply::status(400, &sentence),
    }
}

fn not_found() -> Reply {
    Reply::status(
        404,
        "<html><head><title>Error 404 Not Found</title></head></html>",
    )
}

fn pair<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}
