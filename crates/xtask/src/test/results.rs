//! What test programs print: the line of each test, and the last one.

/// Numbers of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl Counts {
    /// The numbers of a line as `test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out`; nothing
    /// for every other line.
    pub(super) fn in_line(line: &str) -> Option<Self> {
        let rest = line.trim_end().strip_prefix("test result: ")?;
        let (_verdict, numbers) = rest.split_once(". ")?;
        let number = |what: &str| {
            let part = numbers
                .split("; ")
                .find_map(|part| part.strip_suffix(what))?;
            part.trim_end().parse().ok()
        };
        Some(Self {
            passed: number("passed")?,
            failed: number("failed")?,
            ignored: number("ignored")?,
        })
    }

    pub(super) fn add(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
    }
}

/// The test of a line as `test engine::it_works ... FAILED`.
pub(super) fn failed_test(line: &str) -> Option<&str> {
    line.trim_end()
        .strip_prefix("test ")?
        .strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_test_programs() {
        let ok = "test result: ok. 51 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.02s\n";
        assert_eq!(
            Counts::in_line(ok),
            Some(Counts {
                passed: 51,
                failed: 0,
                ignored: 2
            })
        );
        let failed =
            "test result: FAILED. 0 passed; 12 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(
            Counts::in_line(failed),
            Some(Counts {
                passed: 0,
                failed: 12,
                ignored: 0
            })
        );
    }

    #[test]
    fn reads_nothing_else() {
        let lines = [
            "",
            "test result::tests::it_works ... ok",
            "    test result: ok. 1 passed; 0 failed; 0 ignored",
            "test result: ok. many passed; 0 failed; 0 ignored",
            "test result: ok. 1 passed",
            "running 3 tests",
        ];
        for line in lines {
            assert_eq!(Counts::in_line(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_test_that_failed_is_named() {
        let failed = "test engine::it_works ... FAILED\n";
        assert_eq!(failed_test(failed), Some("engine::it_works"));
        let doc = "test crates/cron/src/lib.rs - next (line 7) ... FAILED";
        assert_eq!(
            failed_test(doc),
            Some("crates/cron/src/lib.rs - next (line 7)")
        );
        for line in [
            "test a ... ok",
            "test result: FAILED. 0 passed",
            "FAILED",
            "",
        ] {
            assert_eq!(failed_test(line), None, "{line:?}");
        }
    }
}
