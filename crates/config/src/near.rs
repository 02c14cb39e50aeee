//! The name that was probably meant.

/// Names are rarely longer; a longer one is not worth the time.
const LENGTH_MAX: usize = 64;

/// The one of these names that differs least, if it differs little enough to be meant.
pub(crate) fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let name = plain(name);
    let length = name.chars().count();
    if length > LENGTH_MAX {
        return None;
    }
    let near = |other: &'n str| (strsim::osa_distance(&name, &plain(other)), other);
    let (distance, other) = names.into_iter().map(near).min()?;
    // Half of a name of two letters is no resemblance.
    let bound = (length / 3).max(usize::from(length > 2));
    (distance <= bound).then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        let names = ["deadline", "first_content", "api_key", "retry", "routes"];
        for (name, meant) in [
            ("deadlin", Some("deadline")),
            ("dealdine", Some("deadline")),
            ("First-Content", Some("first_content")),
            ("apikey", Some("api_key")),
            ("retries", None),
            ("route", Some("routes")),
            ("xy", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, names), meant, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(1000), ["x"]), None);
    }
}
