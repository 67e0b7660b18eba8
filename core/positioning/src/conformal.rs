//! Radii that hold what they promise, learnt from errors on held-out data.
//!
//! Split conformal prediction (Vovk, Gammerman, Shafer 2005, "Algorithmic learning in a random world"), conditional on
//! the size of the estimator's own spread (Mondrian bins): whatever the spread means, the radius at it is the
//! (n+1)·p-th smallest error that held-out answers of such a spread made.

/// So many bins of equal count.
const BINS: usize = 8;

/// Radii as a function of an estimator's own spread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Radii {
    /// Upper spread of the bin and the 68 % and 95 % error in it, metres; ascending.
    pub(crate) bins: Vec<[f32; 3]>,
}

impl Radii {
    /// Learns from pairs of spread and error in metres; pairs that are not finite are left out. The pairs are sorted
    /// in place.
    pub fn learn(samples: &mut Vec<(f64, f64)>) -> Self {
        samples.retain(|(spread, error)| spread.is_finite() && error.is_finite());
        samples.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let size = samples.len().div_ceil(BINS).max(40);
        let mut bins = Vec::new();
        let mut rest = samples.as_slice();
        while !rest.is_empty() {
            // The last bin takes a remainder too small to stand alone.
            let take = if rest.len() < 2 * size { rest.len() } else { size };
            let (bin, after) = rest.split_at(take);
            rest = after;
            let mut errors: Vec<f64> = bin.iter().map(|b| b.1).collect();
            errors.sort_unstable_by(f64::total_cmp);
            let quantile =
                |p: f64| errors[((errors.len() + 1) as f64 * p).ceil().clamp(1.0, errors.len() as f64) as usize - 1];
            bins.push([bin[bin.len() - 1].0 as f32, quantile(0.68) as f32, quantile(0.95) as f32]);
        }
        Self { bins }
    }

    /// The 68 % and 95 % radius in metres at a spread; of a normal distribution with that spread when nothing was
    /// learnt. Never 0, never less at 95 % than at 68 %.
    pub fn at(&self, spread_m: f64) -> [f64; 2] {
        let [r68, r95] = match self.bins.iter().find(|bin| spread_m <= f64::from(bin[0])).or(self.bins.last()) {
            // A circular normal of spread s: R(p) = s √(−ln(1 − p)).
            None => [spread_m * 1.067, spread_m * 1.731],
            Some(bin) => [f64::from(bin[1]), f64::from(bin[2])],
        };
        let r68 = if r68.is_finite() { r68.max(0.1) } else { 1e4 };
        [r68, if r95.is_finite() { r95.max(r68) } else { 1e4 }]
    }
}
