//! Which parts of a found text a query matched.

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// As it is.
    Plain(&'a str),
    /// What the query matched.
    Matched(&'a str),
}

/// The text in parts, none of them empty. `matched` are byte ranges, ascending; one that is out of order or not on
/// whole characters is passed over.
pub fn parts<'a>(text: &'a str, matched: &[[usize; 2]]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut done = 0;
    for &[start, end] in matched {
        let (Some(before), Some(hit)) = (text.get(done..start), text.get(start..end)) else { continue };
        parts.extend([Part::Plain(before), Part::Matched(hit)]);
        done = end;
    }
    parts.push(Part::Plain(text.get(done..).unwrap_or_default()));
    parts.retain(|part| !matches!(part, Part::Plain("") | Part::Matched("")));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use Part::{Matched, Plain};

    #[test]
    fn a_text_falls_into_plain_and_matched_parts() {
        let check = |text, matched: &[[usize; 2]], expected: &[Part<'_>]| {
            assert_eq!(parts(text, matched), expected, "{text} {matched:?}");
        };
        check("Töölö bay", &[[0, 3]], &[Matched("Tö"), Plain("ölö bay")]);
        check("中山路", &[[3, 9]], &[Plain("中"), Matched("山路")]);
        check("abc", &[], &[Plain("abc")]);
        check("abc", &[[0, 1], [2, 3]], &[Matched("a"), Plain("b"), Matched("c")]);
        check("", &[[0, 0]], &[]);
    }

    #[test]
    fn ranges_that_make_no_sense_are_passed_over() {
        for matched in [[1, 2], [3, 2], [0, 99], [usize::MAX, 0]] {
            assert_eq!(parts("ö", &[matched]), [Plain("ö")], "{matched:?}");
        }
        assert_eq!(parts("abc", &[[1, 2], [0, 1]]), [Plain("a"), Matched("b"), Plain("c")]);
    }
}
