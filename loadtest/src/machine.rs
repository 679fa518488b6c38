//! One line about the machine, because figures mean nothing without it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::load::ms;
use crate::statistics::Times;

/// Writes that are timed.
const PROBES: usize = 100;

/// Processor, cores, memory, kernel, and how long the disk below `folder` takes for a write that is flushed.
pub fn describe(folder: &Path) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, label: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(label))?;
        Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
    };
    let model = after(&read("/proc/cpuinfo"), "model name")
        .unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = after(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kibibytes: u64 = memory
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    let flush = match flush_ms(folder) {
        Ok(times) => match (times.percentile(0.5), times.percentile(0.99)) {
            (Some(p50), Some(p99)) => format!("flushed write of 4 KiB {p50:.2} ms (p99 {p99:.2})"),
            _ => "no flush measured".to_owned(),
        },
        Err(error) => format!("no flush measured: {error}"),
    };
    format!(
        "{model}, {cores} cores, {} GiB, Linux {}, {flush}",
        kibibytes >> 20,
        kernel.trim()
    )
}

fn flush_ms(folder: &Path) -> std::io::Result<Times> {
    let path = folder.join(format!("gennaker-loadtest-{}.probe", std::process::id()));
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(PROBES);
    let outcome = (0..PROBES).try_for_each(|_| {
        let begin = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(ms(begin.elapsed()));
        Ok(())
    });
    let _ = fs::remove_file(&path);
    outcome.map(|()| Times::new(times))
}
