//! Random inputs: objects that look like Kubernetes' and have much in common, and texts that look like YAML.

use serde_json::{Map, Value, json};

/// Random numbers that follow from a seed and the number of the input (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut random = Self(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn of_list<'a>(&mut self, list: &[&'a str]) -> &'a str {
        let index = usize::try_from(self.below(list.len() as u64)).unwrap_or_default();
        list.get(index).copied().unwrap_or_default()
    }
}

/// A Deployment whose parts are drawn from few values.
pub(crate) fn deployment(random: &mut Random) -> Value {
    let mut metadata = json!({"name": "web", "namespace": "shop"});
    if random.chance(50) {
        metadata["labels"] = words(random);
    }
    if random.chance(30) {
        metadata["finalizers"] = set(random, &["a/x", "b/y", "c/z"]);
    }
    let mut spec =
        json!({"template": {"metadata": {"labels": words(random)}, "spec": pod(random)}});
    if random.chance(50) {
        spec["replicas"] = random.below(4).into();
    }
    match random.below(4) {
        0 => spec["strategy"] = json!({"type": "Recreate"}),
        1 => {
            spec["strategy"] =
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": random.below(3)}})
        }
        2 => spec["strategy"] = json!({"type": "RollingUpdate"}),
        _ => {}
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
}

fn pod(random: &mut Random) -> Value {
    let mut pod = Map::new();
    pod.insert(
        "containers".into(),
        named(random, |random, container| {
            container.insert("image".into(), random.of_list(&["web:1", "web:2"]).into());
            if random.chance(60) {
                let env = named(random, |random, variable| {
                    variable.insert("value".into(), random.below(3).to_string().into());
                });
                container.insert("env".into(), env);
            }
            if random.chance(40) {
                container.insert("args".into(), set(random, &["-a", "-b", "-c"]));
            }
            if random.chance(40) {
                let ports = [80_u64, 81, 82]
                    .iter()
                    .filter(|_| random.chance(60))
                    .map(|port| json!({"containerPort": port}))
                    .collect();
                container.insert("ports".into(), ports);
            }
            if random.chance(30) {
                container.insert("resources".into(), json!({"limits": words(random)}));
            }
        }),
    );
    if random.chance(70) {
        let volumes = named(random, |random, volume| match random.below(3) {
            0 => drop(volume.insert("emptyDir".into(), json!({}))),
            1 => drop(volume.insert(
                "configMap".into(),
                json!({"name": random.of_list(&["c", "d"])}),
            )),
            _ => drop(volume.insert(
                "secret".into(),
                json!({"secretName": "s", "optional": random.chance(50)}),
            )),
        });
        pod.insert("volumes".into(), volumes);
    }
    if random.chance(30) {
        pod.insert("imagePullSecrets".into(), named(random, |_, _| {}));
    }
    if random.chance(40) {
        pod.insert(
            "tolerations".into(),
            json!([{"key": random.of_list(&["k", "l"]), "operator": "Exists"}]),
        );
    }
    if random.chance(40) {
        pod.insert("nodeSelector".into(), words(random));
    }
    pod.into()
}

/// A list of objects with different names, in any order.
fn named(random: &mut Random, mut fill: impl FnMut(&mut Random, &mut Map<String, Value>)) -> Value {
    let mut names = vec!["a", "b", "c", "d"];
    let mut list = Vec::new();
    for _ in 0..random.below(4) {
        let index = usize::try_from(random.below(names.len() as u64)).unwrap_or_default();
        let mut item = Map::new();
        item.insert("name".into(), names.remove(index).into());
        fill(random, &mut item);
        list.push(Value::Object(item));
    }
    list.into()
}

fn set(random: &mut Random, all: &[&str]) -> Value {
    all.iter()
        .filter(|_| random.chance(60))
        .map(|item| Value::from(*item))
        .collect()
}

fn words(random: &mut Random) -> Value {
    let mut map = Map::new();
    for key in ["x", "y", "z"] {
        if random.chance(50) {
            map.insert(key.into(), random.of_list(&["1", "2"]).into());
        }
    }
    map.into()
}

/// Something with the words of manifests and no sense.
pub(crate) fn nonsense(random: &mut Random, depth: u32) -> Value {
    const KEYS: [&str; 24] = [
        "kind",
        "apiVersion",
        "metadata",
        "name",
        "namespace",
        "labels",
        "annotations",
        "spec",
        "template",
        "containers",
        "env",
        "ports",
        "volumes",
        "selector",
        "status",
        "conditions",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "ownerReferences",
        "containerStatuses",
        "data",
        "items",
        "kubectl.kubernetes.io/last-applied-configuration",
    ];
    const WORDS: [&str; 12] = [
        "Deployment",
        "Secret",
        "List",
        "v1",
        "apps/v1",
        "web",
        "delete",
        "replace",
        "{\"a\":{}}",
        "\"q\"",
        "true",
        "v003",
    ];
    match random.below(if depth == 0 { 4 } else { 8 }) {
        0 => Value::Null,
        1 => random.chance(50).into(),
        2 => random.below(5).into(),
        3 => random.of_list(&WORDS).into(),
        4 => (0..random.below(4))
            .map(|_| nonsense(random, depth - 1))
            .collect(),
        _ => {
            let members = (0..random.below(6)).map(|_| {
                (
                    random.of_list(&KEYS).to_owned(),
                    nonsense(random, depth - 1),
                )
            });
            Value::Object(members.collect())
        }
    }
}

/// A text of the characters that mean something in YAML.
pub(crate) fn text(random: &mut Random) -> String {
    const PARTS: [&str; 40] = [
        "kind",
        "a",
        "b",
        "0644",
        "yes",
        "1.5",
        "~",
        ": ",
        ":",
        "- ",
        "-",
        "\n",
        "\n  ",
        "\n    ",
        "\n",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "&x ",
        "*x",
        "<<: ",
        "'",
        "\"",
        "|\n",
        ">-\n",
        "# c",
        "---\n",
        "...\n",
        "{{ x }}",
        "!!int ",
        "!y ",
        "? ",
        "%YAML 1.1\n",
        "\t",
        "@",
        "ä",
        "\\",
        "=",
    ];
    let many = random.below(40);
    (0..many).map(|_| random.of_list(&PARTS)).collect()
}
