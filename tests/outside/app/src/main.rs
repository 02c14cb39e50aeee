//! Routes to a failing `openai` and then to the stranger's provider; prints the answer and the trail.

use std::io::{Read, Write};
use std::net::TcpListener;

use backstop::Backstop;
use backstop::providers::openai::{OpenAi, OpenAiConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 503 Overloaded\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    let backstop = Backstop::builder()
        .provider(OpenAi::new(OpenAiConfig::keyless(base_url))?)
        .provider(stranger::Mirror)
        .target("openai/gpt-5.2")
        .target("mirror/any")
        .build()?;
    let answer = backstop.chat("stop").await?;
    println!("{}\n{}", answer.text, answer.trail());
    Ok(())
}
