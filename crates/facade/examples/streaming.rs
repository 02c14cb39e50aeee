//! A stream whose first target dies in mid-answer, under each policy: `cargo run --example streaming`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::Write as _;
use std::time::Duration;

use backstop::core::fallback::{AfterCommit, Policy};
use backstop::{Backstop, Error, ErrorKind, StreamEvent};
use backstop_testkit::{FakeProvider, FakeStream};

#[tokio::main]
async fn main() -> Result<(), Error> {
    for after_commit in [AfterCommit::Stop, AfterCommit::Restart] {
        println!("after_commit = {after_commit:?}");
        let mut policy = Policy::default();
        policy.after_commit = after_commit;
        let backstop = Backstop::builder()
            .provider(
                FakeProvider::new("frail").streams(typed("The sky is blue because").fails(ErrorKind::Server)),
            )
            .provider(FakeProvider::new("sturdy").streams(typed("Air scatters blue light the most.").ends()))
            .target("frail/model")
            .target("sturdy/model")
            .policy(policy)
            .build()?;
        print(backstop.chat_stream("Why is the sky blue?")?).await;
    }
    Ok(())
}

async fn print(mut stream: backstop::AnswerStream) {
    while let Some(event) = stream.next().await {
        match event {
            Ok(StreamEvent::Start { target, .. }) => print!("  [{target}] "),
            Ok(StreamEvent::Text(text)) => print!("{text}"),
            Ok(StreamEvent::Reset { target, .. }) => print!("…\n  [{target} begins anew] "),
            Ok(StreamEvent::End(answer)) => println!("\n\n{}\n", indent(answer.trail())),
            Ok(_) => {}
            Err(error) => {
                let kept = error.partial().map_or("", |partial| &partial.text);
                println!("…\n  {error}\n  kept: {kept:?}\n\n{}\n", indent(error.trail()));
            }
        }
        let _ = std::io::stdout().flush();
    }
}

fn typed(text: &str) -> FakeStream {
    text.split_inclusive(' ')
        .fold(FakeStream::new(), |stream, word| stream.text(word).sleeps(Duration::from_millis(60)))
}

fn indent(trail: &backstop::Trail) -> String {
    format!("  {}", trail.to_string().replace('\n', "\n  "))
}
