//! "Did you mean …": the known name closest to what was written.

/// The candidate nearest to `word`, when it is near enough to be what was meant: one edit, or one in
/// four characters, or the only candidate that `word` begins. Ties go to the first.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> Option<&'a str> {
    let candidates = candidates.into_iter();
    by_edits(word, candidates.clone()).or_else(|| {
        let mut begun = candidates.filter(|candidate| word.len() > 2 && candidate.starts_with(word));
        begun.next().filter(|_| begun.next().is_none())
    })
}

fn by_edits<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(LONGEST).map(|c| c.to_ascii_lowercase()).collect();
    let limit = (word.len() / 4).max(1);
    candidates
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= limit && *edits < candidate.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Names are short; a hostile key of a megabyte must not cost a megabyte times a name.
const LONGEST: usize = 80;

/// Edits (insert, drop, replace, swap of neighbours) between the two: optimal string alignment.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let at = |list: &[char], index: usize| list.get(index).copied();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (row, &from) in a.iter().enumerate() {
        let mut line = vec![row + 1];
        let mut left = row + 1;
        for (column, &to) in b.iter().enumerate() {
            let of = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut best = (of(&above, column + 1) + 1).min(left + 1);
            best = best.min(of(&above, column) + usize::from(from != to));
            let swapped =
                row > 0 && column > 0 && at(a, row - 1) == Some(to) && at(&b, column - 1) == Some(from);
            if swapped {
                best = best.min(of(&before, column - 1) + 1);
            }
            line.push(best);
            left = best;
        }
        before = above;
        above = line;
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_of_the_finger_are_understood_and_other_words_are_not() {
        let known = ["idle", "lifetime", "remember", "public_url"];
        assert_eq!(nearest("idel", known), Some("idle"));
        assert_eq!(nearest("lifetim", known), Some("lifetime"));
        assert_eq!(nearest("publicurl", known), Some("public_url"));
        assert_eq!(nearest("Public-URL", known), Some("public_url"));
        assert_eq!(nearest("pub", known), Some("public_url"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}
