//! The settings of the kind: a name, and nothing else.

use backstop_core::{Error, ErrorKind, Settings};

/// Checks that the settings state nothing: there is no server, no key and no file.
pub(super) fn name(settings: Settings) -> Result<String, Error> {
    let stated = [
        ("base_url", settings.base_url.is_some()),
        ("api_key", settings.api_key.is_some()),
        ("connect", settings.connect.is_some()),
    ];
    let stated = stated.into_iter().find_map(|(name, stated)| stated.then(|| name.to_owned()));
    match stated.or_else(|| settings.options.keys().next().cloned()) {
        None => Ok(settings.name),
        Some(setting) => {
            let message = format!(
                "the provider `{}` has no setting `{setting}`: its model is built in, and there is nothing to set",
                settings.name
            );
            Err(Error::new(ErrorKind::Config, message))
        }
    }
}
