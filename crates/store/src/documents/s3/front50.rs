//! Documents as Front50 stores them: what it takes from the object instead of the document is put in.

use bytes::Bytes;
use gennaker_model::Map;

use crate::{Kind, stamp};

/// The document with the time of its last change, which in Front50 is the object's. One that cannot be read stays as it is.
pub(crate) fn completed(kind: Kind, raw: Bytes, time_ms: i64) -> Bytes {
    let Ok(mut body) = serde_json::from_slice::<Map>(&raw) else {
        return raw;
    };
    stamp::set_updated(kind, &mut body, time_ms);
    serde_json::to_vec(&body).map_or(raw, Bytes::from)
}

/// A canary configuration as Kayenta stores it: its id is that of its folder, and its time stands in it, unless a person wrote it.
pub(super) fn completed_config(id: &str, raw: Bytes, time_ms: i64) -> Bytes {
    let Ok(mut body) = serde_json::from_slice::<Map>(&raw) else {
        return raw;
    };
    let at = jiff::Timestamp::from_millisecond(time_ms).unwrap_or_default();
    for (field, value) in [
        ("id", id.into()),
        ("updatedTimestamp", time_ms.into()),
        ("updatedTimestampIso", at.to_string().into()),
    ] {
        if body.get(field).is_none_or(serde_json::Value::is_null) {
            body.insert(field.to_owned(), value);
        }
    }
    serde_json::to_vec(&body).map_or(raw, Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_objects_time_wins() {
        let stored = Bytes::from_static(br#"{"updateTs":"1","name":"x"}"#);
        assert_eq!(
            completed(Kind::Pipeline, stored.clone(), 5),
            r#"{"updateTs":"5","name":"x"}"#
        );
        assert_eq!(
            completed(Kind::Project, stored, 5),
            r#"{"updateTs":5,"name":"x"}"#
        );
        assert_eq!(completed(Kind::Project, "[".into(), 5), "[");
    }
}
