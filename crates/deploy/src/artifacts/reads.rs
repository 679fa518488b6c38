//! Answers to the API's questions about artifacts ([`gennaker_model::artifact_reads`]): a pure exchange of bytes, whoever carries
//! them.
//!
//! | question | API |
//! |---|---|
//! | `fetch` | `PUT /artifacts/fetch` |
//! | `names` | `GET /artifacts/account/{account}/names?type=` |
//! | `versions` | `GET /artifacts/account/{account}/versions?type=&artifactName=` |

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_artifacts::{Accounts, Artifact, Error};
use gennaker_model::artifact_reads::{Answer, Question, Read, VERSION};
use serde_json::{Value, json};

/// Largest content that the API hands out, in bytes: answers over the bus have a limit, and it stands in base64.
const CONTENT_BYTES_MAX: usize = 20 << 20;

/// Answers a question, both as they are sent.
pub async fn answer(accounts: &Accounts, question: &[u8]) -> Vec<u8> {
    let answer = match serde_json::from_slice::<Question>(question) {
        Ok(question) if question.v == VERSION => reply(accounts, question.read).await,
        Ok(question) => refused(
            500,
            format!(
                "the API speaks version {} of these questions, this worker {VERSION}",
                question.v
            ),
        ),
        Err(error) => refused(400, format!("the question cannot be read: {error}")),
    };
    serde_json::to_vec(&answer).expect("an answer holds nothing that JSON cannot")
}

async fn reply(accounts: &Accounts, read: Read) -> Answer {
    let done = match read {
        Read::Fetch { artifact } => return fetch(accounts, &artifact).await,
        Read::Names { account, kind } => accounts.names(&account, &kind).await,
        Read::Versions {
            account,
            kind,
            name,
        } => accounts.versions(&account, &kind, &name).await,
    };
    match done {
        Ok(list) => found(json!(list)),
        Err(error) => said(&error),
    }
}

async fn fetch(accounts: &Accounts, artifact: &Value) -> Answer {
    let artifact = match Artifact::read(artifact) {
        Ok(artifact) => artifact,
        Err(error) => return said(&error),
    };
    match accounts.fetch(&artifact).await {
        Ok(content) if content.len() > CONTENT_BYTES_MAX => refused(
            413,
            format!(
                "the artifact has {} bytes; the API hands out at most {CONTENT_BYTES_MAX}",
                content.len()
            ),
        ),
        Ok(content) => found(json!(STANDARD.encode(content))),
        Err(error) => said(&error),
    }
}

fn found(body: Value) -> Answer {
    Answer {
        v: VERSION,
        status: 200,
        body,
    }
}

fn refused(status: u16, message: String) -> Answer {
    Answer {
        v: VERSION,
        status,
        body: json!(message),
    }
}

fn said(error: &Error) -> Answer {
    refused(error.http_status(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::testing::accounts;

    #[tokio::test]
    async fn questions_are_answered_as_clouddriver_does() {
        let accounts = accounts(
            "[[artifacts.helm_oci]]\nname = \"oci\"\naddress = \"https://r.example.com\"\nhelm_oci_repositories = [\"a/b\"]\n",
        );
        let ask = async |question: Value| {
            let answered = answer(&accounts, question.to_string().as_bytes()).await;
            let answer: Answer = serde_json::from_slice(&answered).unwrap();
            (answer.status, answer.body)
        };
        let embedded = json!({"type": "embedded/base64", "reference": "aGk="});
        let read = |read: Value| json!({"v": 1, "read": read});
        let content = ask(read(json!({"read": "fetch", "artifact": embedded}))).await;
        assert_eq!(content, (200, json!("aGk=")));
        let names = read(json!({"read": "names", "account": "oci", "kind": "helm/image"}));
        assert_eq!(ask(names).await, (200, json!(["a/b"])));
        let unknown =
            read(json!({"read": "versions", "account": "x", "kind": "helm/chart", "name": "web"}));
        let sentence = "Credentials 'x' supporting artifact type 'helm/chart' cannot be found";
        assert_eq!(ask(unknown).await, (404, json!(sentence)));
        assert_eq!(
            ask(read(json!({"read": "fetch", "artifact": []}))).await.0,
            400
        );
        assert_eq!(ask(json!({"v": 1})).await.0, 400);
        let newer = json!({"v": 2, "read": {"read": "names", "account": "a", "kind": "b"}});
        assert_eq!(ask(newer).await.0, 500);
    }
}
