//! Which files a kustomization names (Rosco: `Kustomization`).

use serde_norway::Value;

/// Keys whose lists hold paths.
const PATHS: [&str; 9] = [
    "resources",
    "bases",
    "components",
    "configurations",
    "crds",
    "generators",
    "transformers",
    "validators",
    "patchesStrategicMerge",
];

/// Keys whose lists hold objects with a `path`.
const WITH_PATH: [&str; 3] = ["patches", "patchesJson6902", "replacements"];

/// Keys whose lists hold objects with files.
const GENERATORS: [&str; 2] = ["configMapGenerator", "secretGenerator"];

/// Paths in a kustomization, in its order. What Kustomize itself fetches (addresses) and what stands in the file is left out.
pub(super) fn named(kustomization: &[u8]) -> Result<Vec<String>, String> {
    let read: Value = serde_norway::from_slice(kustomization).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    let list = |key: &str| match read.get(key) {
        Some(Value::Sequence(items)) => items.clone(),
        _ => Vec::new(),
    };
    for key in PATHS {
        found.extend(
            list(key)
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned),
        );
    }
    for key in WITH_PATH {
        for item in list(key) {
            match item {
                Value::String(path) => found.push(path),
                item => found.extend(text(&item, "path")),
            }
        }
    }
    for key in GENERATORS {
        for item in list(key) {
            found.extend(text(&item, "env"));
            for key in ["envs", "files"] {
                if let Some(Value::Sequence(files)) = item.get(key) {
                    let files = files.iter().filter_map(Value::as_str);
                    // `name=path`, or the path alone.
                    found.extend(files.map(|file| {
                        file.split_once('=')
                            .map_or(file, |(_, path)| path)
                            .to_owned()
                    }));
                }
            }
        }
    }
    if let Some(openapi) = read.get("openapi") {
        found.extend(text(openapi, "path"));
    }
    found.retain(|path| is_file(path));
    Ok(found)
}

fn text(item: &Value, key: &str) -> Option<String> {
    item.get(key)?.as_str().map(str::to_owned)
}

/// Whether it is a path, and not an address, a repository, or a patch or resource that stands in the file.
fn is_file(path: &str) -> bool {
    let is_repository = || {
        let first = path.split('/').next().unwrap_or_default();
        path.contains("?ref=")
            || path.contains("//")
            || path.starts_with("git@")
            || first.contains(".com")
            || first.contains(".org")
    };
    !path.is_empty() && !path.contains(['\n', '{']) && !is_repository()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_named() {
        let text = "resources: [a.yml, ../base, 'https://x.io/y?ref=1', github.com/o/r]\ncomponents: [c]\n\
            patches:\n- path: p.yml\n- patch: |-\n    - op: add\n- old.yml\npatchesStrategicMerge:\n- m.yml\n- |-\n  kind: X\n  a: 1\n\
            configMapGenerator:\n- name: n\n  files: [f.properties, key=g.txt]\n  env: e\n  literals: [a=b]\n\
            secretGenerator:\n- envs: [s.env]\nopenapi: {path: o.json}\nnamePrefix: x\n";
        assert_eq!(
            named(text.as_bytes()).unwrap(),
            [
                "a.yml",
                "../base",
                "c",
                "m.yml",
                "p.yml",
                "old.yml",
                "e",
                "f.properties",
                "g.txt",
                "s.env",
                "o.json"
            ]
            .map(str::to_owned)
        );
        assert_eq!(named(b"").unwrap(), [""; 0]);
        assert!(named(b"[").is_err());
    }
}
