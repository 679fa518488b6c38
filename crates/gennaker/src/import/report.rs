//! What an import tells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gennaker_intake::assess::{self, Fit};
use gennaker_stages::Catalogue;
use gennaker_store::{Foreign, Imported, Kind};

/// Most reasons in the sum.
const MOST: usize = 12;

/// What became of all documents.
pub(super) struct Report {
    is_dry: bool,
    catalogue: Arc<Catalogue>,
    left_out: Vec<String>,
    /// By application, name and id, so that the order does not depend on who was written first.
    pipelines: BTreeMap<(String, String, String), (Fit, Vec<String>)>,
    /// By path, why.
    refused: BTreeMap<String, String>,
    done: BTreeMap<(Kind, Imported), usize>,
    took: Duration,
}

impl Report {
    pub(super) fn new(is_dry: bool, catalogue: Arc<Catalogue>, left_out: Vec<String>) -> Self {
        Self {
            is_dry,
            catalogue,
            left_out,
            pipelines: BTreeMap::new(),
            refused: BTreeMap::new(),
            done: BTreeMap::new(),
            took: Duration::ZERO,
        }
    }

    pub(super) fn add(&mut self, foreign: &Foreign, done: Result<Imported, String>) {
        let done = match done {
            Ok(done) => done,
            Err(reason) => {
                self.refused.insert(foreign.path.clone(), reason);
                return;
            }
        };
        *self.done.entry((foreign.kind, done)).or_default() += 1;
        if let (Kind::Pipeline, Ok(body)) = (foreign.kind, &foreign.body) {
            let text = |field: &str| {
                let value = body.get(field).and_then(serde_json::Value::as_str);
                value.unwrap_or_default().to_owned()
            };
            let found = assess::pipeline(body, &self.catalogue);
            let fit = found.fit();
            let reasons = found.unsupported.into_iter().chain(found.adapted).collect();
            let key = (text("application"), text("name"), foreign.id.clone());
            self.pipelines.insert(key, (fit, reasons));
        }
    }

    pub(super) fn took(&mut self, time: Duration) {
        self.took = time;
    }

    /// Whether nothing was refused.
    pub(super) fn is_whole(&self) -> bool {
        self.refused.is_empty()
    }

    /// A line for each pipeline, then one for each document that was refused.
    pub(super) fn lines(&self) -> Vec<String> {
        let pipeline = |((application, name, _), (fit, reasons)): (
            &(String, String, String),
            &(Fit, Vec<String>),
        )| {
            let head = format!("{:<11} {application}/{name}", fit.word());
            match reasons.is_empty() {
                true => head,
                false => format!("{head}: {}", reasons.join("; ")),
            }
        };
        let refused =
            |(path, reason): (&String, &String)| format!("{:<11} {path}: {reason}", "refused");
        let pipelines = self.pipelines.iter().map(pipeline);
        pipelines.chain(self.refused.iter().map(refused)).collect()
    }

    /// The sum.
    pub(super) fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for kind in Kind::ALL {
            let counts: Vec<String> = [
                (Imported::New, "new"),
                (Imported::Changed, "changed"),
                (Imported::Same, "the same"),
                (Imported::Newer, "newer here"),
            ]
            .into_iter()
            .filter_map(|(what, word)| {
                let count = self.done.get(&(kind, what))?;
                Some(format!("{count} {word}"))
            })
            .collect();
            if !counts.is_empty() {
                lines.push(format!("{}: {}", kind.word(), counts.join(", ")));
            }
        }
        let fits = [Fit::Exact, Fit::Adapted, Fit::Unsupported].map(|fit| {
            let count = self.pipelines.values().filter(|it| it.0 == fit).count();
            format!("{count} {}", fit.word())
        });
        lines.push(format!("pipelines: {}", fits.join(", ")));
        lines.extend(self.most());
        if !self.left_out.is_empty() {
            lines.push(format!(
                "not taken over: {} (no documents of a kind that is known)",
                self.left_out.join(", ")
            ));
        }
        let documents: usize = self.done.values().sum();
        let verb = if self.is_dry { "looked at" } else { "imported" };
        lines.push(format!(
            "{verb} {documents} documents in {:.1} s, refused {}",
            self.took.as_secs_f64(),
            self.refused.len()
        ));
        lines
    }
}

impl Report {
    /// The reasons that concern most pipelines, with how many.
    fn most(&self) -> Vec<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (_, reasons) in self.pipelines.values() {
            let kinds: BTreeSet<String> =
                reasons.iter().map(|reason| without_names(reason)).collect();
            for kind in kinds {
                *counts.entry(kind).or_default() += 1;
            }
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort_by(|one, two| two.1.cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
        let more = counts.len().saturating_sub(MOST);
        let mut lines: Vec<String> = counts
            .into_iter()
            .take(MOST)
            .map(|(reason, count)| format!("{count:>7} x {reason}"))
            .collect();
        if more > 0 {
            lines.push(format!("{:>7}   and {more} other reasons", ""));
        }
        lines
    }
}

/// A reason as it is for all pipelines: what stands in quotes, and numbers that stand alone, are names of one of them.
fn without_names(reason: &str) -> String {
    let mut plain = String::with_capacity(reason.len());
    for (place, part) in reason.split('"').enumerate() {
        match place % 2 {
            0 => plain.push_str(part),
            _ => plain.push('…'),
        }
    }
    let word = |word: &str| match !word.is_empty() && word.bytes().all(|it| it.is_ascii_digit()) {
        true => "…".to_owned(),
        false => word.to_owned(),
    };
    let words: Vec<String> = plain.split(' ').map(word).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn foreign(kind: Kind, id: &str, body: serde_json::Value) -> Foreign {
        Foreign {
            kind,
            id: id.to_owned(),
            path: format!("pipelines/{id}"),
            body: Ok(body.as_object().unwrap().clone()),
        }
    }

    #[test]
    fn each_pipeline_has_its_line_and_all_are_counted() {
        let mut report = Report::new(
            false,
            Arc::new(Catalogue::new()),
            vec!["plugins".to_owned()],
        );
        let odd = json!({"application": "demo", "name": "b", "stages": [{"type": "madeUp", "name": "S"}]});
        report.add(&foreign(Kind::Pipeline, "2", odd), Ok(Imported::New));
        let plain = json!({"application": "demo", "name": "a", "stages": [{"type": "wait"}]});
        report.add(&foreign(Kind::Pipeline, "1", plain), Ok(Imported::Same));
        report.add(&foreign(Kind::Project, "3", json!({})), Ok(Imported::New));
        assert!(report.is_whole());
        let broken = foreign(Kind::Pipeline, "4", json!({}));
        report.add(&broken, Err("it is broken".to_owned()));
        report.took(Duration::from_millis(1_234));
        assert!(!report.is_whole());
        assert_eq!(
            report.lines(),
            [
                "exact       demo/a",
                "unsupported demo/b: stage \"S\" is of the type madeUp, which is not there yet",
                "refused     pipelines/4: it is broken",
            ]
        );
        assert_eq!(
            report.summary(),
            [
                "pipeline: 1 new, 1 the same",
                "project: 1 new",
                "pipelines: 1 exact, 0 adapted, 1 unsupported",
                "      1 x stage … is of the type madeUp, which is not there yet",
                "not taken over: plugins (no documents of a kind that is known)",
                "imported 3 documents in 1.2 s, refused 1",
            ]
        );
    }
}
