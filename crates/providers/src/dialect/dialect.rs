//! What tells one service of this wire from another: data, and nothing but data.

use std::fmt;

use backstop_core::{ErrorKind, KindOption, Shape};

use crate::http::{Demands, Home, KeyHeader, Place};

/// How a service speaks the wire of chat completions.
///
/// [`COMMON`](Self::COMMON) is what most do; a service states where it differs.
pub(crate) struct Dialect {
    /// The kind: the name of its feature and module, in routes and config files.
    pub(crate) name: &'static str,
    /// Where the service is. Where everybody has a place of their own, an example of one.
    pub(crate) base_url: &'static str,
    /// Whose base URL that is.
    pub(crate) place: Place,
    /// The variable that may state another base URL.
    pub(crate) base_url_variable: Option<&'static str>,
    /// The variables the key is conventionally in, the first that is set counting.
    pub(crate) key_variables: &'static [&'static str],
    /// Whether nothing works without a key.
    pub(crate) key_needed: bool,
    /// Where the key stands in a request.
    pub(crate) key_header: KeyHeader,
    /// The model to ask when nobody names one.
    pub(crate) default_model: Option<&'static str>,
    /// Whether it runs on this machine, where the first answer waits for the model to load.
    pub(crate) local: bool,
    /// What is appended to the base URL.
    pub(crate) paths: Paths,
    /// What a base URL is mistakenly stated with, though it is appended.
    pub(crate) appended: &'static [&'static str],
    /// The settings of the kind, those in `headers` among them.
    pub(crate) options: &'static [KindOption],
    /// The settings that are sent as headers.
    pub(crate) headers: &'static [HeaderOption],
    /// What a request may hold.
    pub(crate) takes: Takes,
    /// What is special about answers.
    pub(crate) gives: Gives,
    /// What is special about errors.
    pub(crate) errors: Quirks,
}

/// What is appended to the base URL. `{model}` stands for the model that is asked.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) chat: &'static str,
    /// `None` where there is no text completion.
    pub(crate) complete: Option<&'static str>,
    /// `None` where there are no embeddings.
    pub(crate) embed: Option<&'static str>,
}

/// A setting that is sent as a header with every request.
#[derive(Copy, Clone, Debug)]
pub(crate) struct HeaderOption {
    /// The setting.
    pub(crate) option: &'static str,
    pub(crate) header: &'static str,
    /// The variable it is conventionally in.
    pub(crate) variable: Option<&'static str>,
}

/// The name of the limit on output in chats.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    MaxTokens,
    MaxCompletionTokens,
}

/// How thinking is asked for.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Thinking {
    /// Not at all: what thinks, thinks unasked.
    Unasked,
    /// `"reasoning_effort": "low"`.
    Effort(Words),
    /// `"reasoning": {"effort": "low"}`.
    Object(Words),
    /// `"thinking": {"type": "enabled"}` and, unless it is disabled, `"reasoning_effort": "low"`.
    Switch(Words),
    /// `"chat_template_kwargs": {"enable_thinking": true, "reasoning_effort": "low"}`, for models that know either, and
    /// unless it is disabled `"reasoning_effort": "low"` beside it, for servers that do.
    Template(Words),
}

/// The words for how much to think.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Words {
    pub(crate) none: &'static str,
    pub(crate) minimal: &'static str,
    pub(crate) low: &'static str,
    pub(crate) medium: &'static str,
    pub(crate) high: &'static str,
}

impl Words {
    /// Each its own.
    pub(crate) const ALL: Self =
        Self { none: "none", minimal: "minimal", low: "low", medium: "medium", high: "high" };
    /// As little as possible is little.
    pub(crate) const FROM_LOW: Self = Self { minimal: "low", ..Self::ALL };
}

/// What of an answer has to come back with the conversation.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resent {
    Nothing,
    /// `reasoning_content`, with every message that calls tools; blank where somebody else called them.
    Thoughts,
    /// `reasoning_details`, to the model that gave them.
    Details,
}

/// What a request may hold. What is not among it is refused before anything is sent, except for what is a wish anyway:
/// the seed, strictness, and that a model may call several tools at once.
#[derive(Debug)]
pub(crate) struct Takes {
    pub(crate) tools: bool,
    /// Making a model call a tool.
    pub(crate) forced_tools: bool,
    pub(crate) strict_tools: bool,
    pub(crate) parallel_tool_calls: bool,
    /// Arguments of earlier calls are put into a template as an object.
    pub(crate) argument_objects: bool,
    pub(crate) images: bool,
    pub(crate) image_urls: bool,
    /// Files that were uploaded.
    pub(crate) files: bool,
    pub(crate) json: bool,
    pub(crate) json_schema: bool,
    /// What a schema has to be like to be enforced; nothing where any schema will do.
    pub(crate) strict: Option<Demands>,
    pub(crate) limit: Limit,
    pub(crate) thinking: Thinking,
    /// The most stop texts.
    pub(crate) stops: usize,
    pub(crate) seed: bool,
    /// Whether streams tell their usage only if they are asked to.
    pub(crate) stream_usage: bool,
    /// The system's words first, then user and assistant in turn.
    pub(crate) alternation: bool,
    pub(crate) resent: Resent,
    /// Fields of every chat, with their JSON.
    pub(crate) always: &'static [(&'static str, &'static str)],
    /// Filling in the middle of a text.
    pub(crate) suffix: bool,
    /// Whether vectors can be had in base64, which is a third of the size.
    pub(crate) base64: bool,
    /// The most texts of a request for embeddings, where it is known.
    pub(crate) embed_batch: Option<u32>,
    /// The most tokens of all its texts together, where it is known.
    pub(crate) embed_tokens: Option<u32>,
    /// The words for what vectors are for: document and query.
    pub(crate) input_types: Option<(&'static str, &'static str)>,
}

/// What is special about answers.
#[derive(Debug)]
pub(crate) struct Gives {
    /// Further words for an answer that is done.
    pub(crate) stops: &'static [&'static str],
    /// Words in place of a finish reason that mean a failure.
    pub(crate) failures: &'static [(&'static str, ErrorKind)],
    /// Output tokens are counted without those of thinking.
    pub(crate) reasoning_apart: bool,
    /// Thoughts stand in front of the text, between `<think>` and `</think>`.
    pub(crate) think_tags: bool,
}

/// A rule about errors: under these statuses (none are all) and with one of these words, it is of this kind.
pub(crate) type Rule = (&'static [u16], &'static [&'static str], ErrorKind);

/// What is special about errors. These rules go before those of the wire, kind by kind of evidence.
#[derive(Debug)]
pub(crate) struct Quirks {
    /// Where beside the usual places the machine's word stands: JSON pointers. It goes before the others.
    pub(crate) words_at: &'static [&'static str],
    /// The machine's words.
    pub(crate) words: &'static [Rule],
    /// Phrases in lower case within the message.
    pub(crate) phrases: &'static [Rule],
    /// Statuses with a meaning of their own.
    pub(crate) statuses: &'static [(u16, ErrorKind)],
    /// The header that tells, in milliseconds since 1970, when the window of a limit ends.
    pub(crate) reset_header: Option<&'static str>,
    /// A used-up budget that says when to come back is a limit of the moment.
    pub(crate) hinted_quota_passes: bool,
}

impl Dialect {
    /// Where the service is, and what says who asks.
    pub(crate) const fn home(&self) -> Home {
        Home {
            kind: self.name,
            base_url: self.base_url,
            place: self.place,
            base_url_variable: self.base_url_variable,
            key_variables: self.key_variables,
            key_header: self.key_header,
            key_needed: self.key_needed,
            appended: self.appended,
        }
    }

    /// What most services do.
    pub(crate) const COMMON: Self = Self {
        name: "",
        base_url: "",
        place: Place::Shared(&[]),
        base_url_variable: None,
        key_variables: &[],
        key_needed: true,
        key_header: KeyHeader::Bearer,
        default_model: None,
        local: false,
        paths: Paths::CHAT,
        appended: &["/chat/completions", "/completions", "/embeddings", "/responses", "/models"],
        options: &[HEADERS, STREAM_USAGE],
        headers: &[],
        takes: Takes::COMMON,
        gives: Gives::COMMON,
        errors: Quirks::NONE,
    };

    /// What servers on one's own machine do: no key, and a first answer that waits.
    pub(crate) const LOCAL: Self = Self { key_needed: false, local: true, paths: Paths::ALL, ..Self::COMMON };
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows the name can look up the rest.
        f.debug_tuple("Dialect").field(&self.name).finish()
    }
}

impl Paths {
    pub(crate) const CHAT: Self = Self { chat: "/chat/completions", complete: None, embed: None };
    pub(crate) const CHAT_AND_EMBED: Self = Self { embed: Some("/embeddings"), ..Self::CHAT };
    pub(crate) const ALL: Self = Self { complete: Some("/completions"), ..Self::CHAT_AND_EMBED };
}

impl Takes {
    pub(crate) const COMMON: Self = Self {
        tools: true,
        forced_tools: true,
        strict_tools: true,
        parallel_tool_calls: true,
        argument_objects: true,
        images: true,
        image_urls: true,
        files: false,
        json: true,
        json_schema: true,
        strict: Some(Demands::WHOLE),
        limit: Limit::MaxTokens,
        thinking: Thinking::Effort(Words::FROM_LOW),
        stops: 4,
        seed: true,
        stream_usage: true,
        alternation: false,
        resent: Resent::Nothing,
        always: &[],
        suffix: false,
        base64: false,
        embed_batch: None,
        embed_tokens: None,
        input_types: None,
    };
}

impl Gives {
    pub(crate) const COMMON: Self =
        Self { stops: &[], failures: &[], reasoning_apart: false, think_tags: false };
}

impl Quirks {
    pub(crate) const NONE: Self = Self {
        words_at: &[],
        words: &[],
        phrases: &[],
        statuses: &[],
        reset_header: None,
        hinted_quota_passes: false,
    };
}

/// The settings of every dialect.
pub(crate) const HEADERS: KindOption =
    KindOption::new("headers", Shape::Texts, "Headers sent with every request.");
pub(crate) const STREAM_USAGE: KindOption = KindOption::new(
    "stream_usage",
    Shape::Flag,
    "Whether streams ask for their usage; else where they have to.",
);
