//! What the process uses, under the names that Prometheus's own libraries give it. Read from `/proc`; elsewhere than on
//! Linux there is nothing to show.

use std::fs;

use super::series::write_sample;
use super::write_head;

/// The kernel shows times in this unit to programs, whatever it uses inside (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) fn write(out: &mut String) {
    let stat = fs::read_to_string("/proc/self/stat").ok();
    let stat = stat.as_deref().and_then(Stat::parse);
    let status = fs::read_to_string("/proc/self/status").ok();
    let resident = status.as_deref().and_then(resident_bytes);
    let open = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    let limit = fs::read_to_string("/proc/self/limits")
        .ok()
        .and_then(|limits| open_files_max(&limits));
    let boot = fs::read_to_string("/proc/stat")
        .ok()
        .and_then(|stat| boot_seconds(&stat));
    // One of the open files was the folder that lists them.
    let open = open.map(|count| count.saturating_sub(1) as f64);
    let started = stat
        .as_ref()
        .zip(boot)
        .map(|(stat, boot)| boot + stat.start_ticks / TICKS_PER_SECOND);
    for (name, help, kind, value) in [
        (
            "process_cpu_seconds_total",
            "Processor time used, in seconds.",
            "counter",
            stat.as_ref().map(|stat| stat.cpu_ticks / TICKS_PER_SECOND),
        ),
        ("process_max_fds", "Files that may be open.", "gauge", limit),
        ("process_open_fds", "Files that are open.", "gauge", open),
        (
            "process_resident_memory_bytes",
            "Resident memory, in bytes.",
            "gauge",
            resident,
        ),
        (
            "process_start_time_seconds",
            "Start, in seconds since the epoch.",
            "gauge",
            started,
        ),
        (
            "process_threads",
            "Threads.",
            "gauge",
            stat.as_ref().map(|stat| stat.threads),
        ),
    ] {
        if let Some(value) = value {
            write_head(out, name, help, kind);
            write_sample(out, name, "", value);
        }
    }
}

/// Fields of `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_ticks: f64,
    threads: f64,
    start_ticks: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Stat> {
        // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // `rest` begins with the third field of proc(5).
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Stat {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            start_ticks: field(22)?,
        })
    }
}

fn resident_bytes(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn open_files_max(limits: &str) -> Option<f64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 7 0 123456 1000 10 18446744073709551615";
        let expected = Stat {
            cpu_ticks: 200.0,
            threads: 7.0,
            start_ticks: 123_456.0,
        };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse("42 (a) S 1"), None);
        assert_eq!(
            resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t   12 kB\n"),
            Some(12_288.0)
        );
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(open_files_max(limits), Some(1024.0));
        assert_eq!(boot_seconds("cpu  1 2\nbtime 1700000000\n"), Some(1.7e9));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn shows_this_process() {
        let mut out = String::new();
        write(&mut out);
        for name in [
            "process_cpu_seconds_total",
            "process_open_fds",
            "process_resident_memory_bytes",
        ] {
            let value = out
                .lines()
                .find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            assert!(value.is_some_and(|value| value >= 0.0), "{name} in {out}");
        }
    }
}
