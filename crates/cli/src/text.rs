//! `backstop chat` and `backstop complete`: text goes in, text comes out.

use std::future::Future;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use backstop::core::completion::CompletionRequest;
use backstop::{AnswerStream, Backstop, ChatRequest, Error, ErrorKind, StreamEvent};
use serde_json::{Value, json};

use crate::args::{Chat, Complete, Terms};
use crate::exit::Exit;
use crate::human::{self, Progress};
use crate::json::{self, Told};
use crate::out;
use crate::setup::{Setup, Wants};

/// What is asked.
enum Request {
    Chat(ChatRequest),
    Complete(CompletionRequest),
}

pub(crate) async fn chat(config: Option<PathBuf>, verbose: bool, arguments: Chat) -> Exit {
    let Chat { terms, stream, system, prompt } = arguments;
    let request = read_prompt(prompt.as_deref()).map(|prompt| {
        let request = ChatRequest::user(prompt);
        Request::Chat(match system {
            Some(system) => request.with_system(system),
            None => request,
        })
    });
    run("chat", config, verbose, terms, stream, request).await
}

pub(crate) async fn complete(config: Option<PathBuf>, verbose: bool, arguments: Complete) -> Exit {
    let Complete { terms, stream, prompt } = arguments;
    let request =
        read_prompt(prompt.as_deref()).map(|prompt| Request::Complete(CompletionRequest::new(prompt)));
    run("complete", config, verbose, terms, stream, request).await
}

async fn run(
    operation: &'static str,
    config: Option<PathBuf>,
    verbose: bool,
    terms: Terms,
    streamed: bool,
    request: Result<Request, Error>,
) -> Exit {
    let progress = Arc::new(Progress::new(verbose));
    let printer = Printer { operation, json: terms.json, streamed, progress: Arc::clone(&progress) };
    let prepared = prepare(config, &terms, request).await;
    let prepared = prepared.map(|(client, request)| (client.with_observer(progress), request));
    match prepared {
        Ok((client, request)) if streamed => printer.stream(&client, request).await,
        Ok((client, request)) => printer.whole(&client, request).await,
        Err(error) => printer.failed(&error),
    }
}

async fn prepare(
    config: Option<PathBuf>,
    terms: &Terms,
    request: Result<Request, Error>,
) -> Result<(Backstop, Request), Error> {
    let request = request?;
    Ok((Setup::find(config)?.client_for(terms, Wants::Text).await?, request))
}

fn read_prompt(given: Option<&str>) -> Result<String, Error> {
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

/// How the answer is shown.
struct Printer {
    operation: &'static str,
    json: bool,
    streamed: bool,
    progress: Arc<Progress>,
}

impl Printer {
    fn failed(&self, error: &Error) -> Exit {
        let written = match self.json {
            true => json::print_error(self.operation, self.streamed, error),
            false => Ok(()),
        };
        self.progress.trail(error.trail());
        human::failure(error);
        out::ending(written, Exit::of(error))
    }

    async fn whole(&self, client: &Backstop, request: Request) -> Exit {
        let stop = interrupted();
        let outcome = match request {
            Request::Chat(request) => {
                let call = client.chat_until(request, stop);
                beside(call, self.progress.spin()).await.map(|answer| Told::of_chat(&answer))
            }
            Request::Complete(request) => {
                let call = client.complete_until(request, stop);
                beside(call, self.progress.spin()).await.map(|answer| Told::of_completion(&answer))
            }
        };
        self.progress.clear();
        match outcome {
            Ok(told) => self.answered(&told, || out::text(&format!("{}\n", told.text))),
            Err(error) => self.failed(&error),
        }
    }

    async fn stream(&self, client: &Backstop, request: Request) -> Exit {
        let stream = match request {
            Request::Chat(request) => client.chat_stream(request),
            Request::Complete(request) => client.complete_stream(request),
        };
        let mut stream = match stream {
            Ok(stream) => stream,
            Err(error) => return self.failed(&error),
        };
        let mut stop = pin!(interrupted());
        let mut open_line = false;
        loop {
            let event = beside(next_until(&mut stream, stop.as_mut()), self.progress.spin()).await;
            self.progress.clear();
            let end_line = || if open_line && !self.json { out::text("\n") } else { Ok(()) };
            let written = match event {
                None => {
                    let written = end_line();
                    return out::ending(written, self.failed(&stream.cancel()));
                }
                Some(Ok(StreamEvent::End(answer))) => {
                    return self.answered(&Told::of_chat(&answer), end_line);
                }
                Some(Ok(event)) => {
                    open_line |= matches!(event, StreamEvent::Text(_));
                    self.piece(&event)
                }
                Some(Err(error)) => {
                    let written = end_line();
                    return out::ending(written, self.failed(&error));
                }
            };
            if written.is_err() {
                // Nobody gets what is left of the answer, so it is not asked for.
                return out::ending(written, Exit::Answered);
            }
        }
    }

    fn piece(&self, event: &StreamEvent) -> std::io::Result<()> {
        if self.json {
            return match json_of(event) {
                Some(line) => out::json(&line),
                None => Ok(()),
            };
        }
        match event {
            StreamEvent::Text(text) => out::text(text),
            StreamEvent::Reset { target, .. } => {
                out::text("\n\n")?;
                human::warning(&format!("the answer broke off; {target} begins anew"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn answered(&self, told: &Told, text: impl FnOnce() -> std::io::Result<()>) -> Exit {
        let written =
            if self.json { json::print_answer(self.operation, self.streamed, told) } else { text() };
        for (name, arguments) in &told.tool_calls {
            human::note(&format!("the model calls {name}({arguments})"));
        }
        self.progress.trail(&told.trail);
        out::ending(written, Exit::Answered)
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
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a way to be interrupted, nothing interrupts.
        std::future::pending::<()>().await;
    }
}

/// Waits for the first, and lets the second run as long.
pub(crate) async fn beside<T>(main: impl Future<Output = T>, other: impl Future) -> T {
    let (mut main, mut other) = (pin!(main), pin!(other));
    std::future::poll_fn(|cx| {
        let _ = other.as_mut().poll(cx);
        main.as_mut().poll(cx)
    })
    .await
}
