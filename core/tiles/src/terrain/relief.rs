//! A grid of heights to as few triangles as show it: a right-triangulated irregular network (Evans, Kirkpatrick and
//! Townsend, 1997), with the error metric and the walk of the library Martini.

/// Triangles over a square grid of `side` × `side` values (`side` is a power of two and one more), as indices of the
/// grid, none of whose points is more than `most_error` away from the grid's own value.
pub(super) fn triangles(values: &[f64], side: usize, most_error: f64) -> Vec<[u32; 3]> {
    let errors = errors(values, side);
    let last = side - 1;
    let mut out = Vec::new();
    // Both halves of the square; each triangle as its hypotenuse's ends and its right angle.
    let mut stack = vec![[[0, 0], [last, last], [last, 0]], [[last, last], [0, 0], [0, last]]];
    while let Some([a, b, c]) = stack.pop() {
        let middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
        let is_divisible = a[0].abs_diff(c[0]) + a[1].abs_diff(c[1]) > 1;
        if is_divisible && errors[middle[1] * side + middle[0]] > most_error {
            stack.push([c, a, middle]);
            stack.push([b, c, middle]);
        } else {
            out.push([a, b, c].map(|[x, y]| (y * side + x) as u32));
        }
    }
    out
}

/// For each grid point that is the middle of a hypotenuse, the largest error of drawing the triangles on both sides of
/// it, or any below them, undivided.
fn errors(values: &[f64], side: usize) -> Vec<f64> {
    let last = side - 1;
    let mut errors = vec![0.0_f64; side * side];
    let count = last * last * 2 - 2;
    let parents = count - last * last;
    for i in (0..count).rev() {
        let [a, b, c] = corners(i + 2, last);
        let at = |[x, y]: [usize; 2]| y * side + x;
        let middle = at([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
        let error = ((values[at(a)] + values[at(b)]) / 2.0 - values[middle]).abs();
        errors[middle] = errors[middle].max(error);
        if i < parents {
            for end in [a, b] {
                let below = errors[at([(end[0] + c[0]) / 2, (end[1] + c[1]) / 2])];
                errors[middle] = errors[middle].max(below);
            }
        }
    }
    errors
}

/// Corners of a triangle of the binary tree by its number, from 2: the hypotenuse's ends and the right angle.
fn corners(number: usize, last: usize) -> [[usize; 2]; 3] {
    let (mut a, mut b, mut c) = match number & 1 {
        1 => ([0, 0], [last, last], [last, 0]),
        _ => ([last, last], [0, 0], [0, last]),
    };
    let mut rest = number >> 1;
    while rest > 1 {
        let middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
        (a, b) = if rest & 1 == 1 { (c, a) } else { (b, c) };
        c = middle;
        rest >>= 1;
    }
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hill(side: usize) -> Vec<f64> {
        let middle = (side - 1) as f64 / 2.0;
        let height = |x: usize, y: usize| {
            let away = (x as f64 - middle).hypot(y as f64 - middle) / middle;
            100.0 * (-6.0 * away * away).exp()
        };
        (0..side * side).map(|i| height(i % side, i / side)).collect()
    }

    /// Twice the area of a triangle, in squares of the grid.
    fn area(triangle: &[u32; 3], side: usize) -> i64 {
        let [a, b, c] = triangle.map(|i| [(i as usize % side) as i64, (i as usize / side) as i64]);
        ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs()
    }

    #[test]
    fn a_plane_takes_two_triangles_and_a_hill_as_many_as_it_needs() {
        let side = 65;
        let plane: Vec<f64> = (0..side * side).map(|i| (i % side) as f64 * 0.25 + (i / side) as f64).collect();
        assert_eq!(triangles(&plane, side, 0.001).len(), 2);
        let counts = [10.0, 1.0, 0.1, -1.0].map(|error| triangles(&hill(side), side, error).len());
        assert!(counts[0] < counts[1] && counts[1] < counts[2] && counts[2] < counts[3], "{counts:?}");
        assert_eq!(counts[3], 2 * 64 * 64, "every triangle there is");
    }

    #[test]
    fn triangles_cover_the_square_once_and_err_as_little_as_was_asked() {
        let (side, most_error) = (33, 1.5);
        let values = hill(side);
        let triangles = triangles(&values, side, most_error);
        let total: i64 = triangles.iter().map(|triangle| area(triangle, side)).sum();
        assert_eq!(total, 2 * 32 * 32);
        for (i, value) in values.iter().enumerate() {
            let at = [(i % side) as f64, (i / side) as f64];
            let shown = triangles.iter().find_map(|triangle| height_at(triangle, &values, side, at));
            let error = (shown.expect("a triangle at every point") - value).abs();
            assert!(error <= most_error, "{error} at {at:?}");
        }
    }

    fn height_at(triangle: &[u32; 3], values: &[f64], side: usize, [x, y]: [f64; 2]) -> Option<f64> {
        let [a, b, c] = triangle.map(|i| [(i as usize % side) as f64, (i as usize / side) as f64]);
        let whole = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        let beta = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / whole;
        let gamma = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / whole;
        let alpha = 1.0 - beta - gamma;
        let value = |i: usize| values[triangle[i] as usize];
        let inside = [alpha, beta, gamma].iter().all(|share| *share >= -1e-9);
        inside.then(|| alpha * value(0) + beta * value(1) + gamma * value(2))
    }
}
