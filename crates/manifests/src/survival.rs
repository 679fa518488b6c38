//! Nothing panics, whatever a server or a person says: a smaller sibling of `cargo xtask fuzz manifests`.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::apply::tests::json_value;
use crate::deploy::{Live, Read, Request, Rules};
use crate::kind::CustomKinds;
use crate::views::{self, Inventory};
use crate::{
    Manifest, artifact, job, moniker, progress, redact, rollout, stability, text, traffic, version,
};

const KINDS: [(&str, &str); 10] = [
    ("Deployment", "apps/v1"),
    ("ReplicaSet", "apps/v1"),
    ("StatefulSet", "apps/v1"),
    ("DaemonSet", "apps/v1"),
    ("Job", "batch/v1"),
    ("Pod", "v1"),
    ("Service", "v1"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("Secret", "v1"),
    ("HorizontalPodAutoscaler", "autoscaling/v2"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn objects_of_all_kinds(spec in json_value(), status in json_value(), more in json_value()) {
        for (kind, api_version) in KINDS {
            let object = json!({
                "kind": kind, "apiVersion": api_version, "metadata": {"name": "x", "ownerReferences": more}, "spec": spec,
                "status": status, "data": more, "revision": more,
            });
            let object = Manifest::new(object).unwrap();
            let others = [object.clone()];
            let mut redacted = object.clone();
            redact::manifest(&mut redacted);
            let _ = (stability::status(&object), moniker::of(&object), artifact::find(&object));
            let _ = (job::status("a", &object, &others, true), version::superfluous(&object, &others));
            let _ = (rollout::revisions(&object, &others), rollout::undo(&object, &others, 1), rollout::pause(&object, true));
            let _ = (traffic::enable_patch(&object, &object), traffic::disable_patch(&object, &object), traffic::pods_of(&object, &others));
            let mut attached = object.clone();
            let _ = traffic::attach(&object, &mut attached);
            let pods = progress::pods_of(&object, &others, &others);
            let _ = progress::sentence(&object, &pods, std::slice::from_ref(&more));
            let _ = views::manifest("a", &object, std::slice::from_ref(&more), &[]);
            let inventory = [Inventory::new("a", others.to_vec(), CustomKinds::default())];
            let _ = (views::server_groups(&inventory, "x", true), views::load_balancers(&inventory, "x"), views::security_groups(&inventory));
        }
    }

    #[test]
    fn contexts_of_stages(context in json_value(), manifest in json_value()) {
        let mut context = context.as_object().cloned().unwrap_or_default();
        let _ = Request::from_context(&context);
        let _ = text::manifests(&[Value::Object(context.clone()), manifest.clone()]);
        context.insert("account".into(), "a".into());
        let mut object = json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": {"name": "x"}});
        object["spec"] = manifest;
        context.insert("manifests".into(), json!([object]));
        if let Ok(request) = Request::from_context(&context) {
            let rules = Rules::default();
            let mut live = Live::default();
            for read in request.reads(&rules).unwrap_or_default() {
                if let Read::List { kind, namespace } = read {
                    live.insert_list(kind, &namespace, request.manifests.clone());
                }
            }
            let _ = request.prepare(&rules, &live).map(|prepared| prepared.result(&request.manifests));
        }
    }
}
