//! What has to hold of every error, whatever a server sent.

use std::error::Error as _;

use backstop_core::Error;

use crate::KEY;

/// More characters than any message has.
const MESSAGE_MAX: usize = 302;

/// More than an error says in all: who failed, with what, and the request's id.
const SHOWN_MAX: usize = 1024;

/// So much of the key is still a secret.
const PART: usize = 8;

/// An input that holds as much of the key by itself proves nothing.
const HINT: usize = 4;

/// Looks at an error, and tells it in full. `input` is what the server sent, before the key was put in.
pub(crate) fn error(error: &Error, input: &[u8]) -> String {
    let shown = error.to_string();
    let all = format!("{shown} {:?}", error.request_id());
    assert!(error.message().chars().count() <= MESSAGE_MAX, "a long message: {shown}");
    assert!(shown.chars().count() <= SHOWN_MAX, "a long error: {shown}");
    assert!(!shown.chars().any(char::is_control), "more than a line: {shown:?}");
    assert!(error.provider().is_some() && error.model().is_some(), "nobody failed: {shown}");
    hides_key(&all, input);
    let mut cause = error.source();
    while let Some(source) = cause {
        hides_key(&source.to_string(), input);
        cause = source.source();
    }
    // When to come back counts from a clock that has moved on.
    let (status, id, partial) = (error.status(), error.request_id(), error.partial());
    format!("{shown} {status:?} {id:?} {partial:?} {:?}", error.kind())
}

/// No part of the key is in a text, unless the input holds parts of it by itself.
pub(crate) fn hides_key(text: &str, input: &[u8]) {
    let key = KEY.as_bytes();
    if key.windows(HINT).any(|part| input.windows(HINT).any(|bytes| bytes == part)) {
        return;
    }
    let shown = key.windows(PART).any(|part| text.as_bytes().windows(PART).any(|bytes| bytes == part));
    assert!(!shown, "a part of the key is shown: {text}");
}
