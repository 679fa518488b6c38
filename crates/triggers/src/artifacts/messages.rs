//! Messages whose form is known: of buckets, registries and builds.
//!
//! Source: the templates `gcs`, `gcr`, `gcb` and `s3` of echo.

use serde_json::{Value, json};

use super::text;

/// An object of Google Cloud Storage.
pub(super) fn gcs(message: &Value) -> Option<Value> {
    let place = format!(
        "gs://{}/{}",
        text(message, "/bucket")?,
        text(message, "/name")?
    );
    Some(json!({
        "type": "gcs/object",
        "name": place,
        "version": text(message, "/generation"),
        "reference": place,
    }))
}

/// An image that was pushed to Google's registry. Deleted ones are no news.
pub(super) fn gcr(message: &Value) -> Option<Value> {
    let reference = text(message, "/digest")?;
    let (name, digest) = reference.split_once('@')?;
    (text(message, "/action") != Some("DELETE")).then(|| image(name, digest))
}

/// Images and objects of a build of Google Cloud Build.
pub(super) fn gcb(build: &Value) -> Vec<Value> {
    let list = |pointer: &str| {
        let found = build.pointer(pointer).and_then(Value::as_array);
        found.map_or(&[][..], Vec::as_slice)
    };
    let mut found: Vec<Value> = list("/results/images")
        .iter()
        .filter_map(|it| Some(image(untagged(text(it, "/name")?), text(it, "/digest")?)))
        .collect();
    let location = text(build, "/artifacts/objects/location").map(|it| it.trim_end_matches('/'));
    let files = list("/artifacts/objects/paths")
        .iter()
        .filter_map(Value::as_str);
    for path in files.filter(|path| !path.contains('*')) {
        if let (Some(location), Some(file)) = (location, path.rsplit('/').next()) {
            let place = format!("{location}/{file}");
            found.push(json!({"type": "gcs/object", "name": place, "reference": place}));
        }
    }
    found
}

/// Objects of S3. Their keys come in the spelling of forms.
pub(super) fn s3(message: &Value) -> Vec<Value> {
    let records = message.get("Records").and_then(Value::as_array);
    records
        .into_iter()
        .flatten()
        .filter_map(|record| {
            let bucket = text(record, "/s3/bucket/name")?;
            let place = format!(
                "s3://{bucket}/{}",
                unformed(text(record, "/s3/object/key")?)
            );
            Some(json!({
                "type": "s3/object",
                "name": place,
                "version": text(record, "/s3/object/versionId"),
                "location": text(record, "/awsRegion"),
                "reference": place,
                "provenance": text(record, "/s3/bucket/arn"),
            }))
        })
        .collect()
}

fn image(name: &str, digest: &str) -> Value {
    json!({"type": "docker/image", "name": name, "version": digest, "reference": format!("{name}@{digest}")})
}

/// A colon after the last slash begins a tag; one before it a port.
fn untagged(name: &str) -> &str {
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[last..].find(':') {
        Some(colon) => &name[..last + colon],
        None => name,
    }
}

/// What stands for itself again: `+` is a blank, `%41` a byte. What is no text then stays as it was.
fn unformed(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match (byte, escaped(rest.clone())) {
            (b'+', _) => out.push(b' '),
            (b'%', Some(value)) => {
                out.push(value);
                rest.nth(1);
            }
            (other, _) => out.push(other),
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// The byte that the next two digits stand for.
fn escaped(mut rest: std::str::Bytes<'_>) -> Option<u8> {
    let mut digit = || char::from(rest.next()?).to_digit(16);
    u8::try_from(digit()? * 16 + digit()?).ok()
}
