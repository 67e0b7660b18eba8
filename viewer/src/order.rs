//! Putting things in order by a number. One routine for all: each type that the standard library sorts costs the
//! download several kilobytes.

/// Indices of things in the ascending order of their keys; equal ones (to seven digits) keep their order.
pub(crate) fn ascending(keys: impl Iterator<Item = f64>) -> Vec<usize> {
    let mut packed: Vec<u64> = keys.zip(0..).map(|(key, index)| u64::from(rank(key as f32)) << 32 | index).collect();
    packed.sort_unstable();
    packed.into_iter().map(|packed| packed as u32 as usize).collect()
}

/// A whole number that is ordered as the number is; what is no number comes last or first.
fn rank(key: f32) -> u32 {
    let bits = key.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_in_the_order_of_their_keys() {
        let keys = [3.0, -1.0, f64::INFINITY, 0.0, 3.0, -1e9, f64::NEG_INFINITY, 1e-3];
        assert_eq!(ascending(keys.into_iter()), [6, 5, 1, 3, 7, 0, 4, 2]);
        assert!(ascending(std::iter::empty()).is_empty());
    }
}
