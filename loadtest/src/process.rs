//! What processes use, read from `/proc`: the load test runs on Linux.

use std::collections::BTreeMap;
use std::fs;
use std::ops::AddAssign;

use serde::Serialize;

/// The kernel shows times in this unit to programs, whatever it uses inside (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// What one or several processes have used.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Usage {
    /// Processor time, user and system, in seconds.
    pub cpu_s: f64,
    /// Resident memory now, in bytes.
    pub resident_bytes: u64,
    /// Bytes that went to the disk's cache.
    pub written_bytes: u64,
}

/// Usage by name of the program.
pub type Usages = BTreeMap<String, Usage>;

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.cpu_s += other.cpu_s;
        self.resident_bytes += other.resident_bytes;
        self.written_bytes += other.written_bytes;
    }
}

impl Usage {
    /// What was used since `earlier`; memory stays what it is now.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu_s: (self.cpu_s - earlier.cpu_s).max(0.0),
            resident_bytes: self.resident_bytes,
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
        }
    }
}

/// What each program used between two looks.
pub fn between(before: &Usages, after: &Usages) -> Usages {
    let earlier = |name: &String| before.get(name).copied().unwrap_or_default();
    after
        .iter()
        .map(|(name, usage)| (name.clone(), usage.since(earlier(name))))
        .collect()
}

/// The sum over all programs.
pub fn total(usages: &Usages) -> Usage {
    let mut sum = Usage::default();
    usages.values().for_each(|usage| sum += *usage);
    sum
}

/// What these processes and their descendants use, by program.
pub fn usage_of_trees(roots: &[u32]) -> Usages {
    let parents = parents();
    let mut usages = Usages::new();
    for pid in parents.keys() {
        if !descends(*pid, roots, &parents) {
            continue;
        }
        if let (Some(name), Some(usage)) = (name_of(*pid), usage_of(*pid)) {
            *usages.entry(name).or_default() += usage;
        }
    }
    usages
}

/// What this process uses.
pub fn own_usage() -> Usage {
    usage_of(std::process::id()).unwrap_or_default()
}

fn descends(pid: u32, roots: &[u32], parents: &BTreeMap<u32, u32>) -> bool {
    let mut at = pid;
    // Processes come and go while we look: a circle must not hold us.
    for _ in 0..64 {
        if roots.contains(&at) {
            return true;
        }
        match parents.get(&at) {
            Some(parent) if *parent > 1 => at = *parent,
            _ => return false,
        }
    }
    false
}

fn parents() -> BTreeMap<u32, u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?.parent)))
        .collect()
}

fn usage_of(pid: u32) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // Not readable for processes of other users.
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    Some(Usage {
        cpu_s: stat(pid)?.cpu_ticks / TICKS_PER_SECOND,
        resident_bytes: number_after(&status, "VmRSS:").unwrap_or(0) * 1024,
        written_bytes: number_after(&io, "write_bytes:").unwrap_or(0),
    })
}

fn name_of(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/comm"))
        .ok()
        .map(|name| name.trim().to_owned())
}

struct Stat {
    parent: u32,
    cpu_ticks: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // `rest` begins with the third field of proc(5).
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        cpu_ticks: field(14)? + field(15)?,
    })
}

fn number_after(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let stat =
            parse_stat("42 (a b) c) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 7 0 123456")
                .unwrap();
        assert_eq!((stat.parent, stat.cpu_ticks), (7, 200.0));
        assert_eq!(
            number_after("VmPeak:\t 9 kB\nVmRSS:\t   12 kB\n", "VmRSS:"),
            Some(12)
        );
    }

    #[test]
    fn finds_this_process() {
        let me = std::process::id();
        assert!(
            usage_of_trees(&[me])
                .values()
                .any(|usage| usage.resident_bytes > 0)
        );
        assert!(usage_of_trees(&[]).is_empty());
    }
}
