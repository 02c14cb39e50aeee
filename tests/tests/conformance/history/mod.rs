//! Conversations that change their provider, for every ordered pair of wires: what one began goes on at another, by the
//! rules of the other's server, and comes back.

mod chat_completions;
mod cohere;
mod converse;
mod generate_content;
mod messages;
mod mistral;
mod ollama;
mod responses;
mod words;

use std::future::poll_fn;

use backstop::core::Ask;
use backstop::core::chat::{
    AssistantMessage, ChatCollector, ChatReply, ChatRequest, Effort, FinishReason, Message, Part,
    ReasoningRequest, Tool, ToolCall,
};
use backstop_testkit::conformance::{Place, Said, Say, Subject};
use backstop_testkit::server::{RawServer, Script};
use serde_json::{Value, json};

use words::{Checked, Word, ensure};

const KEY: &str = "Zq7-history.key_value";

/// What was thought, at either place.
const THOUGHT: &str = "so-it-was-thought";

/// A wire, and what its service writes in its own way.
struct Wire {
    /// The subject that spells its answers.
    name: &'static str,
    /// Reads a request as strictly as its server does.
    rules: fn(&Value) -> Checked<Vec<Word>>,
    /// The id of the call of this number. A service that gives none leaves that to its provider.
    id: fn(usize) -> String,
    /// How a call without arguments comes.
    nothing: &'static str,
    /// What is in an answer that only its service can read, and has to get back.
    seal: Option<&'static str>,
}

const WIRES: &[Wire] = &[
    Wire {
        name: "openai",
        rules: chat_completions::words,
        id: |n| format!("functions.get_weather:{n:060}"),
        nothing: "",
        seal: None,
    },
    Wire {
        name: "openai (responses)",
        rules: responses::words,
        id: |n| format!("call_{n:048}"),
        nothing: "",
        seal: Some("gAAAAABo"),
    },
    Wire {
        name: "anthropic",
        rules: messages::words,
        id: |n| format!("toolu_01A09q90qw90lq917835lq{n}"),
        nothing: "{}",
        seal: Some("EqQBCgIYAhIM"),
    },
    Wire {
        name: "gemini",
        rules: generate_content::words,
        id: |_| String::new(),
        nothing: "{}",
        seal: Some("CiQBjz1r"),
    },
    Wire { name: "ollama", rules: ollama::words, id: |_| String::new(), nothing: "{}", seal: None },
    Wire {
        name: "mistral",
        rules: mistral::words,
        id: |n| format!("D681PevK{n}"),
        nothing: "",
        seal: Some("c2lnbmVk"),
    },
    Wire {
        name: "cohere",
        rules: cohere::words,
        id: |n| format!("get_weather_bq9{n}"),
        nothing: "",
        seal: None,
    },
    Wire {
        name: "bedrock",
        rules: converse::words,
        id: |n| format!("tooluse_kZJMlvQmRJ6eAyJE5GIl7{n}"),
        nothing: "{}",
        seal: Some(crate::bedrock::SIGNATURE),
    },
];

impl Wire {
    fn subject(&self) -> Box<dyn Subject> {
        crate::subjects().into_iter().find(|subject| subject.name() == self.name).unwrap()
    }

    fn takes_images(&self) -> bool {
        let subject = self.subject();
        let place = Place::new("http://127.0.0.1:9", Some(KEY));
        subject.provider(&place).capabilities(subject.model()).images
    }

    /// An answer that calls these tools, the first of which has the number `first`.
    fn calls(&self, text: &str, first: usize, calls: &[(&str, &str)]) -> Said {
        let call = |(n, (name, arguments)): (usize, &(&str, &str))| {
            let arguments = if arguments.is_empty() { self.nothing } else { arguments };
            ToolCall::new((self.id)(n), *name, arguments)
        };
        let mut said = Said::default();
        said.text = text.to_owned();
        said.reasoning = Some(THOUGHT.to_owned());
        said.finish = FinishReason::ToolCalls;
        said.calls = (first..).zip(calls).map(call).collect();
        said.usage = (90, 30);
        said
    }
}

/// A conversation on its way from one to the other and back.
struct Talk<'a> {
    streamed: bool,
    messages: Vec<Message>,
    /// Whoever had the word so far.
    seen: Vec<&'a Wire>,
    /// What was sent, and what was meant by it.
    sent: Vec<(Value, Vec<Word>)>,
}

impl<'a> Talk<'a> {
    fn new(streamed: bool, messages: Vec<Message>) -> Self {
        Self { streamed, messages, seen: Vec::new(), sent: Vec::new() }
    }

    /// Goes on at this wire, whose server says this; its request is held to its rules.
    async fn goes_on(&mut self, wire: &'a Wire, says: Said) -> Checked<ChatReply> {
        let (text, calls) = (says.text.clone(), says.calls.len());
        let subject = wire.subject();
        let say = if self.streamed { Say::ChatStream(says) } else { Say::Chat(says) };
        let spelled = subject.spell(&say).unwrap();
        let headers: Vec<_> = spelled.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let server = RawServer::start([Script::replies(spelled.status, &headers, &spelled.body)]);
        let reply =
            self.ask(subject.as_ref(), &server).await.map_err(|error| format!("an error: {error}"))?;
        let seen = server.requests();
        ensure(seen.len() == 1, || format!("{} requests came", seen.len()))?;
        let body = seen[0].json();
        let meant = words::of(&self.messages);
        let complains = |problem| format!("{problem}\nin {body:#}");
        (wire.rules)(&body).and_then(|sent| words::same(&sent, &meant)).map_err(complains)?;
        self.sealed(wire, &body.to_string()).map_err(complains)?;
        ensure((&reply.text, reply.tool_calls.len()) == (&text, calls), || format!("{reply:?}"))?;
        self.messages.push(reply.clone().into_message());
        self.sent.push((body, meant));
        self.seen.push(wire);
        Ok(reply)
    }

    /// What a service sealed goes back there, and nowhere else; nor does what was thought.
    fn sealed(&self, wire: &Wire, body: &str) -> Checked<()> {
        for earlier in &self.seen {
            let is_own = earlier.name == wire.name;
            if let Some(seal) = earlier.seal {
                let problem = if is_own { "is not sent back" } else { "is sent to another" };
                ensure(body.contains(seal) == is_own, || format!("what {} sealed {problem}", earlier.name))?;
            }
        }
        let thought_before = self.seen.iter().any(|earlier| earlier.name == wire.name);
        ensure(thought_before || !body.contains(THOUGHT), || "what another thought is sent".to_owned())
    }

    async fn ask(
        &self,
        subject: &dyn Subject,
        server: &RawServer,
    ) -> Result<ChatReply, backstop::core::Error> {
        let provider = subject.provider(&Place::new(&server.origin(), Some(KEY)));
        let city = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
        let none = json!({ "type": "object", "properties": {} });
        let request = ChatRequest::new(self.messages.clone())
            .with_tool(Tool::new("get_weather", "The weather of a city", city))
            .with_tool(Tool::new("get_time", "The time", none))
            .with_reasoning(ReasoningRequest::effort(Effort::Low))
            .with_max_output_tokens(4096);
        let ask = Ask::new(subject.model());
        if !self.streamed {
            return provider.chat(ask, &request).await;
        }
        let mut stream = provider.chat_stream(ask, &request).await?;
        let mut whole = ChatCollector::default();
        while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            whole.push(&event?)?;
        }
        Ok(whole.into_reply())
    }

    /// The tools have run; the last was done first.
    fn results(&mut self, calls: &[ToolCall], failed: Option<usize>) {
        for (n, call) in calls.iter().enumerate().rev() {
            let Message::Tool(mut result) = Message::tool(&*call.id, format!("result {n} of {}", call.name))
            else {
                panic!("a result")
            };
            result.is_error = failed == Some(n);
            self.messages.push(Message::Tool(result));
        }
    }
}

fn said(text: &str) -> Said {
    let mut said = Said::default();
    said.text = text.to_owned();
    said.usage = (100, 2);
    said
}

/// A conversation begun at one, gone on with at the other, back at the first, and at the other again.
async fn there_and_back<'a>(one: &'a Wire, other: &'a Wire, streamed: bool) -> Checked<Talk<'a>> {
    let mut asked = vec![Part::text("How is the weather there?")];
    if one.takes_images() && other.takes_images() {
        asked.push(Part::image_base64("image/png", "iVBORw0KGgo="));
    }
    let begin =
        vec![Message::system("Be brief."), Message::user_parts(asked), Message::user("And what time is it?")];
    let mut talk = Talk::new(streamed, begin);
    let at = |place: &str, wire: &Wire| {
        let place = format!("{} -> {} ({place}, at {}): ", one.name, other.name, wire.name);
        move |problem: String| place + &problem
    };
    let weather = [
        ("get_weather", r#"{"city":"Oslo"}"#),
        ("get_weather", r#"{"city":"Bergen","days":[1,2]}"#),
        ("get_time", ""),
    ];
    let reply = talk.goes_on(one, one.calls("Let me look.", 0, &weather)).await.map_err(at("begun", one))?;
    talk.results(&reply.tool_calls, Some(1));
    let more = [("get_time", ""), ("get_weather", r#"{"city":"Tromsø \"north\""}"#)];
    let reply = talk.goes_on(other, other.calls("", 5, &more)).await.map_err(at("gone on", other))?;
    talk.results(&reply.tool_calls, None);
    talk.messages.push(Message::user("Only today, please."));
    talk.goes_on(one, said("Rain in Oslo.")).await.map_err(at("come back", one))?;
    talk.messages.extend([Message::system("Now in French."), Message::user("And tomorrow?")]);
    talk.goes_on(other, said("De la pluie.")).await.map_err(at("ended", other))?;
    Ok(talk)
}

fn run<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(task)
}

#[test]
fn a_conversation_with_tools_goes_on_at_any_other_wire_and_comes_back() {
    let mut problems = Vec::new();
    for streamed in [false, true] {
        for (one, other) in WIRES.iter().flat_map(|one| WIRES.iter().map(move |other| (one, other))) {
            problems.extend(run(there_and_back(one, other, streamed)).err());
        }
    }
    let count = problems.len();
    assert!(problems.is_empty(), "{count} conversations broke:\n{}", problems.join("\n\n"));
}

/// Services that give no ids have them numbered anew in every answer.
#[test]
fn ids_that_come_again_in_every_answer_still_find_their_calls() {
    let mut problems = Vec::new();
    for wire in WIRES {
        let mut messages = vec![Message::user("How is the weather there?")];
        for city in ["Oslo", "Bergen", "Bod\u{f8}"] {
            let arguments = json!({ "city": city }).to_string();
            let calls = ["call_0", "call_1"].map(|id| ToolCall::new(id, "get_weather", &*arguments));
            messages.push(Message::Assistant(AssistantMessage::default().with_tool_calls(calls)));
            messages.push(Message::tool("call_1", format!("plus two in {city}")));
            messages.push(Message::tool("call_0", format!("minus four in {city}")));
        }
        let mut talk = Talk::new(false, messages);
        let outcome = run(talk.goes_on(wire, said("Rain.")));
        problems.extend(outcome.err().map(|problem| format!("{}: {problem}", wire.name)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// The rules themselves: whatever is taken out of a good request, or put into it, they notice.
#[test]
fn no_rule_overlooks_what_is_missing_foreign_or_answers_nothing() {
    for wire in WIRES {
        let talk = run(there_and_back(wire, wire, false)).unwrap();
        let (body, meant) = talk.sent.last().unwrap();
        let holds = |body: &Value| (wire.rules)(body).and_then(|sent| words::same(&sent, meant));
        holds(body).unwrap();
        let name = ["messages", "input", "contents"].into_iter().find(|name| body[name].is_array()).unwrap();
        let list = format!("/{name}");
        for place in 0..body[name].as_array().unwrap().len() {
            let mut less = body.clone();
            let gone = less[name].as_array_mut().unwrap().remove(place);
            // A thought may be left out; that it is not is for the conversations above to see.
            assert!(gone["type"] == "reasoning" || holds(&less).is_err(), "{} without {gone}", wire.name);
        }
        let mut places = Vec::new();
        objects(&body[name], list, &mut places);
        assert!(places.len() > 10, "{places:?}");
        for place in places {
            let mut more = body.clone();
            more.pointer_mut(&place).unwrap()["stray"] = "x".into();
            assert!(holds(&more).is_err(), "{} with something strange at {place}", wire.name);
        }
        let text = body.to_string();
        let Word::Call { id, .. } = meant.iter().find(|word| matches!(word, Word::Call { .. })).unwrap()
        else {
            panic!("a call")
        };
        // Of an id that was replaced there is nothing to be found.
        if let Some(last) = text.rfind(&format!("\"{id}\"")) {
            let other = format!("{}x{}", &text[..=last], &text[last + 2..]);
            assert!(holds(&serde_json::from_str(&other).unwrap()).is_err(), "{} with another id", wire.name);
        }
    }
}

/// Where the objects are that belong to the wire. What is in arguments and thoughts is anybody's.
fn objects(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(place.clone());
            let free = ["args", "input", "arguments", "summary"];
            for (name, value) in members.iter().filter(|(name, _)| !free.contains(&name.as_str())) {
                objects(value, format!("{place}/{name}"), found);
            }
        }
        Value::Array(values) => {
            for (n, value) in values.iter().enumerate() {
                objects(value, format!("{place}/{n}"), found);
            }
        }
        _ => {}
    }
}
