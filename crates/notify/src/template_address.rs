//! Templates at addresses, read for whoever expands them: the owner that starts a pipeline, the API that plans one.
//!
//! Source: orca `HttpTemplateSchemeLoader`, `FileTemplateSchemeLoader`. Orca reads any file that its process can read; here operators
//! name the folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use gennaker_model::ask::{ADDRESS, AddressRead, ReadAddress, VERSION};
use gennaker_outbound::{Client, Request};
use gennaker_worker::{Answers, BoxFuture};

use crate::{
    address::{Verdict, judge},
    limits::{CALL_MS_MAX, RESPONSE_BYTES_MAX},
};

/// Reads templates.
pub(crate) struct ReadTemplates {
    client: Client,
    folder: Option<PathBuf>,
    again_after: Duration,
}

impl ReadTemplates {
    pub(crate) fn new(client: Client, folder: Option<PathBuf>, again_after: Duration) -> Self {
        Self {
            client,
            folder,
            again_after,
        }
    }

    async fn read(&self, question: &[u8]) -> Result<String, String> {
        let question: ReadAddress = serde_json::from_slice(question)
            .map_err(|error| format!("the question cannot be read: {error}"))?;
        if question.v != VERSION {
            let v = question.v;
            return Err(format!(
                "questions of version {v} are not understood; this is version {VERSION}"
            ));
        }
        match url::Url::parse(&question.url) {
            Ok(url) if url.scheme() == "file" => self.file(&url).await,
            Ok(_) | Err(_) => self.address(&question.url).await,
        }
    }

    async fn address(&self, url: &str) -> Result<String, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            let request = Request::get(url)
                .header("Accept", "*/*")
                .response_bytes_max(RESPONSE_BYTES_MAX)
                .timeout(Duration::from_millis(CALL_MS_MAX));
            match judge(url, &self.client.send(request).await, tries) {
                Verdict::Text(text) => return Ok(text),
                Verdict::Failed(problem) => return Err(problem.reason),
                Verdict::Again => tokio::time::sleep(self.again_after).await,
            }
        }
    }

    async fn file(&self, url: &url::Url) -> Result<String, String> {
        let folder = self.folder.as_deref();
        let folder = folder.ok_or(
            "templates are not read from files: the setting worker.template_folder names none",
        )?;
        let path = url.to_file_path();
        let path = path.map_err(|()| format!("{url} names no file of this machine"))?;
        within(folder, &path)
            .await
            .ok_or_else(|| format!("{url} is no file in the folder of templates"))
    }
}

impl Answers for ReadTemplates {
    fn about(&self) -> &'static str {
        ADDRESS
    }

    fn answer<'a>(&'a self, question: Bytes) -> BoxFuture<'a, Bytes> {
        Box::pin(async move {
            let read = match self.read(&question).await {
                Ok(text) => AddressRead::Text(text),
                Err(reason) => AddressRead::Failed(reason),
            };
            serde_json::to_vec(&read).unwrap_or_default().into()
        })
    }
}

/// What stands in a file of the folder, wherever links lead. That there is no such file, that it is elsewhere, and that it is no
/// text are not told apart: the answer goes to whoever may save a pipeline.
async fn within(folder: &Path, path: &Path) -> Option<String> {
    let folder = tokio::fs::canonicalize(folder).await.ok()?;
    let path = tokio::fs::canonicalize(path).await.ok()?;
    let known = tokio::fs::metadata(&path).await.ok()?;
    let is_inside = path.starts_with(&folder) && known.is_file();
    if !is_inside || known.len() > RESPONSE_BYTES_MAX {
        return None;
    }
    tokio::fs::read_to_string(&path).await.ok()
}

#[cfg(test)]
mod tests {
    use gennaker_outbound::{Exceptions, Policy};
    use gennaker_templates::{Answer, Need};
    use serde_json::json;

    use super::*;
    use crate::testing::{Target, answer};

    fn reads(folder: Option<&Path>) -> ReadTemplates {
        let exceptions = Exceptions {
            allow_loopback: true,
            ..Exceptions::default()
        };
        let policy = Policy::untrusted(&exceptions).unwrap();
        let client = Client::new(policy, crate::client_options()).unwrap();
        ReadTemplates::new(client, folder.map(Path::to_owned), Duration::from_millis(5))
    }

    async fn ask(reads: &ReadTemplates, url: &str) -> AddressRead {
        let question = json!({"v": 1, "url": url}).to_string();
        let answer = reads.answer(Bytes::from(question)).await;
        serde_json::from_slice(&answer).unwrap()
    }

    #[tokio::test]
    async fn an_address_is_read_and_tried_once_more() {
        let target = Target::answering([
            answer(503, "", ""),
            answer(200, "", "schema: v2"),
            answer(404, "", ""),
        ])
        .await;
        let reads = reads(None);
        let url = format!("{}/t.yml", target.url);
        assert_eq!(
            ask(&reads, &url).await,
            AddressRead::Text("schema: v2".into())
        );
        let AddressRead::Failed(reason) = ask(&reads, &url).await else {
            panic!()
        };
        assert!(reason.contains("status 404"), "{reason}");
        assert_eq!(target.got().len(), 3);
    }

    #[tokio::test]
    async fn addresses_that_the_policy_refuses_are_not_read() {
        let reads = reads(None);
        for url in ["http://169.254.169.254/latest", "ftp://x.io/t", "nonsense"] {
            let answer = ask(&reads, url).await;
            assert!(
                matches!(answer, AddressRead::Failed(_)),
                "{url}: {answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn files_are_read_from_the_folder_of_the_operator_only() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        std::fs::write(path.join("t.yml"), "schema: '1'").unwrap();
        let url = |name: &str| format!("file://{}/{name}", path.display());
        let text = AddressRead::Text("schema: '1'".into());
        let reads_it = reads(Some(&path));
        assert_eq!(ask(&reads_it, &url("t.yml")).await, text);
        let elsewhere = format!("file://{}/secret", outside.path().display());
        for refused in [
            url("gone.yml"),
            url("../../etc/passwd"),
            elsewhere,
            url(""),
            "file://host/t.yml".to_owned(),
        ] {
            let AddressRead::Failed(reason) = ask(&reads_it, &refused).await else {
                panic!("{refused} was read");
            };
            assert!(reason.contains("no file"), "{reason}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outside.path().join("secret"), path.join("link")).unwrap();
            assert!(matches!(
                ask(&reads_it, &url("link")).await,
                AddressRead::Failed(_)
            ));
        }
        let AddressRead::Failed(reason) = ask(&reads(None), &url("t.yml")).await else {
            panic!()
        };
        assert!(reason.contains("worker.template_folder"), "{reason}");
    }

    #[tokio::test]
    async fn whoever_expands_a_template_gets_it_from_a_worker() {
        let target = Target::answering([answer(200, "", "schema: '1'")]).await;
        let fixture = crate::testing::Fixture::new().await;
        let address = Need::Address(format!("{}/t.yml", target.url));
        let expanded = fixture.store.expand(|answers| match answers(&address) {
            Some(answer) => Ok(answer),
            None => Err(address.clone()),
        });
        assert_eq!(expanded.await, Answer::Text("schema: '1'".into()));
    }

    #[tokio::test]
    async fn a_question_that_makes_no_sense_is_told_so() {
        let reads = reads(None);
        for question in ["", "{}", r#"{"v": 2, "url": "https://x.io"}"#] {
            let answer = reads.answer(Bytes::from(question)).await;
            let read: AddressRead = serde_json::from_slice(&answer).unwrap();
            assert!(
                matches!(read, AddressRead::Failed(_)),
                "{question}: {read:?}"
            );
        }
    }
}
