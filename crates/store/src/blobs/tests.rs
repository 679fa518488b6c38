use bytes::Bytes;
use gennaker_bus::{Bus, Layout, memory::Broker};
use serde_json::{Value, json};

use super::*;

const EXECUTION: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

async fn fixture() -> (Broker, Blobs) {
    let broker = Broker::new(3);
    let bus = Bus::memory(&broker, "scheduler");
    bus.bootstrap(&Layout::default()).await.unwrap();
    (broker, Blobs::kv(&bus))
}

fn records(broker: &Broker) -> usize {
    broker.messages("KV_gk_values").len()
}

fn text(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// What is left of a document, and how many values were cut.
fn rest(value: &Value) -> (Value, usize) {
    match cut(&text(value), EXECUTION) {
        None => (value.clone(), 0),
        Some(cut) => {
            let rest = serde_json::from_str(cut.sealed.json()).unwrap();
            (rest, cut.values().count())
        }
    }
}

fn long() -> String {
    "x".repeat(SEAL_FROM)
}

#[test]
fn what_is_short_is_left_as_it_is() {
    let mut text = text(&json!({"a": "x".repeat(SEAL_FROM - 8)}));
    assert_eq!(text.len(), SEAL_FROM);
    assert!(cut(&text, EXECUTION).is_none());
    text.insert(6, b'x');
    assert!(
        cut(&text, EXECUTION).is_none(),
        "the value alone is no longer than the limit"
    );
    text.splice(6..6, *b"xxxxxxx");
    assert_eq!(
        cut(&text, EXECUTION).unwrap().sealed.json(),
        r#"{"a":null}"#
    );
}

#[test]
fn large_values_are_cut_where_they_stand_and_small_ones_beside_them_stay() {
    let document = json!({"e": [{"context": {
        "before": [1, {"a\"\\": "b"}],
        "manifests": [{"data": {"x": long()}}, {"small": true}],
        "after": "é\u{1F600}\n",
        "": null,
    }}]});
    let (rest, values) = rest(&document);
    assert_eq!(values, 1);
    let mut expected = document.clone();
    expected["e"][0]["context"]["manifests"][0]["data"]["x"] = Value::Null;
    assert_eq!(rest, expected);
}

#[test]
fn a_large_list_of_small_values_is_one_value() {
    let list: Vec<Value> = (0..3_000)
        .map(|n| json!({"kind": "ConfigMap", "n": n}))
        .collect();
    let (rest, values) = rest(&json!({"context": {"manifests": list, "a": 1}}));
    assert_eq!(
        (rest, values),
        (json!({"context": {"manifests": null, "a": 1}}), 1)
    );
}

#[test]
fn a_value_that_stays_large_without_its_own_large_values_is_cut_whole() {
    let mut list: Vec<Value> = (0..3_000)
        .map(|n| json!({"kind": "ConfigMap", "n": n}))
        .collect();
    list.insert(7, json!(long()));
    let (rest, values) = rest(&json!({"context": {"manifests": list}}));
    assert_eq!((rest, values), (json!({"context": {"manifests": null}}), 1));
}

#[test]
fn frames_stay_until_the_whole_is_too_large() {
    let stage = |n: usize| json!({"id": n, "context": {"k": "x".repeat(1_000)}});
    let of = |stages: usize| {
        let stages: Vec<Value> = (0..stages).map(stage).collect();
        json!({"e": [{"e": "created", "execution": {"stages": stages}}]})
    };
    assert_eq!(rest(&of(200)).1, 0);
    let (left, values) = rest(&of(400));
    assert_eq!(values, 1);
    assert!(left.to_string().len() < SEAL_FROM, "{left}");
    // Not even the whole is spared, when nothing in it is large.
    let many: Vec<Value> = (0..40_000).map(|n| json!({"n": n})).collect();
    assert_eq!(rest(&json!(many)), (Value::Null, 1));
}

#[test]
fn a_value_has_the_same_hash_wherever_it_stands() {
    let value = json!([{"kind": "Secret", "data": long()}, 1, 2]);
    let one = cut(&text(&json!({"context": {"a": value}})), EXECUTION).unwrap();
    let two = cut(
        &text(&json!({"outcome": {"outputs": {"x": {"y": [0, value]}}}})),
        EXECUTION,
    )
    .unwrap();
    let objects = |cut: &Cut| cut.sealed.known();
    assert_eq!(objects(&one), objects(&two));
}

#[tokio::test(start_paused = true)]
async fn a_message_opens_to_what_it_was_byte_by_byte() {
    let (broker, blobs) = fixture().await;
    let twice = json!("é\"\\".repeat(200_000));
    for document in [
        json!({"a": 1}),
        json!({"a": long()}),
        json!({"context": {"a": twice, "b": [twice, null], "c": {"null": "null"}}}),
        json!([[[long(), "b"], long()], {"x": long()}]),
    ] {
        let text = text(&document);
        let message = blobs.encode(EXECUTION, text.clone()).await.unwrap();
        assert!(message.len() < SEAL_FROM);
        assert_eq!(blobs.open(message).await.unwrap(), text);
    }
    // The mark, a value of one piece, and one of three that came four times.
    assert_eq!(records(&broker), 1 + 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn nobody_who_writes_json_writes_a_reference() {
    let (_broker, blobs) = fixture().await;
    let message = blobs
        .encode(EXECUTION, text(&json!({"a": long()})))
        .await
        .unwrap();
    let sealed: Value = serde_json::from_slice(&message[1..]).unwrap();
    for forged in [
        sealed.clone(),
        json!({"sealed": sealed}),
        json!({"a": sealed, "b": long()}),
    ] {
        let text = text(&forged);
        let message = blobs.encode(EXECUTION, text.clone()).await.unwrap();
        assert_eq!(blobs.open(message).await.unwrap(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_an_error_and_no_panic() {
    let (_broker, blobs) = fixture().await;
    let message = blobs
        .encode(EXECUTION, text(&json!({"a": long()})))
        .await
        .unwrap();
    let whole = serde_json::from_slice::<Value>(&message[1..]).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = whole.clone();
        change(&mut changed);
        let mut message = vec![SEALED];
        message.extend(text(&changed));
        Bytes::from(message)
    };
    for at in [0, 6, 1_000_000, u64::MAX] {
        let moved = with(&|it| it["holes"][0]["at"] = json!(at));
        assert!(
            matches!(blobs.open(moved).await, Err(Unopened::Misfit)),
            "{at}"
        );
    }
    let doubled = with(&|it| it["holes"] = json!([it["holes"][0], it["holes"][0]]));
    assert!(matches!(blobs.open(doubled).await, Err(Unopened::Misfit)));
    let huge = with(&|it| it["holes"][0]["object"]["bytes"] = json!(u64::MAX));
    assert!(matches!(
        blobs.open(huge).await,
        Err(Unopened::TooLarge { .. })
    ));
    let other = with(&|it| it["holes"][0]["object"]["digest"] = json!("00"));
    let lost = blobs.open(other).await;
    assert!(matches!(
        lost,
        Err(Unopened::Value(ObjectError::Lost { .. }))
    ));
    let odd = with(&|it| it["more"] = json!(1));
    assert!(matches!(blobs.open(odd).await, Err(Unopened::Malformed(_))));
    for text in [&b"\x02"[..], b"\x02{", b""] {
        let opened = blobs.open(Bytes::from_static(text)).await;
        assert_eq!(opened.is_ok(), text.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_is_not_stored_again_and_what_belongs_to_another_is() {
    let (broker, blobs) = fixture().await;
    let whole = text(&json!({"a": long()}));
    let cut = cut(&whole, EXECUTION).unwrap();
    let known = cut.sealed.known();
    blobs
        .encode_knowing(EXECUTION, whole.clone(), &known)
        .await
        .unwrap();
    assert_eq!(records(&broker), 0);
    for _ in 0..2 {
        blobs.encode(EXECUTION, whole.clone()).await.unwrap();
        assert_eq!(records(&broker), 2);
    }
    blobs.encode_knowing("other", whole, &known).await.unwrap();
    assert_eq!(records(&broker), 4);
}

#[tokio::test(start_paused = true)]
async fn the_values_of_an_execution_go_together_and_only_they() {
    let (broker, blobs) = fixture().await;
    let whole = text(&json!({"a": long(), "b": "y".repeat(600_000)}));
    let mine = blobs.encode("mine", whole.clone()).await.unwrap();
    let theirs = blobs.encode("mine.not", whole.clone()).await.unwrap();
    assert_eq!(records(&broker), 2 * (1 + 1 + 2));
    for _ in 0..2 {
        blobs.forget("mine").await.unwrap();
    }
    assert!(matches!(
        blobs.open(mine).await,
        Err(Unopened::Value(ObjectError::Lost { .. }))
    ));
    assert_eq!(blobs.open(theirs).await.unwrap(), whole);
    // It may come back.
    let again = blobs.encode("mine", whole.clone()).await.unwrap();
    assert_eq!(blobs.open(again).await.unwrap(), whole);
}

#[tokio::test(start_paused = true)]
async fn who_has_values_is_known_with_the_time() {
    let (_broker, blobs) = fixture().await;
    let whole = text(&json!({"a": long()}));
    blobs.encode("a/b c", whole.clone()).await.unwrap();
    blobs.encode("short", b"{}".to_vec()).await.unwrap();
    assert_eq!(blobs.older_than(i64::MAX).await.unwrap(), ["a/b c"]);
    assert!(blobs.older_than(0).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_stores_in_time_keeps_what_would_be_collected() {
    let (broker, blobs) = fixture().await;
    let whole = text(&json!({"a": long()}));
    let message = blobs.encode("old", whole.clone()).await.unwrap();
    let mark = |broker: &Broker| {
        let kept = broker.messages("KV_gk_values");
        kept.iter()
            .find(|it| it.subject.ends_with("m.old"))
            .map(|it| it.sequence)
    };
    let first = mark(&broker);
    // Its time is not over.
    blobs.forget_old("old", 0).await.unwrap();
    assert_eq!(blobs.open(message).await.unwrap(), whole);
    blobs.encode("old", whole.clone()).await.unwrap();
    assert!(
        mark(&broker) > first,
        "a deletion that knew the first one is refused now"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_stored_while_it_is_deleted() {
    let (broker, blobs) = fixture().await;
    let bus = Bus::memory(&broker, "other");
    let whole = text(&json!({"a": long()}));
    blobs.encode("old", whole.clone()).await.unwrap();
    let bucket = bus.kv(Bucket::Values);
    let record = bucket.get("m.old").await.unwrap().unwrap();
    let going = Bytes::from_static(GOING);
    bucket
        .put_if("m.old", record.revision, going, None)
        .await
        .unwrap();
    let refused = blobs.encode("old", whole.clone()).await.unwrap_err();
    assert!(refused.is_transient(), "{refused}");
    // Whoever died in the middle is followed by one that ends it.
    blobs.forget_old("old", 0).await.unwrap();
    assert_eq!(blobs.older_than(i64::MAX).await.unwrap(), [""; 0]);
    let message = blobs.encode("old", whole.clone()).await.unwrap();
    assert_eq!(blobs.open(message).await.unwrap(), whole);
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Any value: small mostly, now and then large, with keys that are frames and texts that look like what is written here.
    fn value(&mut self, depth: u64) -> Value {
        let keys = [
            "e", "context", "stages", "outputs", "a\"\\", "", "holes", "json", "null", "é",
        ];
        match self.below(if depth == 0 { 5 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.below(1_000)),
            2 => json!("null,\"]}\\"),
            3 => json!("x\"\u{1F600}".repeat(usize::try_from(self.below(40_000)).unwrap())),
            4 => json!("y".repeat(usize::try_from(self.below(200)).unwrap())),
            5 | 6 => (0..self.below(6)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let mut map = serde_json::Map::new();
                for _ in 0..self.below(6) {
                    let key = keys[usize::try_from(self.below(keys.len() as u64)).unwrap()];
                    map.insert(key.to_owned(), self.value(depth - 1));
                }
                Value::Object(map)
            }
        }
    }
}

#[test]
fn whatever_is_cut_is_whole_again_and_what_is_left_is_small() {
    let mut dice = Dice(7);
    let mut cuts = 0;
    for _ in 0..80 {
        let list: Vec<Value> = (0..6).map(|_| dice.value(5)).collect();
        let text = text(&json!({"e": list}));
        assert_eq!(has_large_values(&text), cut(&text, EXECUTION).is_some());
        let Some(cut) = cut(&text, EXECUTION) else {
            continue;
        };
        cuts += 1;
        let values: BTreeMap<Object, Bytes> = cut
            .values()
            .map(|(object, range)| (object.clone(), Bytes::copy_from_slice(&text[range])))
            .collect();
        for content in values.values() {
            serde_json::from_slice::<Value>(content).unwrap();
            assert!(content.len() > SEAL_FROM);
        }
        assert_eq!(cut.sealed.filled(&values).unwrap(), text);
        assert_eq!(
            cut.sealed.bytes(),
            text.len() as u64 + 4 * cut.values().count() as u64
        );
        assert!(cut.sealed.json().len() <= 256 * 1024);
        let message = cut.sealed.message();
        let read = Sealed::of_message(&message).unwrap().unwrap();
        assert_eq!(read.filled(&values).unwrap(), text);
    }
    assert!(cuts > 20, "{cuts}");
}
