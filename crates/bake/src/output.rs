//! What becomes of Helm's output.

/// Leaves out the documents that come from a chart's own tests (`templates/tests/`), as Rosco's
/// `HelmTemplateUtils.removeTestsDirectoryTemplates`; everything else stays byte for byte.
pub(crate) fn without_tests(manifests: &str) -> String {
    let mut kept = String::with_capacity(manifests.len());
    let mut document = String::new();
    for line in manifests.split_inclusive('\n') {
        if line.trim_end() == "---" {
            keep(&mut kept, &document);
            document.clear();
        }
        document.push_str(line);
    }
    keep(&mut kept, &document);
    kept
}

fn keep(kept: &mut String, document: &str) {
    let is_test = document
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("# Source: "))
        .any(|source| source.contains("/templates/tests/"));
    if !is_test {
        kept.push_str(document);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_a_chart_go_and_the_rest_stays() {
        let kept = "---\n# Source: web/templates/a.yaml\nkey: |\n  -----BEGIN-----\n  x---\n";
        let test = "---\n# Source: web/templates/tests/t.yaml\nkind: Pod\n";
        let hook = "---\n# Source: web/charts/db/templates/hook.yaml\nkind: Job\n";
        assert_eq!(
            without_tests(&format!("{kept}{test}{hook}")),
            format!("{kept}{hook}")
        );
        assert_eq!(without_tests(test), "");
        assert_eq!(without_tests("a: 1"), "a: 1");
    }
}
