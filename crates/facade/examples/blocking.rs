//! The blocking client: `cargo run -p backstop --example blocking`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use backstop::{Backstop, Error, ErrorKind, blocking};
use backstop_testkit::FakeProvider;

fn main() -> Result<(), Error> {
    let client = Backstop::builder()
        .provider(FakeProvider::new("busy").fails(ErrorKind::Overloaded))
        .provider(FakeProvider::new("free").replies("Air scatters blue light the most."))
        .target("busy/model")
        .target("free/model")
        .build()?;
    let answer = blocking::Backstop::new(client)?.chat("Why is the sky blue?")?;
    println!("{}\n\n{}", answer.text, answer.trail());
    Ok(())
}
