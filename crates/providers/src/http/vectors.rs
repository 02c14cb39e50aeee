//! Vectors that somebody else computed.

use backstop_core::Error;
use backstop_core::embedding::EmbeddingRequest;

use super::attempt::Source;

/// The vectors, if there is one for each text and they are of the size that was asked for. A vector that is missing,
/// or is no vector, would be found by nobody later on.
pub(crate) fn checked(
    source: &Source<'_>,
    request: &EmbeddingRequest,
    vectors: Vec<Vec<f32>>,
) -> Result<Vec<Vec<f32>>, Error> {
    match problem(request, &vectors) {
        Some(problem) => Err(source.bad_reply(&problem)),
        None => Ok(vectors),
    }
}

fn problem(request: &EmbeddingRequest, vectors: &[Vec<f32>]) -> Option<String> {
    let (have, want) = (vectors.len(), request.input.len());
    if have != want {
        return Some(format!("the reply holds {have} vectors for {want} texts"));
    }
    let size = match request.dimensions {
        Some(size) => usize::try_from(size).unwrap_or(usize::MAX),
        None => vectors.first().map_or(0, Vec::len),
    };
    vectors.iter().find_map(|vector| {
        if vector.is_empty() {
            Some("the reply holds a vector without numbers".to_owned())
        } else if vector.len() != size {
            Some(format!("the reply holds a vector of {} numbers in place of {size}", vector.len()))
        } else if vector.iter().any(|number| !number.is_finite()) {
            Some("the reply holds a vector with something in it that is no number".to_owned())
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_as_many_whole_vectors_as_texts_are_vectors() {
        let request = |texts: usize, dimensions| {
            let mut request = EmbeddingRequest::new(vec!["x"; texts]);
            request.dimensions = dimensions;
            request
        };
        for (texts, dimensions, vectors, told) in [
            (2, None, vec![vec![1.0, 2.0], vec![3.0, 4.0]], None),
            (1, Some(2), vec![vec![1.0, 2.0]], None),
            (0, None, vec![], None),
            (2, None, vec![vec![1.0]], Some("1 vectors for 2 texts")),
            (1, None, vec![vec![1.0], vec![2.0]], Some("2 vectors for 1 texts")),
            (1, None, vec![vec![]], Some("without numbers")),
            (2, None, vec![vec![1.0], vec![1.0, 2.0]], Some("2 numbers in place of 1")),
            (1, Some(3), vec![vec![1.0, 2.0]], Some("2 numbers in place of 3")),
            (1, None, vec![vec![1.0, f32::INFINITY]], Some("no number")),
            (1, None, vec![vec![f32::NAN]], Some("no number")),
        ] {
            let problem = problem(&request(texts, dimensions), &vectors);
            match told {
                None => assert_eq!(problem, None),
                Some(words) => assert!(problem.as_ref().is_some_and(|p| p.contains(words)), "{problem:?}"),
            }
        }
    }
}
