//! Objects of buckets. Spinnaker has no such poller: there a bucket tells a queue, and a `pubsub` trigger listens to that.

use gennaker_artifacts::{Accounts, Object};
use gennaker_model::Map;
use gennaker_settings::S3Search;
use serde_json::{Value, json};

use crate::source::{BoxFuture, Id, Item, Look, Source, Trouble, Wanted};

/// The type of artifact that an object is.
const OBJECT: &str = "s3/object";

/// The objects of one bucket below one prefix. One that is written again with another content is new again.
pub struct S3 {
    id: Id,
    search: S3Search,
    accounts: Accounts,
}

impl S3 {
    /// What a search of the settings finds, through these accounts.
    #[must_use]
    pub fn new(search: S3Search, accounts: Accounts) -> Self {
        Self {
            id: Id {
                kind: "s3",
                name: search.name.clone(),
            },
            search,
            accounts,
        }
    }
}

impl Source for S3 {
    fn id(&self) -> &Id {
        &self.id
    }

    fn origin(&self) -> String {
        format!("{} {}", self.search.account, self.search.bucket)
    }

    fn scope(&self) -> String {
        self.search.prefix.clone()
    }

    fn look<'a>(&'a self, _wanted: Wanted<'a>) -> BoxFuture<'a, Result<Look, Trouble>> {
        Box::pin(async move {
            let S3Search {
                account,
                bucket,
                prefix,
                ..
            } = &self.search;
            let objects = self.accounts.objects(account, OBJECT, bucket, prefix).await;
            let objects = objects.map_err(|error| Trouble(error.to_string()))?;
            let files = objects
                .into_iter()
                .filter(|object| !object.key.ends_with('/'));
            let mut items: Vec<Item> = files.map(|object| item(&self.search, object)).collect();
            items.sort_by_key(|item| item.at_ms);
            Ok(Look {
                items,
                ..Look::default()
            })
        })
    }
}

/// The artifact is that of echo's S3 messages.
fn item(search: &S3Search, object: Object) -> Item {
    let (bucket, key) = (&search.bucket, &object.key);
    let reference = format!("s3://{bucket}/{key}");
    let mut content = Map::new();
    for (name, value) in [
        ("search", json!(search.name)),
        ("bucket", json!(bucket)),
        ("key", json!(key)),
        ("etag", json!(object.etag)),
        ("size", json!(object.size_bytes)),
        (
            "artifacts",
            Value::Array(vec![json!({
                "type": OBJECT,
                "name": reference,
                "reference": reference,
                "provenance": format!("arn:aws:s3:::{bucket}"),
                "artifactAccount": search.account,
            })]),
        ),
    ] {
        content.insert(name.to_owned(), value);
    }
    Item {
        key: object.key,
        value: Some(object.etag),
        at_ms: Some(object.modified_ms),
        content,
        ..Item::default()
    }
}
