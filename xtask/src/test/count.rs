//! How many tests passed, out of what test runners print.

use std::fmt;
use std::ops::AddAssign;

/// Tests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Count {
    /// What stands for a stage that could not run.
    pub(super) fn one_failure() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    /// A runner that ended badly without naming a failed test has failed as a whole.
    pub(super) fn or_one_failure_unless(self, succeeded: bool) -> Self {
        if succeeded || self.failed > 0 { self } else { Self { failed: 1, ..self } }
    }

    /// Sums the `test result:` lines of `cargo test`; wasm-bindgen's runner prints the same.
    pub(super) fn of_cargo_output(printed: &str) -> Self {
        let mut sum = Self::default();
        for line in printed.lines() {
            let Some((_, result)) = line.split_once("test result: ") else { continue };
            let number = |word: &str| {
                let parts = result.split([';', '.']).map(str::trim);
                parts.filter_map(|part| part.strip_suffix(word)?.trim().parse::<u64>().ok()).next().unwrap_or(0)
            };
            sum += Self { passed: number("passed"), failed: number("failed"), skipped: number("ignored") };
        }
        sum
    }

    /// Reads the totals at the end of Node's TAP report.
    pub(super) fn of_tap(report: &str) -> Self {
        let total = |word: &str| {
            let lines = report.lines().rev();
            lines.filter_map(|line| line.strip_prefix(word)?.trim().parse::<u64>().ok()).next().unwrap_or(0)
        };
        Self {
            passed: total("# pass "),
            failed: total("# fail ") + total("# cancelled "),
            skipped: total("# skipped ") + total("# todo "),
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_cargo_test_binaries_add_up() {
        let printed = "running 3 tests\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        assert_eq!(Count::of_cargo_output(printed), Count { passed: 12, failed: 2, skipped: 1 });
    }

    #[test]
    fn the_last_totals_of_a_tap_report_count() {
        let report = "TAP version 13\n# Subtest: # pass 99\nok 1 - x\n1..1\n# tests 4\n# suites 0\n# pass 1\n# fail 1\n\
            # cancelled 1\n# skipped 1\n# todo 0\n# duration_ms 5\n";
        assert_eq!(Count::of_tap(report), Count { passed: 1, failed: 2, skipped: 1 });
    }

    #[test]
    fn a_runner_that_breaks_without_a_failed_test_counts_as_one_failure() {
        let clean = Count { passed: 3, failed: 0, skipped: 0 };
        assert_eq!(clean.or_one_failure_unless(true), clean);
        assert_eq!(clean.or_one_failure_unless(false).failed, 1);
        assert_eq!(Count { failed: 2, ..clean }.or_one_failure_unless(false).failed, 2);
    }
}
