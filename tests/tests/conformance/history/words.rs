//! What a conversation says, whatever the wire: every wire's rules read a request into this, and so does the test what
//! it expects.

use backstop::core::chat::{ImageSource, Message, Part};
use serde_json::{Map, Value};

/// A thing that was read, or why the wire's server would refuse the request.
pub(super) type Checked<T> = Result<T, String>;

/// A piece of a conversation, in its order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    System(String),
    User(String),
    /// The bytes, as base64.
    Image(String),
    Said(String),
    Call {
        id: String,
        name: String,
        arguments: Value,
    },
    Result {
        id: String,
        text: String,
    },
}

/// A piece of a conversation without ids: results name their call by its number.
#[derive(Clone, Debug, PartialEq)]
enum Plain {
    User(String),
    Image(String),
    Said(String),
    Call(String, Value),
    Result(usize, String),
}

/// What the messages of a caller say.
pub(super) fn of(messages: &[Message]) -> Vec<Word> {
    let mut words = Vec::new();
    for message in messages {
        match message {
            Message::System { text, .. } => words.push(Word::System(text.clone())),
            Message::User { parts, .. } => words.extend(parts.iter().map(|part| match part {
                Part::Text { text, .. } => Word::User(text.clone()),
                Part::Image(image) => match &image.source {
                    ImageSource::Base64 { data, .. } => Word::Image(data.clone()),
                    other => panic!("no such image is sent: {other:?}"),
                },
                other => panic!("no such part is sent: {other:?}"),
            })),
            Message::Assistant(said) => {
                words.extend(Some(&said.text).filter(|text| !text.is_empty()).cloned().map(Word::Said));
                words.extend(said.tool_calls.iter().map(|call| Word::Call {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    // None at all are those of an empty object.
                    arguments: serde_json::from_str(&call.arguments).unwrap_or_else(|_| Map::new().into()),
                }));
            }
            Message::Tool(result) => {
                words.push(Word::Result { id: result.call_id.clone(), text: result.text.clone() });
            }
            other => panic!("no such message is sent: {other:?}"),
        }
    }
    words
}

/// Whether a request says what the caller said: all of it, once, in its order. Where the system's words go is up to the
/// wire, and so is the order of the results of one turn.
pub(super) fn same(sent: &[Word], meant: &[Word]) -> Checked<()> {
    let instructions: Vec<&str> = meant
        .iter()
        .filter_map(|word| match word {
            Word::System(text) => Some(&**text),
            _ => None,
        })
        .collect();
    // Some wires have no place for instructions that come late, and have the user say them.
    let instructs = |word: &&Word| match word {
        Word::System(_) => true,
        Word::User(text) => instructions.contains(&&**text),
        _ => false,
    };
    let placed: String = sent
        .iter()
        .filter(instructs)
        .map(|word| match word {
            Word::System(text) | Word::User(text) => format!("{text}\n"),
            _ => String::new(),
        })
        .collect();
    for text in instructions.iter().copied() {
        let times = placed.matches(text).count();
        ensure(times == 1, || format!("the instruction {text:?} is there {times} times"))?;
    }
    let talk: Vec<Word> = sent.iter().filter(|word| !instructs(word)).cloned().collect();
    let (sent, meant) = (plain(&talk)?, plain(meant)?);
    ensure(sent == meant, || format!("it says\n{sent:#?}\nand should say\n{meant:#?}"))
}

/// Matches results to calls: each call is answered once, at once, and by the id that it alone has until then.
fn plain(words: &[Word]) -> Checked<Vec<Plain>> {
    let mut plain = Vec::new();
    let mut open: Vec<(&str, usize)> = Vec::new();
    let (mut calls, mut answering) = (0, 0);
    for word in words {
        match word {
            Word::Result { id, text } => {
                let place = open.iter().position(|(have, _)| have == id);
                let (_, call) = open.remove(
                    place.ok_or_else(|| format!("the result {text:?} answers no call: its id is {id:?}"))?,
                );
                plain.push(Plain::Result(call, text.clone()));
                answering += 1;
                continue;
            }
            Word::Call { id, name, arguments } => {
                ensure(answering == 0 || open.is_empty(), || format!("{name} is called among results"))?;
                ensure(open.iter().all(|(have, _)| have != id), || format!("two calls have the id {id:?}"))?;
                open.push((id, calls));
                calls += 1;
                plain.push(Plain::Call(name.clone(), arguments.clone()));
            }
            Word::System(_) => {}
            other => {
                ensure(open.is_empty(), || format!("{other:?} comes before the results of {open:?}"))?;
                plain.extend(match other {
                    Word::User(text) => Some(Plain::User(text.clone())),
                    Word::Image(data) => Some(Plain::Image(data.clone())),
                    Word::Said(text) => Some(Plain::Said(text.clone())),
                    Word::System(_) | Word::Call { .. } | Word::Result { .. } => None,
                });
            }
        }
        answering = 0;
    }
    ensure(open.is_empty(), || format!("these calls have no result: {open:?}"))?;
    let is_result = |word: &Plain| matches!(word, Plain::Result(..));
    for results in plain.chunk_by_mut(|a, b| is_result(a) && is_result(b)) {
        results.sort_by_key(|word| match word {
            Plain::Result(call, _) => *call,
            _ => 0,
        });
    }
    Ok(plain)
}

pub(super) fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Checked<()> {
    if holds { Ok(()) } else { Err(problem()) }
}

/// An object with all of these members, perhaps some of those, and no other: what another service's answer brought
/// along has no place in it.
pub(super) fn object<'a>(value: &'a Value, must: &[&str], may: &[&str]) -> Checked<&'a Map<String, Value>> {
    let object = value.as_object().ok_or_else(|| format!("no object: {value}"))?;
    for name in must {
        ensure(object.contains_key(*name), || format!("{name:?} is missing in {value}"))?;
    }
    for name in object.keys() {
        let known = must.iter().chain(may).any(|known| known == name);
        ensure(known, || format!("nobody knows {name:?} in {value}"))?;
    }
    Ok(object)
}

pub(super) fn list<'a>(value: &'a Value, name: &str) -> Checked<&'a [Value]> {
    value[name].as_array().map(Vec::as_slice).ok_or_else(|| format!("{name:?} is no list in {value}"))
}

/// The elements of a list that may be left out.
pub(super) fn optional<'a>(value: &'a Value, name: &str) -> Checked<&'a [Value]> {
    if value.get(name).is_none() { Ok(&[]) } else { list(value, name) }
}

pub(super) fn text(value: &Value, name: &str) -> Checked<String> {
    value[name].as_str().map(str::to_owned).ok_or_else(|| format!("{name:?} is no text in {value}"))
}

/// What must be these very words.
pub(super) fn is(value: &Value, name: &str, expected: &str) -> Checked<()> {
    ensure(value[name] == expected, || format!("{name:?} is not {expected:?} in {value}"))
}

/// Arguments as a text, which must be an object's.
pub(super) fn argument_text(value: &Value, name: &str) -> Checked<Value> {
    let text = text(value, name)?;
    let arguments: Value =
        serde_json::from_str(&text).map_err(|_| format!("the arguments {text:?} are no JSON"))?;
    argument_object(&arguments).cloned()
}

pub(super) fn argument_object(arguments: &Value) -> Checked<&Value> {
    ensure(arguments.is_object(), || format!("the arguments {arguments} are no object"))?;
    Ok(arguments)
}

/// The bytes in a `data:` URL of a PNG.
pub(super) fn png(url: &str) -> Checked<String> {
    let data = url.strip_prefix("data:image/png;base64,");
    data.map(str::to_owned).ok_or_else(|| format!("no image in a data: URL: {url:?}"))
}
