use serde_json::json;

use super::*;

const DEPLOYMENTS: usize = 0;
const SETS: usize = 1;
const PODS: usize = 2;
const SERVICES: usize = 3;

fn store() -> Store {
    let names = ["deployment", "replicaSet", "pod", "service"];
    Store::new(names.into_iter().map(str::to_owned), 1 << 20)
}

fn object(kind: &str, name: &str, app: Option<&str>, uid: u32, owner: Option<u32>) -> Value {
    let id = |number: u32| format!("00000000-0000-0000-0000-{number:012}");
    let version = if matches!(kind, "Deployment" | "ReplicaSet") {
        "apps/v1"
    } else {
        "v1"
    };
    let owners: Vec<Value> = owner.iter().map(|it| json!({"uid": id(*it)})).collect();
    let mut annotations = json!({});
    if let Some(app) = app {
        annotations["moniker.spinnaker.io/application"] = app.into();
    }
    json!({
        "apiVersion": version, "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "uid": id(uid), "annotations": annotations, "ownerReferences": owners}
    })
}

fn filled() -> Store {
    let mut store = store();
    store.put(
        DEPLOYMENTS,
        object("Deployment", "front", Some("web"), 1, None),
    );
    store.put(
        SETS,
        object("ReplicaSet", "front-1", Some("web"), 2, Some(1)),
    );
    // Named as something else, but owned.
    store.put(PODS, object("Pod", "zzz-1", None, 3, Some(2)));
    store.put(PODS, object("Pod", "other-1", Some("other"), 4, None));
    store.put(SERVICES, object("Service", "lb", Some("network"), 5, None));
    store
}

fn names(store: &Store, selection: &Selection) -> Vec<String> {
    let name = |text: &Arc<[u8]>| {
        let object: Value = serde_json::from_slice(text).unwrap();
        object["metadata"]["name"].as_str().unwrap().to_owned()
    };
    store.select(selection).iter().map(name).collect()
}

#[test]
fn an_application_has_what_its_objects_own_and_the_traffic_beside_them() {
    let store = filled();
    let web = Selection::Application("web".to_owned());
    assert_eq!(names(&store, &web), ["front", "front-1", "zzz-1", "lb"]);
    assert!(names(&store, &Selection::Application("nothing".to_owned())).is_empty());
}

#[test]
fn one_object_is_found_by_name_or_uid_with_its_application() {
    let store = filled();
    let of = |name: &str| {
        let selection = Selection::Object {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        };
        names(&store, &selection)
    };
    assert_eq!(
        of("replicaSet front-1"),
        ["front", "front-1", "zzz-1", "lb"]
    );
    assert_eq!(
        of("00000000-0000-0000-0000-000000000004"),
        ["other-1", "lb"]
    );
    assert!(of("replicaSet nothing").is_empty());
}

#[test]
fn what_changes_or_goes_leaves_nothing_behind() {
    let mut store = filled();
    let full = store.bytes;
    store.put(PODS, object("Pod", "zzz-1", Some("moved"), 3, None));
    assert!(
        !names(&store, &Selection::Application("web".to_owned())).contains(&"zzz-1".to_owned())
    );
    store.put(PODS, object("Pod", "zzz-1", None, 3, Some(2)));
    assert_eq!(store.bytes, full);
    let seen = BTreeSet::from([("shop".into(), "other-1".into())]);
    store.keep_only(PODS, &seen);
    let pods = Selection::Kinds(vec![Kind::from(Native::Pod)]);
    assert_eq!(names(&store, &pods), ["other-1"]);
    for (feed, name) in [
        (DEPLOYMENTS, "front"),
        (SETS, "front-1"),
        (PODS, "other-1"),
        (SERVICES, "lb"),
    ] {
        store.remove(feed, "shop", name);
    }
    assert_eq!(
        (
            store.bytes,
            store.entries.len(),
            store.by_app.len(),
            store.by_owner.len()
        ),
        (0, 0, 0, 0)
    );
}

#[test]
fn what_does_not_fit_is_counted_once() {
    let mut store = Store::new(["pod".to_owned()].into_iter(), 300);
    for name in ["a", "b", "c", "c"] {
        store.put(0, object("Pod", name, Some("web"), 1, None));
    }
    let freshness = store.freshness(0);
    assert_eq!(freshness.left_out, 2);
    assert!(freshness.bytes <= 300);
    store.remove(0, "shop", "c");
    assert_eq!(store.freshness(0).left_out, 1);
}

#[test]
fn a_cache_says_how_old_it_is() {
    let mut store = store();
    assert!(!store.is_settled());
    for feed in 0..4 {
        store.connected(feed, 1_000);
    }
    assert!(store.is_settled());
    assert_eq!(store.freshness(9_000).age, None);
    store.disconnected(PODS, 2_000, "refused".to_owned());
    store.disconnected(PODS, 5_000, "still refused".to_owned());
    let freshness = store.freshness(9_000);
    assert_eq!(freshness.age, Some(Duration::from_millis(7_000)));
    assert_eq!(
        freshness.troubles,
        [("pod".to_owned(), "still refused".to_owned())]
    );
}
