//! What is wrong now: which problems were told and still stand, and when what failed is worth another try.
//!
//! A server that stumbles for a minute must not leave a hole for the rest of the day, and a server that is down must
//! not be hammered by everyone who looks at its city. So files whose failure may pass are asked for again after a
//! while that doubles each time; all others wait for somebody to ask.

use crate::Problem;
use litemap::LiteMap;

/// The first wait before what failed is asked for again, and the longest, milliseconds.
const FIRST_WAIT_MS: f64 = 5_000.0;
const LONGEST_WAIT_MS: f64 = 300_000.0;
/// More problems than this are not told one by one: they would fill the memory of a page that is open for days.
const MOST_TOLD: usize = 1_000;

/// What tells problems apart: the same fault at the same place is one problem, however often it is met.
type Key = (String, String);

fn key(problem: &Problem) -> Key {
    (problem.place.clone(), problem.code.clone())
}

#[derive(Debug)]
struct File {
    problem: Key,
    /// Trying again by itself may help.
    may_pass: bool,
}

/// The problems that stand.
#[derive(Debug)]
pub(crate) struct Faults {
    told: LiteMap<Key, Problem>,
    /// Files that failed, by URL.
    files: LiteMap<String, File>,
    wait_ms: f64,
    due_ms: Option<f64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { told: LiteMap::new(), files: LiteMap::new(), wait_ms: FIRST_WAIT_MS, due_ms: None }
    }
}

impl Faults {
    /// Takes in a problem; whether it is to be told, because nobody has heard of it yet.
    pub(crate) fn report(&mut self, problem: &Problem) -> bool {
        let key = key(problem);
        let is_new = self.told.len() < MOST_TOLD && !self.told.contains_key(&key);
        if is_new {
            self.told.insert(key, problem.clone());
        }
        is_new
    }

    /// A file failed. `may_pass`: trying again later may help, without anybody's doing anything.
    pub(crate) fn failed(&mut self, url: &str, problem: &Problem, may_pass: bool, now_ms: f64) {
        self.files.insert(url.to_owned(), File { problem: key(problem), may_pass });
        if may_pass && self.due_ms.is_none() {
            self.due_ms = Some(now_ms + self.wait_ms);
        }
    }

    /// A file arrived; the problem that is solved by it.
    pub(crate) fn arrived(&mut self, url: &str) -> Option<Problem> {
        let file = self.files.remove(url)?;
        if !self.files.values().any(|file| file.may_pass) {
            (self.wait_ms, self.due_ms) = (FIRST_WAIT_MS, None);
        }
        self.solve(&file.problem)
    }

    /// Something other than a file is well again; the problem that is solved by it.
    pub(crate) fn solved(&mut self, code: &str, place: &str) -> Option<Problem> {
        self.solve(&(place.to_owned(), code.to_owned()))
    }

    /// Problems of files that nobody asks for any more are gone; these are they.
    pub(crate) fn keep(&mut self, still_failed: &[&str]) -> Vec<Problem> {
        let gone: Vec<String> =
            self.files.keys().filter(|url| !still_failed.contains(&url.as_str())).cloned().collect();
        gone.iter().filter_map(|url| self.arrived(url)).collect()
    }

    fn solve(&mut self, key: &Key) -> Option<Problem> {
        // Two files may have had one problem, such as a decoder that cannot be loaded.
        let stands = self.files.values().any(|file| file.problem == *key);
        if stands { None } else { self.told.remove(key) }
    }

    /// Whether it is time to ask again for the files whose failure may have passed. Says so once.
    pub(crate) fn is_due(&mut self, now_ms: f64) -> bool {
        let due = self.due_ms.is_some_and(|due| due <= now_ms);
        if due {
            self.due_ms = None;
            self.wait_ms = (2.0 * self.wait_ms).min(LONGEST_WAIT_MS);
        }
        due
    }

    /// When it will be time.
    pub(crate) fn due_ms(&self) -> Option<f64> {
        self.due_ms
    }

    /// Whether the failure of a file may have passed.
    pub(crate) fn may_pass(&self, url: &str) -> bool {
        self.files.get(url).is_some_and(|file| file.may_pass)
    }

    /// Somebody asks for everything again: the next wait is a short one.
    pub(crate) fn ask_again(&mut self) {
        (self.wait_ms, self.due_ms) = (FIRST_WAIT_MS, None);
    }

    /// All that stand.
    pub(crate) fn standing(&self) -> impl Iterator<Item = &Problem> {
        self.told.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: &str, place: &str) -> Problem {
        Problem::new(code, "words", place)
    }

    #[test]
    fn a_problem_is_told_once_while_it_stands_and_again_when_it_comes_back() {
        let mut faults = Faults::default();
        let network = problem("network", "a.glb");
        for expected in [true, false] {
            faults.failed("a.glb", &network, true, 0.0);
            assert_eq!(faults.report(&network), expected);
        }
        assert_eq!(faults.arrived("a.glb"), Some(network.clone()));
        assert_eq!(faults.arrived("a.glb"), None);
        assert_eq!(faults.standing().count(), 0);
        assert!(faults.report(&network));
    }

    #[test]
    fn waits_double_up_to_a_limit_and_start_anew_once_all_is_well() {
        let mut faults = Faults::default();
        let (mut now_ms, mut waits) = (0.0, Vec::new());
        for _ in 0..8 {
            faults.failed("a.glb", &problem("network", "a.glb"), true, now_ms);
            let due_ms = faults.due_ms().expect("a time");
            assert!(!faults.is_due(due_ms - 1.0) && faults.is_due(due_ms) && !faults.is_due(due_ms));
            waits.push((due_ms - now_ms) / 1000.0);
            now_ms = due_ms;
        }
        assert_eq!(waits, [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]);
        assert!(faults.may_pass("a.glb"));
        faults.arrived("a.glb");
        faults.failed("b.glb", &problem("network", "b.glb"), true, now_ms);
        assert_eq!(faults.due_ms(), Some(now_ms + 5_000.0));
    }

    #[test]
    fn what_is_broken_for_good_is_not_asked_for_again() {
        let mut faults = Faults::default();
        faults.failed("a.glb", &problem("gltf-json", "a.glb"), false, 0.0);
        assert!(faults.due_ms().is_none() && !faults.may_pass("a.glb") && !faults.may_pass("b.glb"));
    }

    #[test]
    fn one_problem_of_two_files_stands_until_both_are_there() {
        let mut faults = Faults::default();
        let shared = problem("decoder", "draco");
        faults.failed("a.glb", &shared, true, 0.0);
        faults.failed("b.glb", &shared, true, 0.0);
        assert!(faults.report(&shared));
        assert_eq!((faults.arrived("a.glb"), faults.arrived("b.glb")), (None, Some(shared)));
    }

    #[test]
    fn what_a_removed_layer_missed_is_no_problem_any_more() {
        let mut faults = Faults::default();
        for url in ["a.glb", "b.glb"] {
            faults.failed(url, &problem("network", url), true, 0.0);
            faults.report(&problem("network", url));
        }
        assert_eq!(faults.keep(&["b.glb"]), [problem("network", "a.glb")]);
        assert!(faults.may_pass("b.glb") && !faults.may_pass("a.glb"));
    }

    #[test]
    fn a_page_that_is_open_for_days_keeps_a_limited_number_of_problems() {
        let mut faults = Faults::default();
        let told = (0..5_000).filter(|i| faults.report(&problem("network", &i.to_string()))).count();
        assert_eq!((told, faults.standing().count()), (MOST_TOLD, MOST_TOLD));
    }
}
