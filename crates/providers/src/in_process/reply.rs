//! From what a model writes to a reply, in one piece or as it comes.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest, FinishReason};
use backstop_core::completion::{CompletionEvent, CompletionReply};
use backstop_core::{ChatStream, CompletionStream, Error, ErrorKind, Usage};
use futures_core::Stream;

use super::channel::Receiver;

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Piece {
    /// More text.
    Text(String),
    /// It is whole.
    End(FinishReason, Usage),
}

impl Piece {
    /// Joins more text to text that nobody has read yet; the end, and an error, stand alone.
    pub(super) fn join(
        last: &mut Result<Self, Error>,
        more: Result<Self, Error>,
    ) -> Option<Result<Self, Error>> {
        match (last, more) {
            (Ok(Self::Text(last)), Ok(Self::Text(more))) => {
                last.push_str(&more);
                None
            }
            (_, more) => Some(more),
        }
    }
}

/// An answer that is being written. Dropping it stops the model.
pub(crate) struct Writing {
    /// `None` once the last piece or an error has come.
    pieces: Option<Receiver<Result<Piece, Error>>>,
    provider: String,
    model: String,
}

impl std::fmt::Debug for Writing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writing").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Writing {
    pub(super) fn new(pieces: Receiver<Result<Piece, Error>>) -> Self {
        Self { pieces: Some(pieces), provider: String::new(), model: String::new() }
    }

    /// Says who writes it.
    pub(crate) fn by(mut self, provider: &str, model: &str) -> Self {
        (self.provider, self.model) = (provider.to_owned(), model.to_owned());
        self
    }

    /// The answer in one piece.
    pub(crate) async fn into_chat(self, request: &ChatRequest) -> Result<ChatReply, Error> {
        let (provider, model) = (self.provider.clone(), self.model.clone());
        let (text, finish, usage) = self.whole().await?;
        let mut reply = ChatReply::text(text);
        (reply.finish, reply.usage, reply.model) = (finish, usage, Some(model.clone()));
        reply.check(request).map_err(|error| error.with_target(provider, model))
    }

    /// The answer as it comes.
    pub(crate) fn into_chat_stream(self) -> ChatStream {
        let start = ChatEvent::start(Some(self.model.clone()), None);
        Box::pin(Events {
            start: Some(start),
            writing: self,
            ended: None,
            text: ChatEvent::Text,
            usage: ChatEvent::Usage,
            end: ChatEvent::End,
        })
    }

    /// The continuation in one piece.
    pub(crate) async fn into_completion(self) -> Result<CompletionReply, Error> {
        let model = self.model.clone();
        let (text, finish, usage) = self.whole().await?;
        let mut reply = CompletionReply::text(text);
        (reply.finish, reply.usage, reply.model) = (finish, usage, Some(model));
        Ok(reply)
    }

    /// The continuation as it comes.
    pub(crate) fn into_completion_stream(self) -> CompletionStream {
        Box::pin(Events {
            start: Some(CompletionEvent::start(Some(self.model.clone()))),
            writing: self,
            ended: None,
            text: CompletionEvent::Text,
            usage: CompletionEvent::Usage,
            end: CompletionEvent::End,
        })
    }

    async fn whole(mut self) -> Result<(String, FinishReason, Usage), Error> {
        let mut whole = String::new();
        loop {
            match poll_fn(|cx| self.poll_piece(cx)).await? {
                Piece::Text(text) => whole.push_str(&text),
                Piece::End(finish, usage) => return Ok((whole, finish, usage)),
            }
        }
    }

    /// The next piece. After the last one, or an error, there is none to be asked for.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        let piece = match &self.pieces {
            Some(pieces) => ready!(pieces.poll_next(cx)),
            None => None,
        };
        let piece = piece.unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Server, "the thread of the model ended before its answer did"))
        });
        if !matches!(piece, Ok(Piece::Text(_))) {
            self.pieces = None;
        }
        Poll::Ready(piece.map_err(|error| error.with_target(&*self.provider, &*self.model)))
    }
}

/// The pieces as events of one operation.
struct Events<E> {
    start: Option<E>,
    writing: Writing,
    /// What is left to tell after the usage.
    ended: Option<FinishReason>,
    text: fn(String) -> E,
    usage: fn(Usage) -> E,
    end: fn(FinishReason) -> E,
}

impl<E: Unpin> Stream for Events<E> {
    type Item = Result<E, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(start) = this.start.take() {
            return Poll::Ready(Some(Ok(start)));
        }
        if let Some(finish) = this.ended.take() {
            return Poll::Ready(Some(Ok((this.end)(finish))));
        }
        if this.writing.pieces.is_none() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(ready!(this.writing.poll_piece(cx)).map(|piece| match piece {
            Piece::Text(text) => (this.text)(text),
            Piece::End(finish, usage) => {
                this.ended = Some(finish);
                (this.usage)(usage)
            }
        })))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;
    use std::task::Wake;
    use std::thread::{self, Thread};

    use super::*;

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// Waits for all of an answer.
    pub(in super::super) fn wait(writing: Writing) -> Result<(String, FinishReason, Usage), Error> {
        block_on(writing.whole())
    }

    fn block_on<T>(task: impl Future<Output = T>) -> T {
        let mut task = Box::pin(task);
        let waker = Arc::new(Unpark(thread::current())).into();
        loop {
            match task.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(value) => return value,
                Poll::Pending => thread::park(),
            }
        }
    }

    fn events<E>(mut stream: Pin<Box<dyn Stream<Item = Result<E, Error>> + Send>>) -> Vec<Result<E, Error>> {
        let next = || block_on(poll_fn(|cx| stream.as_mut().poll_next(cx)));
        std::iter::from_fn(next).collect()
    }

    fn two_words() -> Writing {
        let work = |out: &super::super::workers::Out| {
            out.text("two ".to_owned());
            out.text("words".to_owned());
            Ok(Piece::End(FinishReason::Length, Usage::new(3, 2)))
        };
        super::super::Workers::new(1).write(work).unwrap().by("tiny", "guide")
    }

    #[test]
    fn a_stream_is_its_start_its_text_its_cost_and_its_end() {
        let heard: Vec<_> = events(two_words().into_chat_stream()).into_iter().map(Result::unwrap).collect();
        let expected = [
            ChatEvent::start(Some("guide".into()), None),
            ChatEvent::Text("two ".into()),
            ChatEvent::Text("words".into()),
            ChatEvent::Usage(Usage::new(3, 2)),
            ChatEvent::End(FinishReason::Length),
        ];
        assert_eq!(heard, expected);
        let heard = events(two_words().into_completion_stream()).into_iter().map(Result::unwrap);
        let expected = [
            CompletionEvent::start(Some("guide".into())),
            CompletionEvent::Text("two ".into()),
            CompletionEvent::Text("words".into()),
            CompletionEvent::Usage(Usage::new(3, 2)),
            CompletionEvent::End(FinishReason::Length),
        ];
        assert_eq!(heard.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_error_is_the_last_of_a_stream_and_names_the_target() {
        let work = |out: &super::super::workers::Out| {
            out.text("two ".to_owned());
            Err(Error::new(ErrorKind::Server, "planted"))
        };
        let writing = super::super::Workers::new(1).write(work).unwrap().by("tiny", "guide");
        let heard = events(writing.into_chat_stream());
        let error = heard.last().unwrap().as_ref().unwrap_err();
        assert_eq!((heard.len(), error.provider(), error.model()), (3, Some("tiny"), Some("guide")));
    }

    #[test]
    fn a_reply_in_one_piece_has_all_of_it() {
        let reply = block_on(two_words().into_chat(&ChatRequest::user("x"))).unwrap();
        assert_eq!((reply.text.as_str(), reply.finish), ("two words", FinishReason::Length));
        assert_eq!((reply.model.as_deref(), reply.usage), (Some("guide"), Usage::new(3, 2)));
    }
}
