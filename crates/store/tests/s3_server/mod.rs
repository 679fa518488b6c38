//! A real S3 server, as the store is told of it and as others see it.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region},
};
use gennaker_store::S3Options;
use gennaker_testkit::s3::Server;

const REGION: &str = "us-east-1";

/// A folder of a bucket, followed closely.
pub fn options(bucket: &str, prefix: &str) -> S3Options {
    S3Options {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        region: Some(REGION.to_owned()),
        endpoint: Some(Server::shared().endpoint()),
        is_path_style: true,
        credentials: Some(Server::shared().credentials()),
        refresh_every: Duration::from_millis(100),
    }
}

/// A client that knows nothing of the store.
pub fn client() -> Client {
    let (id, secret) = Server::shared().credentials();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(REGION))
        .endpoint_url(Server::shared().endpoint())
        .force_path_style(true)
        .credentials_provider(Credentials::new(id, secret, None, None, "test"));
    Client::from_conf(config.build())
}

/// The keys of a bucket.
pub async fn keys(bucket: &str) -> Vec<String> {
    let listed = client().list_objects_v2().bucket(bucket).send();
    let listed = listed.await.unwrap();
    let keys = listed.contents().iter();
    keys.filter_map(|it| it.key().map(str::to_owned)).collect()
}
