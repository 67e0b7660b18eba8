//! A short memory of measured times.

use crate::order::ascending;

/// The last measurements, as many as fit.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    ring: Vec<f64>,
    next: usize,
}

impl Samples {
    pub(crate) const CAPACITY: usize = 120;

    pub(crate) fn push(&mut self, value: f64) {
        if self.ring.len() < Self::CAPACITY {
            self.ring.push(value);
        } else {
            self.ring[self.next] = value;
        }
        self.next = (self.next + 1) % Self::CAPACITY;
    }

    /// All of them, the oldest first.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = f64> {
        let oldest = if self.ring.len() < Self::CAPACITY { 0 } else { self.next };
        self.ring[oldest..].iter().chain(&self.ring[..oldest]).copied()
    }

    /// The value that part `q` (0 to 1) of the samples lies at or below; 0 without samples.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let sorted = ascending(self.ring.iter().copied());
        let rank = (q * sorted.len() as f64).ceil().max(1.0) as usize;
        sorted.get(rank - 1).or(sorted.last()).map_or(0.0, |index| self.ring[*index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_last_samples() {
        let mut samples = Samples::default();
        assert_eq!(samples.quantile(0.5), 0.0);
        for i in 0..320 {
            samples.push(f64::from(i));
        }
        assert!(samples.in_order().eq((200..320).map(f64::from)));
        assert_eq!(samples.quantile(0.0), 200.0);
        assert_eq!(samples.quantile(0.5), 259.0);
        assert_eq!(samples.quantile(0.95), 313.0);
        assert_eq!(samples.quantile(1.0), 319.0);
    }
}
