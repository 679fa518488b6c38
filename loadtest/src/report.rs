//! What comes out: a table for people, JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::process::{Usage, Usages, total};
use crate::statistics::Times;

/// All figures of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The machine.
    pub machine: String,
    /// The program that was measured.
    pub program: String,
    /// Whether it is the short set.
    pub quick: bool,
    /// How ends of executions were seen.
    pub completion_seen_by: &'static str,
    /// The measurements, in order.
    pub rows: Vec<Row>,
}

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// The installation.
    pub setup: String,
    /// Whether acknowledged writes are on disk.
    pub fsync: bool,
    /// Clients at the same time.
    pub clients: Option<usize>,
    /// Stages that ended in a second.
    pub stages_per_s: Option<f64>,
    /// How many times were taken.
    pub samples: usize,
    /// Half of the times are not longer.
    pub p50_ms: Option<f64>,
    /// All but one in a hundred are not longer.
    pub p99_ms: Option<f64>,
    /// Processor seconds for 1 000 stages, by program.
    pub cpu_s_per_1000_stages: BTreeMap<String, f64>,
    /// The same for the load generator.
    pub own_cpu_s_per_1000_stages: Option<f64>,
    /// What each program used; memory at the end.
    pub usage: Usages,
    /// Why there is no figure.
    pub failure: Option<String>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// What the design asks for.
    pub budgets: Vec<Budget>,
}

/// A figure beside what the design allows.
#[derive(Clone, Debug, Serialize)]
pub struct Budget {
    /// What is asked for.
    pub wanted: String,
    /// What was found.
    pub found: String,
    /// Whether that is enough.
    pub met: bool,
}

impl Row {
    /// With these times.
    pub fn with_times(mut self, times: &Times) -> Self {
        self.samples = times.count();
        self.p50_ms = times.percentile(0.5);
        self.p99_ms = times.percentile(0.99);
        self
    }

    /// With what was used for this many stages.
    pub fn with_usage(mut self, usage: Usages, own: Usage, stages: f64) -> Self {
        if stages > 0.0 {
            let per_1000 = |usage: &Usage| usage.cpu_s / stages * 1_000.0;
            self.cpu_s_per_1000_stages = usage
                .iter()
                .map(|(name, usage)| (name.clone(), per_1000(usage)))
                .collect();
            self.own_cpu_s_per_1000_stages = Some(per_1000(&own));
        }
        self.usage = usage;
        self
    }

    /// Beside a budget: below (or above) a limit.
    pub fn check(
        &mut self,
        wanted: &str,
        found: Option<f64>,
        unit: &str,
        is_met: impl Fn(f64) -> bool,
    ) {
        let Some(found) = found else { return };
        let shown = if found.abs() < 10.0 {
            format!("{found:.3} {unit}")
        } else {
            format!("{found:.1} {unit}")
        };
        self.budgets.push(Budget {
            wanted: wanted.to_owned(),
            found: shown,
            met: is_met(found),
        });
    }
}

impl Report {
    /// The table.
    pub fn table(&self) -> String {
        let mut out = format!(
            "machine   {}\nprogram   {}\ncompletion is seen by {}\n\n",
            self.machine, self.program, self.completion_seen_by
        );
        let head = [
            "measurement",
            "fsync",
            "clients",
            "stages/s",
            "p50 ms",
            "p99 ms",
            "n",
            "CPU s/1000 stages",
            "memory MB",
            "written MB",
        ];
        let rows: Vec<[String; 10]> = self.rows.iter().map(cells).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([head[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        for row in std::iter::once(head.map(str::to_owned)).chain(rows.iter().cloned()) {
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                // Names to the left, figures to the right.
                let _ = if column == 0 {
                    write!(out, "{cell:<width$}")
                } else {
                    write!(out, "  {cell:>width$}")
                };
            }
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
        }
        out.push_str("\nCPU and memory: gennaker + nats-server = sum; in brackets the load generator, which shares the machine.\n");
        for row in &self.rows {
            for note in row
                .failure
                .iter()
                .map(|failure| format!("NOT MEASURED: {failure}"))
                .chain(row.notes.iter().cloned())
            {
                let _ = writeln!(out, "{}: {note}", row.name);
            }
        }
        let budgets = self
            .rows
            .iter()
            .flat_map(|row| row.budgets.iter().map(move |budget| (row, budget)));
        for (at, (row, budget)) in budgets.enumerate() {
            if at == 0 {
                out.push_str("\nBudgets\n");
            }
            let word = if budget.met { "met   " } else { "MISSED" };
            let _ = writeln!(
                out,
                "  {word}  {}: {} (budget: {})",
                row.name, budget.found, budget.wanted
            );
        }
        out
    }
}

fn cells(row: &Row) -> [String; 10] {
    let number = |number: Option<f64>| number.map(figure).unwrap_or_default();
    let split = |value: &dyn Fn(&Usage) -> f64| {
        let of = |name: &str| row.usage.get(name).map(value);
        let parts: Vec<String> = ["gennaker", "nats-server"]
            .iter()
            .filter_map(|name| of(name))
            .map(figure)
            .collect();
        let sum = value(&total(&row.usage));
        if row.usage.is_empty() {
            String::new()
        } else {
            format!("{} = {}", parts.join(" + "), figure(sum))
        }
    };
    let cpu = if row.cpu_s_per_1000_stages.is_empty() {
        String::new()
    } else {
        let of = |name: &str| row.cpu_s_per_1000_stages.get(name).copied();
        let parts: Vec<String> = ["gennaker", "nats-server"]
            .iter()
            .filter_map(|name| of(name))
            .map(figure)
            .collect();
        let sum: f64 = row.cpu_s_per_1000_stages.values().sum();
        let own = row
            .own_cpu_s_per_1000_stages
            .map(|own| format!(" [{}]", figure(own)))
            .unwrap_or_default();
        format!("{} = {}{own}", parts.join(" + "), figure(sum))
    };
    #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
    let (memory, written) = (
        split(&|usage| usage.resident_bytes as f64 / 1e6),
        split(&|usage| usage.written_bytes as f64 / 1e6),
    );
    [
        row.name.clone(),
        match (&row.failure, row.fsync) {
            (Some(_), _) => String::new(),
            (None, true) => "yes".to_owned(),
            (None, false) => "no".to_owned(),
        },
        row.clients
            .map(|clients| clients.to_string())
            .unwrap_or_default(),
        number(row.stages_per_s),
        number(row.p50_ms),
        number(row.p99_ms),
        if row.samples > 0 {
            row.samples.to_string()
        } else {
            String::new()
        },
        cpu,
        memory,
        written,
    ]
}

/// Three digits that matter.
fn figure(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        size if size > 0.0 => format!("{number:.3}"),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_was_missed() {
        let mut row = Row {
            name: "sequence".to_owned(),
            fsync: true,
            ..Row::default()
        }
        .with_times(&Times::new(vec![5.0, 15.0]));
        row.check("p50 under 12 ms", row.p50_ms, "ms", |found| found < 12.0);
        row.check("p99 under 12 ms", row.p99_ms, "ms", |found| found < 12.0);
        row.check("nothing", None, "ms", |_| false);
        let report = Report {
            machine: "m".into(),
            program: "p".into(),
            quick: true,
            completion_seen_by: "x",
            rows: vec![row],
        };
        let table = report.table();
        assert!(
            table.contains("met     sequence: 5.000 ms (budget: p50 under 12 ms)"),
            "{table}"
        );
        assert!(
            table.contains("MISSED  sequence: 15.0 ms (budget: p99 under 12 ms)")
                && !table.contains("nothing"),
            "{table}"
        );
    }
}
