//! Chat: what is asked, what is answered, and the pieces a streamed answer comes in.

mod collect;
mod event;
mod message;
mod reply;
mod request;

pub use collect::ChatCollector;
pub use event::{ChatEvent, ToolCallDelta};
pub use message::{
    AssistantMessage, Image, ImageSource, Message, Part, ProviderRef, Sealed, ToolCall, ToolResult,
};
pub use reply::{ChatReply, FinishReason};
pub use request::{ChatRequest, Effort, Format, ReasoningRequest, Tool, ToolChoice};
