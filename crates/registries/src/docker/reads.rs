//! What the API asks about images and charts (clouddriver-docker: `DockerRegistryImageController`).

use gennaker_model::registry_reads::{Answer, Find, Question, Read, VERSION};
use serde_json::{Value, json};

use super::{Accounts, Docker, Repositories};
use crate::Error;

/// Most images in one answer, and how many without a wish.
const COUNT_MAX: usize = 10_000;
const COUNT: usize = 1_000;

/// Answers a question about an account.
pub async fn answer(accounts: &Accounts, account: &str, question: &[u8]) -> Vec<u8> {
    let (status, body) = match serde_json::from_slice::<Question>(question) {
        Ok(question) if question.v == VERSION => match accounts.get(account) {
            Some(account) => match read(account, question.read).await {
                Ok(body) => (200, body),
                Err(error) => (error.status(), error.to_string().into()),
            },
            None => (404, format!("there is no account {account}").into()),
        },
        _ => (400, "the question cannot be read".into()),
    };
    let v = VERSION;
    serde_json::to_vec(&Answer { v, status, body }).expect("an answer is plain data")
}

async fn read(account: &Docker, read: Read) -> Result<Value, Error> {
    match read {
        Read::Tags { repository } => Ok(account.sorted_tags(&repository).await?.into()),
        Read::Find(find) => self::find(account, &find).await,
    }
}

/// Source: `DockerRegistryImageController.find`. Clouddriver answers from its cache of all tags; this asks the registry, and only for
/// what is wanted.
async fn find(account: &Docker, find: &Find) -> Result<Value, Error> {
    let wanted = match find.is_chart {
        true => Repositories::Charts,
        false => Repositories::Images,
    };
    let most = find
        .count
        .map_or(COUNT, |count| count.min(COUNT_MAX as u64) as usize);
    let repositories = account.repositories(wanted).await?;
    let (query_repository, query_tag) = match find.query.as_deref().map(str::trim) {
        Some(query) => query.split_once(':').map_or((query, ""), |parts| parts),
        None => ("", ""),
    };
    let mut found: Vec<Value> = Vec::new();
    for repository in repositories {
        let is_wanted = find.repository.as_ref().is_none_or(|it| *it == repository);
        if !is_wanted || !holds(&repository, query_repository) {
            continue;
        }
        for tag in account.tags(&repository).await? {
            if find.tag.as_ref().is_some_and(|it| *it != tag) || !holds(&tag, query_tag) {
                continue;
            }
            found.push(image(account, &repository, &tag, find).await?);
            if found.len() >= most {
                return Ok(found.into());
            }
        }
    }
    Ok(found.into())
}

async fn image(account: &Docker, repository: &str, tag: &str, find: &Find) -> Result<Value, Error> {
    let registry = account.registry();
    let name = format!("{registry}/{repository}");
    let kind = match find.is_chart {
        true => "helm/image",
        false => "docker/image",
    };
    let settings = account.settings();
    let mut metadata = json!({"registry": registry});
    let mut image = json!({
        "account": account.name(),
        "registry": registry,
        "repository": repository,
        "tag": tag,
        "digest": null,
        "commitId": null,
        "buildNumber": null,
        "branch": null,
    });
    if find.details && settings.track_digests {
        image["digest"] = account.digest(repository, tag).await?.into();
    }
    if find.details && settings.inspect_digests {
        let labels = account.labels(repository, tag).await?;
        for (key, value) in [
            ("commitId", labels.commit_id),
            ("buildNumber", labels.build_number),
            ("branch", labels.branch),
        ] {
            metadata[key] = value.clone().into();
            image[key] = value.into();
        }
    }
    image["artifact"] = json!({
        "type": kind,
        "name": name,
        "version": tag,
        "reference": format!("{name}:{tag}"),
        "metadata": metadata,
    });
    Ok(image)
}

/// Whether a text holds another one, in any case; stars stand for anything.
fn holds(text: &str, wanted: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut rest = text.as_str();
    wanted
        .to_ascii_lowercase()
        .split('*')
        .all(|part| match rest.find(part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
}
