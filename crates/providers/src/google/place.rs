//! From a model's name to the path of its methods.

use std::fmt::Write;

use backstop_core::{Error, ErrorKind};

use super::Surface;

/// The path of a model below its API's root, or below the version alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Below the root: `models/m`, `publishers/google/models/m`.
    Here(String),
    /// Below the version: a whole resource name, `projects/p/locations/l/endpoints/7`.
    Elsewhere(String),
}

impl Place {
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Here(path) | Self::Elsewhere(path) => path,
        }
    }
}

/// Where this model is. A plain name is one of Google's models; a name with slashes says for itself.
pub(super) fn of(surface: Surface, model: &str) -> Result<Place, Error> {
    let segments: Vec<&str> = model.split('/').collect();
    // A path that climbs would leave the place the key is meant for.
    if segments.iter().any(|segment| segment.is_empty() || segment.chars().all(|c| c == '.')) {
        let message = format!("{model:?} is no name of a model");
        return Err(Error::new(ErrorKind::ModelNotFound, message));
    }
    let path = segments.iter().map(|segment| escaped(segment)).collect::<Vec<_>>().join("/");
    let first = segments.first().copied().unwrap_or_default();
    Ok(match (surface, first, segments.len()) {
        (Surface::Gemini, "models" | "tunedModels", 2..) => Place::Here(path),
        (Surface::Gemini, ..) => Place::Here(format!("models/{path}")),
        (Surface::Vertex, "projects", 2..) => Place::Elsewhere(path),
        (Surface::Vertex, "publishers" | "endpoints" | "models", 2..) => Place::Here(path),
        (Surface::Vertex, publisher, 2..) => {
            let rest = path.split_once('/').map_or("", |(_, rest)| rest);
            Place::Here(format!("publishers/{}/models/{rest}", escaped(publisher)))
        }
        (Surface::Vertex, ..) => Place::Here(format!("publishers/google/models/{path}")),
    })
}

/// A segment of a path, or a value of a form, with everything that means something there taken away.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_name_has_its_path() {
        let here = |path: &str| Place::Here(path.to_owned());
        for (surface, model, place) in [
            (Surface::Gemini, "gemini-x", here("models/gemini-x")),
            (Surface::Gemini, "models/gemini-x", here("models/gemini-x")),
            (Surface::Gemini, "tunedModels/mine-7", here("tunedModels/mine-7")),
            (Surface::Gemini, "models", here("models/models")),
            (Surface::Gemini, "a b?key=c#d", here("models/a%20b%3Fkey%3Dc%23d")),
            (Surface::Gemini, "ü:x", here("models/%C3%BC%3Ax")),
            (Surface::Vertex, "gemini-x", here("publishers/google/models/gemini-x")),
            (Surface::Vertex, "publishers/meta/models/llama", here("publishers/meta/models/llama")),
            (Surface::Vertex, "meta/llama", here("publishers/meta/models/llama")),
            (Surface::Vertex, "endpoints/123", here("endpoints/123")),
            (
                Surface::Vertex,
                "projects/p/locations/l/endpoints/1",
                Place::Elsewhere("projects/p/locations/l/endpoints/1".to_owned()),
            ),
        ] {
            assert_eq!(of(surface, model).unwrap(), place, "{model}");
        }
    }

    #[test]
    fn a_name_cannot_climb_out_of_its_path() {
        for model in
            ["", "..", ".", "models/../x", "models//x", "models/", "/x", "a/.../b", "projects/p/../../q"]
        {
            for surface in [Surface::Gemini, Surface::Vertex] {
                let error = of(surface, model).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ModelNotFound, "{model}");
            }
        }
        // Dots that are written otherwise climb as well; here they are letters.
        assert_eq!(escaped("%2e%2e"), "%252e%252e");
    }
}
