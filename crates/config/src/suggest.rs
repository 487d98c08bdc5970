//! "Did you mean": the known word nearest to a mistyped one.

/// The nearest of `known`, if it is near enough that a slip of the fingers explains the difference.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = word.to_lowercase();
    known
        .into_iter()
        // The distance is costly and at least the difference in length.
        .filter(|candidate| {
            word.len().abs_diff(candidate.len()) <= slips_allowed(word.len().max(candidate.len()))
        })
        .map(|candidate| (strsim::damerau_levenshtein(&lowered, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= slips_allowed(word.len().max(candidate.len())))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The same as a sentence.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|near| format!("did you mean `{near}`?"))
}

/// One slip in a short word, two in an ordinary one, three in a long one.
fn slips_allowed(length: usize) -> usize {
    match length {
        0..=2 => 0,
        3..=5 => 1,
        6..=10 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_far() {
        let known = ["port", "bind", "token", "buffered_messages"];
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("PORT", known), Some("port"));
        assert_eq!(nearest("bufered_message", known), Some("buffered_messages"));
        assert_eq!(nearest("timeout", known), None);
        assert_eq!(nearest("xy", ["ab"]), None);
        assert_eq!(did_you_mean("tokn", known).as_deref(), Some("did you mean `token`?"));
    }
}
