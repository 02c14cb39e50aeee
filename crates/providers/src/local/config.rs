//! The settings of the kind: which file each model is in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use backstop_core::{Error, ErrorKind, KindOption, Settings, Shape};

use super::NAME;
use crate::options::Options;

pub(super) const OPTIONS: &[KindOption] = &[KindOption::new(
    "models",
    Shape::Texts,
    "The GGUF file of each model, by the name used in routes: { qwen = \"models/qwen3-0.6b.gguf\" }.",
)];

/// What a [`Local`](super::Local) provider is built from.
///
/// ```
/// use backstop_providers::local::LocalConfig;
/// let config = LocalConfig::default().with_model("qwen", "models/qwen3-0.6b.gguf");
/// ```
#[derive(Clone, Debug)]
pub struct LocalConfig {
    pub(super) name: String,
    pub(super) models: BTreeMap<String, PathBuf>,
}

impl Default for LocalConfig {
    fn default() -> Self {
        Self { name: NAME.to_owned(), models: BTreeMap::new() }
    }
}

impl LocalConfig {
    /// What a config file says.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type, and for settings of a server.
    pub fn from_settings(settings: &Settings) -> Result<Self, Error> {
        let models = Options::of(settings, OPTIONS)?.texts("models")?;
        let stated = [
            ("base_url", settings.base_url.is_some()),
            ("api_key", settings.api_key.is_some()),
            ("connect", settings.connect.is_some()),
        ];
        if let Some((setting, _)) = stated.into_iter().find(|(_, stated)| *stated) {
            let name = &settings.name;
            let message = format!("the provider `{name}` has no setting `{setting}`: it asks no server");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let models = models.into_iter().map(|(model, path)| (model, PathBuf::from(path))).collect();
        Ok(Self { name: settings.name.clone(), models })
    }

    /// Replaces the name used in routes, `local`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a model: the name used in routes, and its file.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        self.models.insert(model.into(), file.into());
        self
    }
}
