//! Sorting. The standard library's sorts cost a browser four kilobytes for each type of thing; here all share one.

use std::cmp::Ordering;

/// Sorts; equal things keep their order.
pub(crate) fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let order = order(items.len(), &|a, b| compare(&items[a as usize], &items[b as usize]));
    permute(order, &mut |a, b| items.swap(a, b));
}

/// Sorts numbers that are none of them NaN, or NaNs last.
pub(crate) fn sort_numbers(numbers: &mut [f64]) {
    sort_by(numbers, f64::total_cmp);
}

/// Sorts, and keeps the first of equal things.
pub(crate) fn sort_and_dedup<T: Ord>(items: &mut Vec<T>) {
    sort_by(items, T::cmp);
    items.dedup();
}

/// The numbers below `len` in their order: a bottom-up merge sort (Knuth 1998, "The art of computer programming" 3, 5.2.4).
fn order(len: usize, compare: &dyn Fn(u32, u32) -> Ordering) -> Vec<u32> {
    let (mut from, mut to): (Vec<u32>, Vec<u32>) = ((0..len as u32).collect(), vec![0; len]);
    let mut width = 1;
    while width < len {
        for start in (0..len).step_by(2 * width) {
            let (middle, end) = ((start + width).min(len), (start + 2 * width).min(len));
            let (mut left, mut right) = (start, middle);
            for place in &mut to[start..end] {
                let take_left = right >= end || (left < middle && compare(from[left], from[right]).is_le());
                let taken = if take_left { &mut left } else { &mut right };
                *place = from[*taken];
                *taken += 1;
            }
        }
        std::mem::swap(&mut from, &mut to);
        width *= 2;
    }
    from
}

/// Brings things into an order, one cycle of the permutation after the other.
fn permute(mut order: Vec<u32>, swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..order.len() {
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut order[at], at as u32) as usize;
            if from == start {
                break;
            }
            swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn it_sorts_as_the_standard_library_does_and_keeps_the_order_of_equals() {
        let mut random = Random::new(3);
        for len in [0, 1, 2, 3, 10, 100, 1000] {
            let mut items: Vec<(usize, String)> =
                (0..len).map(|i| (random.below(1 + len / 3), i.to_string())).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            sort_by(&mut items, |a, b| a.0.cmp(&b.0));
            assert_eq!(items, expected);
        }
        let mut words = vec!["b", "a", "b", "c", "a"];
        sort_and_dedup(&mut words);
        assert_eq!(words, ["a", "b", "c"]);
    }
}
