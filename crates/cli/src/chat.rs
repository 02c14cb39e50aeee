//! `backstop chat`.

use std::future::Future;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use backstop::{Answer, AnswerStream, Backstop, ChatReply, ChatRequest, Error, ErrorKind, StreamEvent};
use serde_json::{Value, json};

use crate::args::Chat;
use crate::exit::Exit;
use crate::human::{self, Progress};
use crate::json;
use crate::setup::Setup;

const OPERATION: &str = "chat";

pub(crate) async fn run(config: Option<PathBuf>, verbose: bool, arguments: Chat) -> Exit {
    let (json, streamed) = (arguments.json, arguments.stream);
    match prepare(config, &arguments) {
        Ok((client, request)) => {
            let progress = Arc::new(Progress::new(verbose));
            let client = client.with_observer(Arc::clone(&progress) as Arc<dyn backstop::Observer>);
            let printer = Printer { json, streamed, progress };
            if streamed {
                printer.stream(&client, request).await
            } else {
                printer.whole(&client, request).await
            }
        }
        Err(error) => fail(&error, json, streamed),
    }
}

fn prepare(config: Option<PathBuf>, arguments: &Chat) -> Result<(Backstop, ChatRequest), Error> {
    let prompt = prompt(arguments.prompt.as_deref())?;
    let setup = Setup::find(config)?;
    let mut client = setup.client(arguments.route.as_deref(), arguments.models.as_deref())?;
    if let Some(deadline) = arguments.deadline {
        client = client.with_deadline(deadline);
    }
    if let Some(attempts) = arguments.attempts {
        client = client.with_attempts(attempts);
    }
    let mut request = ChatRequest::user(prompt);
    if let Some(system) = &arguments.system {
        request = request.with_system(system);
    }
    Ok((client, request))
}

fn prompt(given: Option<&str>) -> Result<String, Error> {
    let wrong = |what: &str| Err(Error::new(ErrorKind::Usage, what));
    let prompt = match given {
        Some(text) if text != "-" => text.to_owned(),
        None if std::io::stdin().is_terminal() => {
            return wrong("there is no prompt: write it behind the command, or send it to stdin");
        }
        _ => {
            let mut text = String::new();
            if let Err(error) = std::io::stdin().read_to_string(&mut text) {
                return wrong(&format!("the prompt on stdin cannot be read: {error}"));
            }
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    if prompt.trim().is_empty() { wrong("the prompt is empty") } else { Ok(prompt) }
}

fn fail(error: &Error, json: bool, streamed: bool) -> Exit {
    if json {
        // Nobody who reads it, nobody to tell.
        let _ = json::print_error(OPERATION, streamed, error);
    }
    human::trail(error.trail());
    human::failure(error);
    Exit::of(error)
}

/// How the answer is shown.
struct Printer {
    json: bool,
    streamed: bool,
    progress: Arc<Progress>,
}

impl Printer {
    async fn whole(&self, client: &Backstop, request: ChatRequest) -> Exit {
        let outcome = beside(client.chat_until(request, interrupted()), self.progress.spin()).await;
        self.progress.clear();
        match outcome {
            Ok(answer) => self.answered(&answer, || human::write_out(&format!("{}\n", answer.text))),
            Err(error) => fail(&error, self.json, false),
        }
    }

    async fn stream(&self, client: &Backstop, request: ChatRequest) -> Exit {
        let mut stream = match client.chat_stream(request) {
            Ok(stream) => stream,
            Err(error) => return fail(&error, self.json, true),
        };
        let mut stop = pin!(interrupted());
        let mut open_line = false;
        loop {
            let event = beside(next_until(&mut stream, stop.as_mut()), self.progress.spin()).await;
            self.progress.clear();
            let written = match event {
                None => {
                    end_line(open_line && !self.json);
                    return fail(&stream.cancel(), self.json, true);
                }
                Some(Ok(StreamEvent::End(answer))) => {
                    end_line(open_line && !self.json);
                    return self.answered(&answer, || Ok(()));
                }
                Some(Ok(event)) => {
                    open_line |= matches!(event, StreamEvent::Text(_));
                    self.piece(&event)
                }
                Some(Err(error)) => {
                    end_line(open_line && !self.json);
                    return fail(&error, self.json, true);
                }
            };
            if written.is_err() {
                // The reader has seen what it wanted: what is left of the answer is not asked for.
                return Exit::Answered;
            }
        }
    }

    fn piece(&self, event: &StreamEvent) -> std::io::Result<()> {
        if self.json {
            return match json_of(event) {
                Some(line) => json::print(&line),
                None => Ok(()),
            };
        }
        match event {
            StreamEvent::Text(text) => human::write_out(text),
            StreamEvent::Reset { target, .. } => {
                human::write_out("\n\n")?;
                human::warning(&format!("the answer broke off; {target} begins anew"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn answered(&self, answer: &Answer<ChatReply>, text: impl FnOnce() -> std::io::Result<()>) -> Exit {
        let written = if self.json { json::print_answer(OPERATION, self.streamed, answer) } else { text() };
        for call in &answer.tool_calls {
            human::note(&format!("the model calls {}({})", call.name, call.arguments));
        }
        human::trail(answer.trail());
        // Whoever closed the pipe has what it wanted.
        let _ = written;
        Exit::Answered
    }
}

fn end_line(open: bool) {
    if open {
        let _ = human::write_out("\n");
    }
}

fn json_of(event: &StreamEvent) -> Option<Value> {
    Some(match event {
        StreamEvent::Text(text) => json!({ "event": "delta", "text": text }),
        StreamEvent::Reasoning(text) => json!({ "event": "reasoning", "text": text }),
        StreamEvent::ToolCall(delta) => json!({
            "event": "tool_call", "index": delta.index, "id": delta.id, "name": delta.name, "arguments": delta.arguments,
        }),
        StreamEvent::Reset { target, .. } => json!({ "event": "reset", "target": &**target }),
        _ => return None,
    })
}

/// The next piece; `None` if the user interrupts first.
async fn next_until(
    stream: &mut AnswerStream,
    mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
) -> Option<Result<StreamEvent, Error>> {
    let mut next = pin!(stream.next());
    std::future::poll_fn(|cx| match next.as_mut().poll(cx) {
        Poll::Ready(event) => Poll::Ready(event),
        Poll::Pending => stop.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a way to be interrupted, nothing interrupts.
        std::future::pending::<()>().await;
    }
}

/// Waits for the first, and lets the second run as long.
async fn beside<T>(main: impl Future<Output = T>, other: impl Future) -> T {
    let (mut main, mut other) = (pin!(main), pin!(other));
    std::future::poll_fn(|cx| {
        let _ = other.as_mut().poll(cx);
        main.as_mut().poll(cx)
    })
    .await
}
