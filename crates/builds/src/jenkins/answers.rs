//! What is asked for in XML, and what it holds. The queries are Igor's (`events.md` 11.2), but for the few of our own in `find`.

use roxmltree::{Document, Node, ParsingOptions};

use super::DEPTH_MAX;
use crate::{Artifact, Build, BuildResult, Error, Project, Revision, TestResults};

/// One build with its files.
pub(super) const ONE_BUILD: &str = "exclude=/*/action[not(totalCount)]&tree=actions[failCount,skipCount,totalCount,urlName],duration,\
     number,timestamp,result,building,url,fullDisplayName,artifacts[displayPath,fileName,relativePath]";

/// What a build was made of.
pub(super) const REVISIONS: &str = "exclude=/*/action[not(build|lastBuiltRevision)]&tree=actions[remoteUrls,lastBuiltRevision[\
     branch[name,SHA1]],build[revision[branch[name,SHA1]]]]";

/// The builds of a job.
pub(super) const BUILDS: &str = "exclude=/*/build/action[not(totalCount)]&tree=builds[number,url,duration,timestamp,result,building,\
     url,fullDisplayName,actions[failCount,skipCount,totalCount]]";

/// Most elements, attributes and texts of an answer.
const NODES_MAX: u32 = 2_000_000;

/// Most files of a build that are kept (Igor: `BuildArtifactFilter`).
const ARTIFACTS_MAX: usize = 20;

/// Files of these kinds are kept before others, in this order (Igor: `BuildArtifactFilter`).
const PREFERRED: [&str; 9] = [
    ".deb",
    ".rpm",
    ".properties",
    ".yml",
    ".json",
    ".xml",
    ".html",
    ".txt",
    ".nupkg",
];

/// Longest name of a job with its folders, in bytes: folders could be named without end.
const NAME_BYTES_MAX: usize = 4_000;

/// All jobs with their last builds.
pub(super) fn projects_query() -> String {
    let fields = "name,lastBuild[actions[failCount,skipCount,totalCount,urlName],duration,number,timestamp,result,building,url]";
    format!(
        "tree={}&exclude=/*/*/*/action[not(totalCount)]",
        nested(fields)
    )
}

/// All jobs.
pub(super) fn names_query() -> String {
    format!("tree={}", nested("name"))
}

fn nested(fields: &str) -> String {
    let mut tree = format!("jobs[{fields}]");
    for _ in 1..DEPTH_MAX {
        tree = format!("jobs[{fields},{tree}]");
    }
    tree
}

/// The document of an answer.
pub(super) fn parse(text: &str) -> Result<Document<'_>, Error> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: NODES_MAX,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).map_err(|error| Error::Unreadable {
        // The library's sentence names places and tags, not the text.
        sentence: format!("Jenkins answered what is no XML: {error}"),
        may_have_happened: false,
    })
}

/// The text of a child element.
pub(super) fn text<'n>(node: Node<'n, '_>, name: &str) -> Option<&'n str> {
    let child = node.children().find(|child| child.has_tag_name(name))?;
    Some(child.text().unwrap_or_default())
}

/// The child elements with a name.
pub(super) fn all<'n, 'd: 'n>(
    node: Node<'n, 'd>,
    name: &'static str,
) -> impl Iterator<Item = Node<'n, 'd>> {
    node.children()
        .filter(move |child| child.has_tag_name(name))
}

/// The number in a child element.
pub(super) fn number<T: std::str::FromStr>(node: Node<'_, '_>, name: &str) -> Option<T> {
    text(node, name)?.trim().parse().ok()
}

/// A crumb and, if it is said, the header that it goes in.
pub(super) fn crumb(answer: &str) -> Option<(Option<String>, String)> {
    let document = parse(answer).ok()?;
    let root = document.root_element();
    let field = text(root, "crumbRequestField").filter(|field| !field.is_empty());
    let crumb = text(root, "crumb").filter(|crumb| !crumb.is_empty())?;
    Some((field.map(str::to_owned), crumb.to_owned()))
}

/// One build.
pub(super) fn build(answer: &str, job: &str) -> Result<Build, Error> {
    let document = parse(answer)?;
    build_in(document.root_element(), job).ok_or_else(|| no_number(job))
}

/// The builds of a job, newest first.
pub(super) fn builds(answer: &str, job: &str) -> Result<Vec<Build>, Error> {
    let document = parse(answer)?;
    let builds = all(document.root_element(), "build").map(|node| build_in(node, job));
    let builds: Option<Vec<Build>> = builds.collect();
    builds.ok_or_else(|| no_number(job))
}

/// The names of all jobs, sorted. A folder that is empty looks like a job.
pub(super) fn names(answer: &str) -> Result<Vec<String>, Error> {
    let document = parse(answer)?;
    let mut names = Vec::new();
    walk(document.root_element(), "", 0, &mut |_, name| {
        names.push(name.to_owned())
    });
    names.sort_unstable();
    Ok(names)
}

/// All jobs with their last builds, in the order of the server.
pub(super) fn projects(answer: &str) -> Result<Vec<Project>, Error> {
    let document = parse(answer)?;
    let mut projects = Vec::new();
    walk(document.root_element(), "", 0, &mut |node, name| {
        let last = node
            .children()
            .find(|child| child.has_tag_name("lastBuild"));
        projects.push(Project {
            name: name.to_owned(),
            last_build: last.and_then(|last| build_in(last, name)),
        });
    });
    Ok(projects)
}

/// What was built: the layout of old versions of the git plugin and that of new ones, each commit once. Source: Igor
/// `ScmDetails.genericGitRevisions`.
pub(super) fn revisions(answer: &str) -> Result<Vec<Revision>, Error> {
    let document = parse(answer)?;
    let mut found: Vec<Revision> = Vec::new();
    for action in all(document.root_element(), "action") {
        let remote = text(action, "remoteUrl").map(str::to_owned);
        let old = all(action, "lastBuiltRevision");
        let new = all(action, "build").flat_map(|build| all(build, "revision"));
        for branch in old.chain(new).flat_map(|revision| all(revision, "branch")) {
            let (name, sha1) = (text(branch, "name"), text(branch, "SHA1"));
            let known = found.iter().any(|known| known.sha1.as_deref() == sha1);
            if known {
                continue;
            }
            found.push(Revision {
                name: name.map(str::to_owned),
                branch: name.map(|name| {
                    name.rsplit_once('/')
                        .map_or(name, |(_, last)| last)
                        .to_owned()
                }),
                sha1: sha1.map(str::to_owned),
                remote_url: remote.clone(),
                ..Revision::default()
            });
        }
    }
    Ok(found)
}

/// Calls `found` with each job that holds no others.
fn walk<'n, 'd: 'n>(
    node: Node<'n, 'd>,
    prefix: &str,
    depth: usize,
    found: &mut impl FnMut(Node<'n, 'd>, &str),
) {
    if depth == DEPTH_MAX {
        return;
    }
    for job in all(node, "job") {
        let Some(name) = text(job, "name").filter(|name| !name.is_empty()) else {
            continue;
        };
        let name = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}/job/{name}")
        };
        if name.len() > NAME_BYTES_MAX {
            continue;
        }
        if all(job, "job").next().is_some() {
            walk(job, &name, depth + 1, found);
        } else {
            found(job, &name);
        }
    }
}

fn build_in(node: Node<'_, '_>, job: &str) -> Option<Build> {
    let place: u64 = number(node, "number")?;
    let flag = |name| text(node, name).is_some_and(|text| text.trim() == "true");
    let own = |name| text(node, name).map(str::to_owned);
    Some(Build {
        building: flag("building"),
        full_display_name: own("fullDisplayName"),
        name: Some(job.to_owned()),
        number: place,
        duration: number(node, "duration"),
        timestamp_ms: number(node, "timestamp"),
        result: match text(node, "result").map(str::trim) {
            Some(word) if !word.is_empty() => BuildResult::parse(word),
            // Igor: `Build.genericBuild`.
            _ if flag("building") => Some(BuildResult::Building),
            _ => None,
        },
        artifacts: kept(node, job, place),
        test_results: tests(node),
        url: own("url"),
        id: Some(format!("{job}-{place}")),
        ..Build::default()
    })
}

fn tests(node: Node<'_, '_>) -> Vec<TestResults> {
    all(node, "action")
        .filter_map(|action| {
            Some(TestResults {
                total_count: number(action, "totalCount")?,
                fail_count: number(action, "failCount").unwrap_or(0),
                skip_count: number(action, "skipCount").unwrap_or(0),
                url_name: text(action, "urlName").map(str::to_owned),
            })
        })
        .collect()
}

/// The files of a build: all, or when they are many those of the kinds that pipelines use, then others.
fn kept(node: Node<'_, '_>, job: &str, number: u64) -> Vec<Artifact> {
    let mut files: Vec<Artifact> = all(node, "artifact")
        .map(|file| {
            let own = |name| text(file, name).map(str::to_owned);
            let relative = own("relativePath");
            Artifact {
                file_name: own("fileName"),
                display_path: own("displayPath").filter(|path| !path.is_empty()),
                reference: relative.clone(),
                relative_path: relative,
                name: Some(job.to_owned()),
                kind: Some("jenkins/file".to_owned()),
                version: Some(number.to_string()),
                decorated: false,
            }
        })
        .collect();
    if files.len() > ARTIFACTS_MAX {
        files.sort_by_key(|file| {
            let name = file.file_name.as_deref().unwrap_or_default();
            let place = PREFERRED.iter().position(|kind| name.ends_with(kind));
            place.unwrap_or(PREFERRED.len())
        });
        files.truncate(ARTIFACTS_MAX);
    }
    files
}

fn no_number(job: &str) -> Error {
    Error::Unreadable {
        sentence: format!("Jenkins described a build of job '{job}' that has no number"),
        may_have_happened: false,
    }
}
