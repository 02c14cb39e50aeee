//! Where the service is: one host a region, one path a model.

use backstop_core::{Error, ErrorKind};

use super::NAME;
use crate::http::BaseUrl;

/// What a base URL looks like.
pub(super) const EXAMPLE: &str = "https://bedrock-runtime.us-east-1.amazonaws.com";

/// What follows it.
const PATHS: &[&str] = &["/model", "/converse", "/converse-stream", "/invoke"];

/// What precedes and what follows the region in the hosts of AWS.
const HOSTS: [&str; 2] = ["https://bedrock-runtime.", "https://bedrock-runtime-fips."];
const DOMAINS: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];

/// The base URL that is stated, else that of the region.
pub(super) fn base_url(provider: &str, stated: Option<&str>, region: Option<&str>) -> Result<BaseUrl, Error> {
    let of_region = region.map(|region| {
        let domain = if region.starts_with("cn-") { ".amazonaws.com.cn" } else { ".amazonaws.com" };
        format!("https://bedrock-runtime.{region}{domain}")
    });
    // Without a region nothing is sent anywhere.
    let url = stated.or(of_region.as_deref()).unwrap_or(EXAMPLE);
    BaseUrl::parse(provider, url, EXAMPLE, PATHS)
}

/// The region in a base URL, if that is one of AWS's own. Many a name below AWS's domains is a customer's, so all of it
/// has to fit.
pub(super) fn region_of(base_url: &str) -> Option<String> {
    let url = BaseUrl::parse(NAME, base_url, EXAMPLE, PATHS).ok()?;
    let rest = HOSTS.iter().find_map(|host| url.as_str().strip_prefix(host))?;
    let region = DOMAINS.iter().find_map(|domain| rest.strip_suffix(domain))?;
    let is_own = is_region(region) && region.contains('-') && region.ends_with(|c: char| c.is_ascii_digit());
    is_own.then(|| region.to_owned())
}

/// Whether this can be a part of a host, and of a signature.
pub(super) fn is_region(region: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&region.len()) && region.bytes().all(fits)
}

/// The path of an operation. A model is one segment of it, whatever is in its name.
pub(super) fn path(model: &str, operation: &str) -> Result<String, Error> {
    // These would not come through as names.
    if matches!(model, "" | "." | "..") {
        return Err(Error::new(ErrorKind::ModelNotFound, format!("{model:?} is no name of a model")));
    }
    Ok(format!("/model/{}/{operation}", encoded(model)))
}

/// Everything but letters, digits and four marks as `%` and two digits.
pub(super) fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_one_segment() {
        for (model, expected) in [
            ("amazon.nova-lite-v1:0", "/model/amazon.nova-lite-v1%3A0/converse"),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.x",
                "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse",
            ),
            ("a b?ü%", "/model/a%20b%3F%C3%BC%25/converse"),
            ("../x", "/model/..%2Fx/converse"),
        ] {
            assert_eq!(path(model, "converse").unwrap(), expected);
        }
        for model in ["", ".", ".."] {
            assert_eq!(path(model, "converse").unwrap_err().kind(), ErrorKind::ModelNotFound);
        }
    }

    #[test]
    fn only_aws_has_hosts_of_aws() {
        for (url, region) in [
            ("https://bedrock-runtime.us-east-1.amazonaws.com", Some("us-east-1")),
            ("https://bedrock-runtime.us-east-1.amazonaws.com/", Some("us-east-1")),
            ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("https://bedrock-runtime.eu-west-1.api.aws", Some("eu-west-1")),
            ("http://bedrock-runtime.us-east-1.amazonaws.com", None),
            ("https://bedrock-runtime.us-east-1.amazonaws.com:8443", None),
            ("https://bedrock-runtime.us-east-1.amazonaws.com/x", None),
            ("https://bedrock-runtime.s3.us-east-1.amazonaws.com", None),
            ("https://bedrock-runtime.s3.amazonaws.com", None),
            ("https://bedrock-runtime.amazonaws.com", None),
            ("https://bedrock-runtime.us-east-1.amazonaws.com.example", None),
            ("https://my-bedrock-runtime.us-east-1.amazonaws.com", None),
            ("https://user@bedrock-runtime.us-east-1.amazonaws.com", None),
        ] {
            assert_eq!(region_of(url).as_deref(), region, "{url}");
        }
    }

    #[test]
    fn each_region_has_a_host() {
        for (stated, region, url) in [
            (None, Some("eu-west-1"), "https://bedrock-runtime.eu-west-1.amazonaws.com"),
            (None, Some("cn-north-1"), "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
            (Some("http://localhost:1/aws"), Some("eu-west-1"), "http://localhost:1/aws"),
        ] {
            assert_eq!(base_url("p", stated, region).unwrap().as_str(), url);
        }
    }
}
