//! Indoors or outdoors, as a probability: never a hard switch.
//!
//! A hidden Markov model of two states (Rabiner 1989). One passes from one to the other at entrances, seldom elsewhere;
//! what a receiver says of its satellites, whether a scan fits the radio map, and whether the position lies within the
//! venue each weigh both states. Thresholds after Radu et al. 2014, "A semi-supervised learning approach for robust
//! indoor-outdoor detection with smartphones" (SenSys), made soft.

/// Rate of passing, 1/s, away from all entrances and at one.
const PASS_PER_SEC: [f64; 2] = [0.002, 0.25];
/// At an entrance is who is within this of one, metres.
const ENTRANCE_M: f64 = 12.0;
/// Evidence of one observation is bounded, in natural logarithms of odds: they depend on each other.
const MOST_EVIDENCE: f64 = 1.0;
/// A receiver that falls silent for longer speaks for indoors, seconds; so much for each second.
const SILENT_AFTER_SECS: f64 = 4.0;
const SILENCE_PER_SEC: f64 = 0.25;

/// What a receiver tells of a fix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reception {
    pub(crate) accuracy_m: f64,
    pub(crate) satellites: Option<u32>,
    pub(crate) cn0_dbhz: Option<f64>,
}

/// The probability to be indoors.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    probability: f64,
    time_ms: Option<f64>,
    fix_ms: Option<f64>,
    /// When the place in the venue, and when a beacon was last weighed.
    weighed_ms: [Option<f64>; 2],
}

impl Default for Handover {
    fn default() -> Self {
        Self { probability: 0.5, time_ms: None, fix_ms: None, weighed_ms: [None; 2] }
    }
}

impl Handover {
    /// 0 outdoors, 1 indoors.
    pub(crate) fn probability(&self) -> f64 {
        self.probability
    }

    /// Lets time pass; `to_entrance_m` is `None` where no entrances are known.
    pub(crate) fn advance(&mut self, time_ms: f64, to_entrance_m: Option<f64>) {
        let secs = self.time_ms.map_or(0.0, |before| ((time_ms - before) / 1e3).clamp(0.0, 30.0));
        self.time_ms = Some(self.time_ms.map_or(time_ms, |before| before.max(time_ms)));
        let near = to_entrance_m.map_or(0.3, |m| (-(m / ENTRANCE_M).powi(2)).exp());
        let rate = PASS_PER_SEC[0] + near * (PASS_PER_SEC[1] - PASS_PER_SEC[0]);
        // Both ways alike: towards one half.
        let stay = (-2.0 * rate * secs).exp();
        self.probability = 0.5 + (self.probability - 0.5) * stay;
        if let Some(fix_ms) = self.fix_ms
            && (time_ms - fix_ms) / 1e3 > SILENT_AFTER_SECS
        {
            self.weigh(SILENCE_PER_SEC * secs);
        }
    }

    /// Takes what a receiver says.
    pub(crate) fn satellites(&mut self, time_ms: f64, reception: Reception) {
        self.fix_ms = Some(time_ms);
        // Log-odds of normals: mean and deviation indoors, then outdoors.
        let odds = |x: f64, [mi, si]: [f64; 2], [mo, so]: [f64; 2]| {
            0.5 * ((x - mo) / so).powi(2) - 0.5 * ((x - mi) / si).powi(2) + (so / si).ln()
        };
        let mut evidence = odds(reception.accuracy_m.max(1.0).ln(), [3.5, 0.6], [2.1, 0.6]);
        if let Some(cn0) = reception.cn0_dbhz {
            evidence += odds(cn0, [23.0, 6.0], [36.0, 5.0]);
        }
        if let Some(satellites) = reception.satellites {
            evidence += odds(f64::from(satellites.min(14)), [4.0, 2.5], [11.0, 3.0]);
        }
        self.weigh(evidence);
    }

    /// Takes how well a scan fits the radio map: of `heard` access points the map knows `known`.
    pub(crate) fn scan(&mut self, known: usize, heard: usize) {
        if heard > 0 {
            let share = known as f64 / heard as f64;
            self.weigh(if known < 3 { -0.7 } else { 1.6 * (share - 0.4) });
        }
    }

    /// Takes where the position lies: the probability that it is within the venue's walls.
    pub(crate) fn within(&mut self, time_ms: f64, inside: f64) {
        let secs = self.since(0, time_ms);
        self.weigh(0.5 * secs * (inside - 0.5));
    }

    /// Takes what seldom happens outdoors: a beacon heard, a range to an anchor.
    pub(crate) fn indoors(&mut self, time_ms: f64) {
        let secs = self.since(1, time_ms);
        self.weigh(0.3 * secs);
    }

    /// Seconds since something of a kind was weighed, 1 at most: what comes more often says no more.
    fn since(&mut self, kind: usize, time_ms: f64) -> f64 {
        let before = self.weighed_ms[kind].replace(time_ms);
        before.map_or(1.0, |before| ((time_ms - before) / 1e3).clamp(0.0, 1.0))
    }

    fn weigh(&mut self, evidence: f64) {
        let p = self.probability.clamp(0.002, 0.998);
        let odds = (p / (1.0 - p)).ln() + evidence.clamp(-MOST_EVIDENCE, MOST_EVIDENCE);
        self.probability = (1.0 / (1.0 + (-odds).exp())).clamp(0.002, 0.998);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reception_and_scans_move_the_probability_and_no_single_one_decides() {
        let mut handover = Handover::default();
        let open = Reception { accuracy_m: 6.0, satellites: Some(12), cn0_dbhz: Some(38.0) };
        let poor = Reception { accuracy_m: 40.0, satellites: Some(4), cn0_dbhz: Some(22.0) };
        for i in 0..10 {
            handover.advance(1e3 * f64::from(i), Some(100.0));
            handover.satellites(1e3 * f64::from(i), open);
        }
        assert!(handover.probability() < 0.05);
        handover.satellites(10e3, poor);
        assert!(handover.probability() < 0.3, "one poor fix decides nothing");
        for i in 11..20 {
            handover.advance(1e3 * f64::from(i), Some(3.0));
            handover.satellites(1e3 * f64::from(i), poor);
            handover.scan(20, 22);
        }
        assert!(handover.probability() > 0.9);
        for i in 20..26 {
            handover.advance(1e3 * f64::from(i), Some(3.0));
            handover.satellites(1e3 * f64::from(i), open);
            handover.scan(2, 20);
        }
        assert!(handover.probability() < 0.2, "{}", handover.probability());
    }

    #[test]
    fn a_receiver_that_falls_silent_at_an_entrance_means_indoors() {
        let mut handover = Handover::default();
        handover.satellites(0.0, Reception { accuracy_m: 6.0, satellites: Some(12), cn0_dbhz: Some(38.0) });
        for i in 0..25 {
            handover.advance(1e3 * f64::from(i), Some(4.0));
        }
        assert!(handover.probability() > 0.6, "{}", handover.probability());
    }
}
