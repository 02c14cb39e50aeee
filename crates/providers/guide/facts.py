"""What guide knows: its answers, and the ways people ask for them.

A phrase may hold choices: `{one|two}` is one of them, `[this]` is said half of the time, and both may be nested. The
kinds of phrases (see `Fact`) are put into the frames of frames.py, so that "a target" is asked for as "what is a
target?", "target meaning" and so on. The answers agree with README.md, docs/CONFIG.md and docs/ERRORS.md.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """An answer, and what it answers."""

    answer: str
    # Things, as in "what is …?".
    define: tuple = ()
    # Actions, as in "how do I …?".
    howto: tuple = ()
    # Events, as in "what happens if …?".
    when: tuple = ()
    # Names of failures, as in "I get …, what now?".
    failure: tuple = ()
    # Whole questions.
    ask: tuple = ()
    # How often it is asked for, beside the others.
    weight: float = 1.0


# Services: their name, what people call them, their provider name, the variable of their key.
SERVICES = [
    ("OpenAI", "{openai|OpenAI|open ai|gpt|chatgpt|gpt-5}", "openai", "OPENAI_API_KEY"),
    ("Anthropic", "{anthropic|Anthropic|claude|claude sonnet|claude opus}", "anthropic", "ANTHROPIC_API_KEY"),
    ("Gemini", "{gemini|Gemini|google|google ai|gemini pro|google ai studio|gemini flash}", "gemini", "GEMINI_API_KEY"),
    ("Mistral", "{mistral|Mistral|mistral ai|mistral large|codestral}", "mistral", "MISTRAL_API_KEY"),
    ("Groq", "{groq|Groq|groq cloud|groqcloud}", "groq", "GROQ_API_KEY"),
    ("DeepSeek", "{deepseek|DeepSeek|deep seek|deepseek r1}", "deepseek", "DEEPSEEK_API_KEY"),
    ("xAI", "{xai|xAI|x.ai|grok|x ai}", "xai", "XAI_API_KEY"),
    ("Together", "{together|Together|together ai|together.ai}", "together", "TOGETHER_API_KEY"),
    ("Fireworks", "{fireworks|Fireworks|fireworks ai}", "fireworks", "FIREWORKS_API_KEY"),
    ("OpenRouter", "{openrouter|OpenRouter|open router}", "openrouter", "OPENROUTER_API_KEY"),
    ("Perplexity", "{perplexity|Perplexity|perplexity sonar|pplx}", "perplexity", "PERPLEXITY_API_KEY"),
    ("Cerebras", "{cerebras|Cerebras}", "cerebras", "CEREBRAS_API_KEY"),
]

KEY = "{key|api key|API key|token|credential|credentials|secret|api token|access key|apikey}"
VARIABLE = "{variable|env var|environment variable|env variable|env|envvar|variable name|var}"


def key_of(name, called, provider, variable):
    return Fact(
        f"Set the variable {variable} to your {name} key, then run `backstop check`. "
        f"Its targets are written {provider}/MODEL.",
        howto=(
            f"{{set|set up|configure|add|give|enter|store|provide|pass|export|supply}} {{a|the|my}} {called} {KEY}",
            f"{{use|connect to|log in to|sign in to|talk to|set up|configure|enable|add|ask|reach|work with}} {called}",
            f"use my {called} {{account|subscription|models|key}}",
            f"{{tell|give}} {{backstop|it}} my {called} {KEY}",
        ),
        ask=(
            f"{{which|what}} {VARIABLE} {{is for|for|does|belongs to|is used for|do I need for|is read for}} {called}",
            f"{{where|how}} {{do I put|do I set|does|should I put|to put|goes}} {{the|my|a}} {called} {KEY} [go]",
            f"{called} {KEY}",
            f"{called} {KEY} {VARIABLE}",
            f"{called} {VARIABLE}",
            f"{called}",
            f"{called} {{setup|set-up|configuration|config|login|auth|access}}",
            f"{variable}",
            f"what is {variable} [for]",
            f"{{and|what about|how about|and for|same for|and what about}} {called}",
            f"{{got|I got|there is|I bought|I received}} {{a|my|this}} {called} {KEY}[, {{what do I do with it|what next|now what}}]",
            f"{{does|can|will}} {{backstop|it|this}} {{work with|support|use|speak to|talk to|do}} {called} [models]",
            f"is {called} supported",
            f"{{no|missing}} {called} {KEY} [found]",
            f"{KEY} for {called}",
            f"{{which|what}} {{name|variable}} does the {called} {KEY} have",
            f"what is the {VARIABLE} {{called|named}} for {called}",
            f"{{I want|I need|I'd like}} {{to use|to talk to|to ask|}} {called}",
            f"{{authentication|auth|authorisation|authorization|credentials}} {{for|with|against|at}} {called}",
            f"how does {{backstop|it}} {{find|get|know|read}} my {called} {KEY}",
            f"which {KEY} does {called} {{need|want|take|require}}",
            f"{called} {{wants|needs|asks for}} {{a|an|my}} {KEY}",
            f"{{my|the}} {called} {KEY} [{{is ready|is here|is new|from the website}}]",
            f"{{export|environment|env|variable|variables}} {called}",
            f"{{under|in}} which {{name|variable|place}} {{do I put|do I save|should I store|is|do I keep}} {{the|my}} {called} {KEY}",
            f"I {{am|have}} {{a customer of|registered with|subscribed to|an account with|an account at|access to}} {called}",
        ),
        weight=0.6,
    )


KEYS = [key_of(*service) for service in SERVICES] + [
    Fact(
        "Put the key into its provider's variable, such as OPENAI_API_KEY or ANTHROPIC_API_KEY, then run `backstop check`.",
        howto=(
            f"{{set|set up|configure|add|give|enter|store|provide|pass|export|supply|put in}} {{a|the|my|an}} {KEY}",
            "{log in|sign in|authenticate|get access|get authorised}",
            f"{{tell|give|hand}} {{backstop|it|you}} {{a|the|my|an}} {KEY}",
        ),
        ask=(
            f"{{where|how}} {{do I put|do I set|should I put|do I enter|to put|to set}} {{the|my|a}} {KEY}",
            f"where does {{the|my}} {KEY} {{go|belong}}",
            f"{{which|what}} {VARIABLE} {{is for|holds|has|contains|do I need for|is it for}} the {KEY}",
            f"[api] keys", f"{KEY}", f"{KEY} setup", "keys for providers", f"{KEY} in environment",
            f"{{what|which}} keys {{do I need|are needed|are there|can I set}}",
            f"do I {{need|have to have}} {{a|an}} {KEY}",
            f"{{which|what}} {VARIABLE}s {{are there|exist|do you know|are read|matter}}",
            f"I have {{a|an|my}} {KEY}[, {{what now|what do I do with it|where to put it}}]",
        ),
        weight=1.2,
    ),
    Fact(
        "I do not know the variable of that provider by heart: `backstop check` names the one that is missing.",
        howto=(
            f"set {{a|the|my}} {{azure|bedrock|aws|vertex|cohere|nvidia|huggingface|sambanova|replicate|databricks|watsonx|moonshot|kimi|zhipu|dashscope|qwen|ai21}} {KEY}",
            "{use|connect to|set up} {azure|azure openai|bedrock|aws bedrock|vertex ai|cohere|nvidia nim|huggingface|sambanova|replicate|databricks|watsonx|moonshot|kimi|z.ai|dashscope}",
        ),
        ask=(
            f"{{azure|azure openai|bedrock|aws|vertex|vertex ai|cohere|nvidia|nvidia nim|hugging face|huggingface|sambanova|replicate|databricks|moonshot|zhipu|dashscope}} {{{KEY}|{VARIABLE}|setup|}}",
            f"which {VARIABLE} {{for|does|belongs to}} {{azure|bedrock|vertex|cohere|nvidia|hugging face|sambanova|replicate|databricks|kimi}}",
        ),
        weight=0.6,
    ),
    Fact(
        "Ollama needs no key: start it, and backstop finds it on http://127.0.0.1:11434. Its targets are written ollama/MODEL.",
        howto=(
            "{use|connect to|set up|configure|add|talk to|ask|reach|enable} {ollama|Ollama|my ollama|a running ollama|ollama models}",
            "{use|ask|run} {llama|qwen|a model|gemma|a local model} {with|in|on|through|via} ollama",
        ),
        ask=(
            f"{{does|do}} ollama {{need|require|want|have}} {{a|an|any}} {KEY}",
            f"ollama {{{KEY}|url|port|address|setup|host|config|base url|default address|support|variable}}",
            "{ollama|Ollama}", "{what|which} {port|address|url} {is|does} ollama [{on|use|at}]",
            f"do I {{need|have to set}} a {KEY} for ollama",
            "{what about|how about|and|and for} ollama", "does {it|backstop} {work with|support|find|use} ollama",
            "ollama without [a] key", "OLLAMA_API_KEY", "where is ollama {expected|looked for|searched}",
            "is ollama {supported|found by itself|detected}", "ollama is running[, {what now|what do I do|how do I ask it}]",
        ),
        weight=1.2,
    ),
    Fact(
        'api_key = "${OPENAI_API_KEY}" in [providers.openai] takes the key from a variable. '
        "A key written into the file itself is a warning.",
        howto=(
            f"{{write|put|set|store|save}} {{the|my|a}} {KEY} {{in|into|inside}} {{the|my}} {{config|config file|file|toml|backstop.toml|configuration}}",
            "{use|set|write} api_key [in {the file|a provider table|toml}]",
        ),
        define=("api_key", "the api_key setting", "api_key in the config"),
        ask=(
            f"{{can|may|should}} {{I|the key}} {{be written|write the key|be|put my key}} {{in|into}} the {{config|file|toml|config file}}",
            "{key|api key|secret} in {the file|toml|backstop.toml|the config}", "is it safe to write the key into the config",
        ),
        weight=0.7,
    ),
    Fact(
        'Give the second account a table of its own, [providers.work], with kind = "openai" and api_key = "${WORK_KEY}". '
        "Its targets are work/MODEL.",
        howto=(
            "{use|have|configure|add|set up} {two|several|multiple|more} {accounts|keys} {of|for|at|with} {one provider|the same provider|openai|the same service}",
            "{use|add|configure} {a second|another} {account|key|openai key|openai account}",
        ),
        ask=(
            "{two|multiple|several} {keys|accounts} [{for|of} {one provider|openai}]", "same provider with {two|different} keys", "{private|work} and {work|private} account",
            "can I have {two|several|more than one} {openai accounts|keys|accounts|api keys}",
            "second {account|key}", "different key for {work|another project|a second account}",
        ),
        weight=0.7,
    ),
    Fact(
        "Without a key you can use models on your own machine: start Ollama, or run a GGUF file with the feature `local`.",
        howto=(
            f"{{use|run|try}} {{backstop|it|this}} {{without|with no}} {{a|an|any}} {KEY}",
            "{use|run|try} {it|backstop} for free", "avoid paying [for a model]", "use {a free model|free models}",
            "run {a model|models|everything|an llm} {locally|on my machine|on my laptop|on my own computer|at home}",
            "use {local models|a local model|my own machine}",
        ),
        define=("local models", "a local model"),
        ask=(
            f"I {{have|got}} no {KEY}", f"{{I don't|I do not}} have {{a|an|any}} {KEY}", "no key", "local model[s]",
            f"does it {{work|run}} without {{a|an|any}} {KEY}", "can I use it {for free|offline|without an account|without paying}", "do I {need|have to have} an {account|login|subscription} [anywhere|somewhere|for local models]", "is {an account|a login|registration} {needed|required|necessary}", "{run|keep} everything on {my own hardware|my gpu|my own server|premises}", "nothing may leave my {machine|network|house}", "{must|does} it have a network connection", "which models {work|run} without a key", "{self-hosted|on-device|in-house} models",
            "{does|can} {it|backstop} {work|run} {offline|without internet|without a network}", "offline {use|mode|models}",
            "is there a free {model|option}", "{local|free|offline} {models|model|llm}", "{must|do} I {pay|register|sign up}",
        ),
        weight=1.2,
    ),
    Fact(
        "Keys come from the website of the provider; backstop has none of its own.",
        howto=(
            f"{{get|obtain|buy|create|make|find|generate}} {{a|an|my}} [openai|anthropic|mistral|provider] {KEY}",
        ),
        ask=(
            f"where {{do|can}} I {{get|buy|find|obtain|create}} {{a|an}} {KEY}", f"where does {{a|an}} {KEY} come from",
            f"who {{gives|sells}} me {{a|an}} {KEY}", "does backstop {sell|give out|have} [its own] keys",
        ),
        weight=0.7,
    ),
    Fact(
        "Keys are never logged or shown: they are redacted in errors, in debug output and in `backstop config show`.",
        ask=(
            f"{{is|are}} {{my|the}} {{keys|secrets|credentials}} {{safe|secure|logged|shown|printed|leaked|hidden|masked|redacted|protected}}",
            f"{{do|does|will|can|could}} {{backstop|it|you|the trail|an error}} {{log|leak|print|show|reveal|expose|write}} {{my|the}} {{key|keys|secrets|secret|api key|credentials}}",
            "{key|secret} {safety|security|redaction|leak|masking}", f"{{how|where}} are {{keys|secrets}} {{protected|hidden|kept secret|kept}}",
            "are secrets {logged|in the logs|visible|redacted}", "{does|could|might} {my|the} {key|secret|token} {appear|show up|turn up|land|be found|get written} {in|inside} {a log|the logs|a file|the output|an error|the trail|a message}", "how {safe|secure} {is|are} my {key|keys|secret}", "I am {afraid|worried} {my key leaks|about my key|about secrets}", "{hide|mask|redact|protect} {keys|secrets|my key}", "can somebody see my {key|secret} in {an error|the output|the trail|debug output}",
            "are {keys|secrets} {visible|printed} anywhere", "security of {keys|secrets}", "{does|do} {logs|errors} {contain|hold|show} {keys|secrets|credentials}",
        ),
        define=("secrets", "a secret", "redaction"),
    ),
    Fact(
        "A key only goes to its own provider. With a base_url that is not the provider's own, "
        "the key of the environment is never sent.",
        ask=(
            "{is|could|can} my key [be] sent to {another|the wrong|a different|some other} {provider|server|service}",
            "does {my|the} [openai] key go to {other providers|the mirror|a foreign server|another server}",
            "{which|what} {server|provider} {gets|sees|receives} {my|the} key",
            "who {gets|sees|receives} my {key|api key}", "{key|keys} and foreign base_url", "is the key shared between providers",
        ),
        weight=0.6,
    ),
    Fact(
        "Prompts and answers are never logged, and no error line holds them. They go only to the targets that are asked.",
        ask=(
            "{are|is} {my|the} {prompts|prompt|conversation|data|messages|answers|questions|texts} {logged|saved|kept|recorded|safe|private|sent somewhere|shared|collected|tracked}",
            "{do|does|will} {backstop|it|you} {log|save|record|store|keep|collect|remember} {my|the} {prompts|data|messages|conversations|questions|answers}",
            "privacy", "data protection", "{what|which} data {is|are} {collected|logged|sent}", "telemetry", "is there [any] {telemetry|tracking|analytics}",
            "{who|what} {can see|sees|reads|gets} my {prompts|data|messages|questions}", "{does|do} {it|you} {spy|phone home|track me}",
            "are {prompts|messages} in the {log|logs|trail|errors}", "prompt {logging|privacy}", "are {prompts|conversations|questions|my texts} {kept|saved|stored|written} {somewhere|to disk|on disk|in a file|on a server}", "is {anything|something} {stored|saved|kept|logged|recorded} [of {my prompts|what I ask|my data}]", "who else {reads|gets|sees} {what I type|what I ask|my text}", "is {it|backstop|this} {private|confidential|gdpr compliant}", "does backstop keep a history", "where does my data go",
        ),
    ),
]

CONCEPTS = [
    Fact(
        "backstop asks a prioritised list of language models until one answers, and says why at every step. "
        "It is a Rust library and a command line.",
        define=("backstop", "backstop", "this program", "this project", "this", "the backstop tool", "this thing", "it"),
        ask=(
            "what {does|is} {backstop|this program|this software|it} {do|for|about|good for|actually}", "backstop", "about backstop",
            "{tell me|say something} about {backstop|this project|this program}", "what did I {install|just install|run|start}",
            "{give me|I need} {an overview|a summary|a short introduction}", "{what's|what is} the {purpose|point|goal|idea} of {backstop|this|this program|it all}",
            "{introduce|describe|summarise|summarize} backstop [in one sentence]", "what kind of {program|tool|library|software} is {this|backstop}",
            "is backstop {a model|an llm|an AI|a library|a program|a chatbot|a proxy}", "overview", "what am I {running|using|looking at}",
            "what is this {for|about}", "explain backstop [to me|like I am five|in short|simply]", "in {short|one sentence|a nutshell}, what is backstop", "what is this {software|tool|binary|command|crate} {doing|for|good for|supposed to do}", "I {have no idea|don't know} what {this|backstop} is", "what {happens|is going on} {here|when I run this}", "what would you say backstop is", "the {main|one} {job|idea} of backstop", "what have I got here", "what {problem|job} is this tool made for",
        ),
        weight=2.0,
    ),
    Fact(
        "When a model is rate limited, down, slow or filters its answer, backstop asks the next one within one deadline. "
        "You call once, and get an answer and a trail.",
        ask=(
            "why {should|would|do|must} {I|we|anyone|one|people} {use|need|want|choose|take} {backstop|this|it}", "what is {backstop|it} good for",
            "{benefits|advantages|use|merits|pros} of backstop", "what {problem|problems} does {backstop|it|this} solve",
            "what do I {gain|win|get} from {backstop|it|this}", "{what's|what is} the {benefit|advantage|use|usefulness} [of {it|backstop|this}]",
            "why not {call|use} {openai|the provider|the api} {directly|myself}", "{is it|is backstop} {useful|worth it}", "when {should I|do I} use {backstop|it}",
            "what makes {it|backstop} {better|useful|special|different}", "why not {talk to|go to|call|ask} the {provider|api|model|service} {directly|myself|on my own}", "{backstop|this|it} instead of {calling the api|the api|a loop|my own code|an sdk|curl|a plain http client}", "what is {better|easier} with {backstop|it}", "why is {one model|a single provider} not enough", "can't I do that {myself|with a loop}", "is there a reason to use {it|backstop}", "convince me [to use {it|backstop}]", "why does {backstop|it} exist",
            "{backstop|it} versus {plain|using} {reqwest|the openai sdk|an sdk}",
        ),
    ),
    Fact(
        "A fallback is the next target on the list, asked at once when the one before it fails. "
        "The order is yours: it is that of the route.",
        define=("fallback", "a fallback", "fallbacks", "falling back", "failover", "falling over", "fail-over", "the fallback chain"),
        ask=(
            "how does {fallback|failover|falling over|the fallback|it fall over|backstop fall back} [work]", "fallback {order|list|behaviour|logic|chain}",
            "in {which|what} order are {models|targets|they|things} {tried|asked|called|used}", "how {is|does} {the next|another} {model|target} {chosen|picked|selected|get chosen}",
            "who is {asked|tried} {next|first|second}", "what {happens|does it do} when a {model|target} fails", "which {model|target} comes {first|next|second}",
            "does {it|backstop} {switch|move on|go on|change} to {another|the next|a different} {model|target} [by itself|automatically]",
            "{order|priority} of {models|targets}", "what if {the first|one|a} {model|target} {fails|is down|does not answer}", "the {notion|principle|logic|theory} {of|behind} {falling over|failover|fallbacks}", "what does {falling over|fail over|fall back|falling back} {mean|look like}", "then the next {model|target} is {asked|tried}, right", "{who|which model} {takes over|jumps in|replaces it|is next in line} [{when|if} one fails]", "which one {goes|is} first", "does the order {matter|count}", "how does it {decide|know} {who|whom to ask|which model} [{is|comes} next]",
        ),
        weight=1.3,
    ),
    Fact(
        "A target is a provider and a model, written provider/model, such as openai/gpt-5.2. An attempt goes to one target.",
        define=("target", "a target", "targets", "the word target", "provider/model"),
        ask=(
            "how {do I|to|are} {write|name|spell|targets written|a model named|targets named} [a target]", "target {syntax|format|name|names|notation}",
            "how {is|are} {a target|targets|models} {written|named|spelled|specified}", "what does provider/model mean", "example of a target", "how do I {refer to|address|name} {a|one} {model|model of a provider}", "{what|which} things {can be|are} {targets|a target}", "is openai/gpt-5.2 a target", "what do I write {before|after} the slash", "what is a target {made of|composed of|in a route}",
            "what does the slash [in openai/gpt-5.2] {mean|do}", "{format|form|shape} of a target",
        ),
    ),
    Fact(
        "A route is a named, ordered list of targets with a policy: deadline, timeouts, rules. "
        "The route `default` is used when none is named.",
        define=("route", "a route", "routes", "the word route", "the default route"),
        ask=(
            "which route is {used|taken|the default|chosen}", "default route", "what is in a route", "{what's|what is} a route {for|made of|good for}",
            "what are routes {for|good for}", "why {are there|do I need} routes",
        ),
        weight=1.2,
    ),
    Fact(
        "A target is one model, written provider/model. A route is an ordered list of targets with a policy.",
        ask=(
            "{what is|what's|explain|tell me} the difference between {a|} {route|target|routes|targets} and {a|} {target|route|targets|routes}",
            "{route|target} {or|vs|versus} {target|route}", "how do {routes|targets} and {targets|routes} {differ|relate|belong together}",
            "is a {route|target} the same as a {target|route}", "{route|target} compared {to|with} {a target|a route}", "{what sets|what tells} a {route|target} apart from a {target|route}", "{route|routes} {and|versus} {target|targets}", "I {confuse|mix up} {routes and targets|targets and routes|route and target}", "when do you say {route|target} and when {target|route}",
        ),
        weight=0.7,
    ),
    Fact(
        "An attempt is one try of one target: exactly one upstream request.",
        define=("attempt", "an attempt", "attempts", "the word attempt", "one attempt"),
        ask=("what counts as an attempt", "is {a retry|a hedge} an attempt", "how many requests is {an|one} attempt", "is one attempt one request", "what do you call {one try|a single try|a single request}", "does a skip count as an attempt"),
    ),
    Fact(
        "The trail is the record of all attempts and skips of one call. It comes with every answer and every error; "
        "on the command line it stands on stderr.",
        define=("trail", "the trail", "a trail", "trails", "the word trail", "the record of a call"),
        ask=(
            "{where|how} {do|can} I {see|find|learn|read|know} {what happened|which model answered|who answered|what was tried|why a model failed|what failed}",
            "{which|what} model {answered|gave the answer|was used|replied|did answer}", "who answered [me|my question]", "how do I {read|see|get|print} the trail",
            "{what is|what's} {that|the text|the output} on stderr", "where {is|do I find} the trail", "history of a call", "record of {attempts|a call|what happened}",
            "why did {it|backstop} {use|choose|take|switch to} {another|a different|the second} model", "log of {attempts|the call}", "how do I debug a call", "{show|tell|give} me {what happened|the steps|the record} [{in|of|during} {my|the last|a} call]", "which {target|provider|one} {did it use|was it in the end|finally answered|replied}", "{why|how come} {did|does} it {take so long|not use the first model|skip a model}", "what are {those|the|these} lines {on stderr|under the answer|after the answer}", "can I {follow|trace|retrace|inspect} {a call|what happened|the decisions}", "{report|protocol|account|summary} of {a|the} call",
        ),
        weight=1.2,
    ),
    Fact(
        "The fleet is the shared health of all targets: cooldowns, probes, latency and the retry budget.",
        define=("fleet", "the fleet", "the word fleet", "a fleet", "the health of targets", "shared health"),
        ask=(
            "{where|how} is {the health of targets|health|what is known of targets} {kept|stored|shared|tracked}", "what {does|is} the fleet {do|know|hold|keep|for|good at}", "what {belongs to|is in|is part of|makes up} the fleet", "why {do I|does it} {need|have} a fleet", "{purpose|use|meaning} of the fleet", "fleet of {targets|models}", "does one call know what another {saw|learned}", "does {it|backstop} {remember|know} {which|what} {targets|models} are {ill|down|sick|bad}",
            "is health shared {between|across|among} calls", "fleet health", "target health", "how does {it|backstop} know a target is {ill|healthy|sick|down}",
        ),
    ),
    Fact(
        "A cooldown is the rest of a target or provider that failed. Told ones (rate limit, quota, key, unknown model) are always heeded; "
        "suspected ones only put it behind the others.",
        define=("cooldown", "a cooldown", "cooldowns", "cooling", "the word cooldown", "cooling down", "a rest period", "a resting target", "a told cooldown", "a suspected cooldown"),
        ask=(
            "why is {a|the|this|my} {target|provider} {cooling|resting|in cooldown|skipped|passed over|left out|not asked}", "how long {does|is} {a|the} {cooldown|rest|target} [{last|rest}]",
            "what does cooling {30 s|5 s|for 60 s} mean", "{told|suspected} {cooldown|or told|and told}", "when {is|will} a {failed|cooling|resting} target [be] asked again",
            "difference between told and suspected", "{why|when} does a target {rest|cool down|pause|sleep}", "the trail says cooling", "{why|how come} {is|does} {a|the|my} {model|target|provider} {have a rest|on a break|take a break|paused|put aside|asleep|not used at the moment}", "how long until {a|the|my} {model|target} {is back|comes back|is asked again|wakes up}", "{my|the} {model|target} is {cooling|cooling down|resting|paused}", "rest {time|period} of a {target|model}", "what makes a {model|target} rest",
        ),
        weight=1.2,
    ),
    Fact(
        "A comeback is a second try of a target that was already tried in this call. There is at most one per call, "
        "unless the route says retry = { comebacks = 2 } or so.",
        define=("comeback", "a comeback", "comebacks", "the word comeback", "a second try"),
        howto=("set the number of comebacks", "allow {more|two|no|several} comebacks", "{try|ask|call} the same {target|model} {again|twice|once more|a second time}", "forbid comebacks"),
        ask=(
            "is a {target|model} [ever] {tried|asked} {twice|again|a second time}", "how {many|often} comebacks [are there]", "will {it|backstop} {try|ask} the same {target|model} again",
            "{why was|was} a {target|model} asked {twice|again|two times}", "{does|will|could} {it|backstop} {ask|try|call|use} {one|the same|a|a failed} {model|target} {twice|again|once more|a second time|repeatedly}", "{second|another} {chance|go|try} for a {target|model}", "a {target|model} {comes back|returns} in the same call", "is a target tried only once",
        ),
    ),
    Fact(
        "The commit is the moment the first content reaches the caller. Before it everything may fall over unseen; "
        "after it nothing is asked again silently.",
        define=("commit", "the commit", "commit point", "the commit point", "a commit", "the word commit", "committing"),
        ask=(
            "when does a stream commit", "{can|does} a stream {fall over|fall back|switch models|change the model} [in the middle|once it has begun]", "how do streams fall over",
            "until when can {it|a stream|backstop} {fall over|switch|fall back}", "fallback {in|of|with} {streams|streaming}", "what happens before the first {token|content|word}",
            "streaming and fallback", "from {which|what} {point|moment} on {is|does} {a stream|it} {bound|fixed|committed|no longer fall over}", "after the first {word|token|content}, can {it|another model} {still|} {switch|take over|fall over}", "what is {special about|so special about} the first {token|content|piece}", "when is {it|a stream} too late to {switch|fall over|fall back}", "the moment of commit", "commit moment in {a stream|streams}", "before {or|and} after the commit",
        ),
    ),
    Fact(
        "A verdict is what was decided after an attempt: delivered, next_target, retry_same, skipped, hedged, stopped, exhausted or cancelled.",
        define=("verdict", "a verdict", "verdicts", "the word verdict", "next_target", "retry_same", "delivered", "the verdict column"),
        ask=("{which|what} verdicts {are there|exist|do you know}", "{list|name|show} {all|the} verdicts", "verdict {list|names|values|kinds}", "what can the verdict be", "{all|the} {possible|different} {verdicts|values of verdict|values for a verdict}", "enumerate {the|} verdicts", "verdict in {the trail|json}", "what verdicts {can|may|could} {there be|appear|occur|I see}", "{values|kinds|names|meanings} of {verdict|the verdict|verdicts}", "what does verdict {next_target|retry_same|stopped|delivered|skipped} mean"),
    ),
    Fact(
        "A provider is a service or a program that serves models, such as openai or ollama. "
        "In a config file each table [providers.NAME] is one.",
        define=("provider", "a provider", "providers", "the word provider", "providers.x", "a provider table"),
        ask=("what counts as a provider", "a provider {in your sense|in your words|as a word}", "who {serves|offers|hosts} {models|the models}", "is {ollama|a local server|my server} a provider", "provider {or|versus} model", "what do you call a {service|company} {that serves|with} models", "how {do I|to} {name|call} a provider", "what are providers [for]", "is openai a provider"),
    ),
    Fact(
        "A model is what a provider serves, under the provider's own name, such as gpt-5.2. Together they are a target: openai/gpt-5.2.",
        define=("model", "a model", "models", "the word model", "a model in a target", "the model name"),
        ask=("how are models named", "what counts as a model", "{where|who} does the model name come from", "model {name|names|naming}", "are model names checked", "is gpt-5.2 a model", "what {does|do} {model|models} mean for backstop", "model {or|versus} {provider|target}"),
    ),
    Fact(
        "The policy of a route holds its limits and rules: deadline, timeout, attempts, retry, cooldown, hedge_after and the on_ rules.",
        define=("policy", "a policy", "the policy", "the policy of a route", "route policy"),
        ask=("{which|what} {settings|options|keys|limits} {does|can} a route have", "route {settings|options|keys|policy}", "what can I {set|configure} {in|for} a route", "what does the policy hold"),
        weight=0.7,
    ),
    Fact(
        "The breaker opens when the last 3 tries of a target failed, and half of its last 10. The target then stands behind the others "
        "for about 5 s, longer each time, until one probe succeeds.",
        define=("breaker", "the breaker", "a circuit breaker", "circuit breaker", "circuit breaking", "a probe", "probe", "half-open"),
        ask=(
            "{is there|does it have|do you have} a {circuit breaker|breaker}", "when does {the|a} breaker {open|close|trip}", "how {many|often} failures {open the breaker|until a target rests|before it rests}",
            "what happens after three failures in a row", "how {does|do} {broken|ill|failing|flaky} targets {come back|recover|get tested}", "who {tests|probes} a resting target",
        ),
        weight=0.8,
    ),
    Fact(
        'cooldown = { base = "5s", cap = "5m" } in a route sets how long a failing target rests; cooldown = "off" leaves only what a provider told.',
        howto=("{set|change|shorten|lengthen|configure|adjust} {the|a} cooldown [time]", "{switch off|turn off|disable|stop} cooldowns", "make {targets|a target} rest {longer|less|shorter}"),
        ask=("cooldown {off|setting|base|cap|config|option}", "can I {disable|turn off|change} cooldowns", "no cooldowns please"),
        weight=0.8,
    ),
    Fact(
        'If only targets under a suspected cooldown are left, the one that reopens soonest is tried at once. '
        'all_cooling = "fail_fast" ends the call instead.',
        define=("all_cooling", "fail_fast", "try_soonest", "the all_cooling setting"),
        when=("{all|all the|all my|only} targets are {cooling|resting|in cooldown|ill}", "every target is {cooling|resting|in cooldown|sick}", "nothing but resting targets is left", "there is no ready target"),
        howto=("fail fast [when all targets rest]", "end the call at once when all targets rest"),
        weight=0.8,
    ),
]

CONFIG = [
    Fact(
        'Put this into backstop.toml:\n\n[routes.default]\ntargets = ["openai/gpt-5.2", "ollama/qwen3:8b"]\n\nThe targets are tried in that order.',
        howto=(
            "{write|make|create|define|set up|configure|declare|build|add} {a|my|my own|my first|the default|a new|a simple} route",
            "{write|make|create} {a|my|the} [small|minimal|first|simple] {config|config file|backstop.toml|toml|configuration file}",
            "{list|configure|set|choose} {the|my} {models|targets} {in|inside} {the|a} {config|config file|file|route|toml}",
            "{put|write|add} {several|two|more} {models|targets} in a {route|list}", "set the order of {models|targets}",
        ),
        ask=(
            "{show me|give me|I need|I want} {a|an} {example|sample|snippet|minimal|small} {of a route|config|route|config file|toml}", "route {example|sample|syntax|snippet|in toml|template}",
            "{example|sample|minimal|smallest} {config|config file|backstop.toml|route|toml}", "how does a {route|config file|config|backstop.toml} look [like]", "{a|one|some} {little|tiny|complete|working|short|basic|simple} {backstop.toml|config file|config|toml|route|configuration} [please]", "{show|print|give} {me|us} {a|one|some} {little|tiny|complete|working|short|basic|simple} {backstop.toml|config file|config|toml|route}", "what {must|should} {be in|stand in|I write in} {a|the|my} {backstop.toml|config file|route}", "how {are|do I write} targets {listed|written} in {a|the} {config|file|route}", "toml snippet", "{template|pattern|model|skeleton} {for|of} a route", "two {models|targets} in one {route|file|list}", "what does a {route|config|config file} look like",
            "{what goes|what do I write} {into|in} {the config|backstop.toml|the file|a route}", "toml for {a route|two models|a fallback}", "config {example|sample|snippet}",
        ),
        weight=1.5,
    ),
    Fact(
        'Add another target to the list of the route, such as targets = ["openai/gpt-5.2", "anthropic/MODEL"]. They are tried in that order.',
        howto=(
            "{add|append|include} {a|another|a second|one more} {fallback|target|model} [to {a|the|my} {route|list}]", "{add|use|have|configure} {a|another} {fallback|backup|second|spare|reserve} model",
            "{fall back|fall over|switch} to {anthropic|claude|a second model|another model|another provider|ollama}", "use {claude|anthropic|a local model} when {openai|gpt} {fails|is down}",
            "have a {backup|plan b|second choice}",
        ),
        ask=("{backup|second|spare} {model|provider}", "can I have {a backup|two models|a second model}", "how many {models|targets|fallbacks} can {I|a route} have", "claude {after|behind|as fallback for} {gpt|openai}", "if {openai|gpt|the first} fails {use|ask|take|try} {claude|anthropic|mistral|ollama|another}", "{a|one} more {model|target|provider} {for|in} {the|my} {route|list|chain}", "what do I add for a {backup|second model|fallback}"),
        weight=0.9,
    ),
    Fact(
        "The config file is what --config or BACKSTOP_CONFIG names, else ./backstop.toml, else $XDG_CONFIG_HOME/backstop/backstop.toml.",
        howto=("find {the|my} {config|config file|configuration|settings}", "{use|name|choose|load|pass} {another|a different|my own} config file", "{change|set} the {place|path|location} of the config file"),
        define=("BACKSTOP_CONFIG", "the --config option", "--config", "backstop.toml"),
        ask=(
            "where is {the|my} {config|config file|configuration|configuration file|settings file|backstop.toml|file} [{found|stored|kept|located|read from|searched}]",
            "{which|what} {config|config file|file} {is used|is read|is loaded|does it read|does it use}", "where {do I put|should I put|does it look for|to put} {the|my} {config|config file|configuration|backstop.toml}",
            "config [file] {path|location|place|search order|lookup|folder|directory|name}", "{path|location|name|place} of the {config|config file|settings}",
            "does it read XDG_CONFIG_HOME", "{what|which} {folder|directory} is the config in", "{in|from} {which|what} {folders|directories|order|paths|spots} {does|do|is|are} {it|backstop|the config} {read|search|look|looked for|searched} [{for|the} {config|configuration}]", "where {does|will|do} {it|backstop|you} {look|search|read} [for] {its|the|my} {config|configuration|settings|options|file}", "how does it find {its|the|my} {config|file|settings}", "I cannot find {the|my} {config|config file|settings}", "which backstop.toml {wins|is taken|counts}", "how is the config file {found|named|called}",
        ),
        weight=1.2,
    ),
    Fact(
        "`backstop config init` writes a backstop.toml to start from. Then run `backstop check`.",
        howto=(
            "{start|begin|get started|get going|get set up|set this up|set it up}", "{create|write|make|get|produce} {a|the|an initial|a default|a first|a new} {config|config file|backstop.toml|configuration}",
            "{initialise|initialize|init} {backstop|the config|a config}", "{install|set up|configure} backstop for the first time", "make a template [config]",
        ),
        define=("backstop config init", "config init", "`backstop config init`", "the init command"),
        ask=(
            "first steps", "getting started", "quick start", "quickstart", "I just installed {it|backstop|this}[, what {now|next}]", "what do I do first", "where do I {start|begin}",
            "which command {writes|creates|makes} {a|the} config [file]", "{make|write|produce|build|create} {me|us|for me} a {first|starting|new|fresh|sample} {config|configuration|backstop.toml|file}", "{starter|starting|initial|first|fresh|new} {config|configuration|file|template}", "is there a command {for a new config|that writes a config|to begin with}", "I am {new|a beginner}[, {where do I start|how do I begin|what first}]", "what are the first {steps|things to do}", "how to {begin|start|get going}", "config init", "is there a {template|starter|wizard} [for the config]", "I have no config file", "setup", "how do I set up backstop",
        ),
        weight=1.2,
    ),
    Fact(
        "`backstop config show` prints what the config file comes to, with secrets masked.",
        howto=("{see|print|show|display|view|inspect|dump} {the|my|the effective|the current} {config|configuration|settings|config file}", "see {which|what} {settings|config} {is|are} {used|in effect}"),
        define=("config show", "backstop config show"),
        ask=("config show", "current {config|settings}", "effective {config|settings}", "what is {configured|my config}", "what did it {read|understand} from my config", "the config as backstop {sees|reads} it", "print config"),
        weight=0.8,
    ),
    Fact(
        "`backstop config schema` prints a JSON Schema of the config file, for editors.",
        howto=("{get|print|see|have} {the|a} {json schema|schema} [of the config]", "{get|have} {completion|autocomplete|validation|help} {in|from} my editor {for the config|for backstop.toml}", "{validate|check} the config in my editor"),
        define=("config schema", "backstop config schema", "the json schema", "the schema"),
        ask=("{json schema|schema} [of the config]", "editor support for {toml|the config}", "is there a schema", "schema for {vs code|my editor|the toml}", "autocomplete in backstop.toml"),
        weight=0.7,
    ),
    Fact(
        'The config file is TOML: [providers.NAME] for services, [routes.NAME] for lists of targets, [models."provider/model"] for facts. '
        "docs/CONFIG.md has every setting.",
        ask=(
            "{what|which} {format|language|syntax} {is|has} the config [file] [in]", "config [file] {format|syntax|structure|sections|tables|keys|options|reference|settings}",
            "{which|what} {settings|options|tables|sections|keys} {are there|exist|can I set|does the file have|can the config have}", "is {it|the config} {toml|yaml|json}", "{list|show} all settings",
            "what can I {configure|set} [in the file]", "{all|every} {setting|option|key} of the {config|config file|file}", "which {keys|tables} {may|can} {stand|be} in the {file|config}", "reference of the config", "{is|are} {yaml|json} {supported|allowed|possible} [for the config]",
        ),
        define=("the config file", "the configuration file", "the config format"),
        weight=0.9,
    ),
    Fact(
        "A mistake in the config file is an error that shows its line and the nearest valid name. Unknown keys are never ignored.",
        when=(
            "{I make|there is|I have|I made} {a|some} {mistake|typo|error|misspelling|wrong key} in {the|my} {config|config file|toml|file|backstop.toml}",
            "a {key|setting|name} {is misspelt|is unknown|does not exist|is wrong|is misspelled}", "{the|my} {toml|config} {is broken|does not parse|is invalid|has a mistake}",
        ),
        failure=("unknown key", "an unknown key", "a parse error", "invalid toml", "unknown provider", "did you mean", "a bad value"),
        ask=("{typo|mistake|error} in {the|my} {config|toml|file}", "are unknown {keys|settings} ignored", "invalid {config|toml}", "how do I find a mistake in {the|my} {config|toml}", "{my|the|our} {config|toml|file|backstop.toml} {has|contains} {a|an|some} {mistake|typo|error|misspelling|wrong name}", "{there is|I found|I made} {a|one} {slip|spelling mistake|typo|misprint|wrong letter} in {my|the} {config|toml|file|route|configuration}", "does it {notice|find|see|catch|report} {typos|mistakes|misspellings|spelling mistakes|unknown keys}", "misspelt {key|setting|option}"),
        weight=0.9,
    ),
    Fact(
        '"${VAR}" in a text of the config file stands for the variable VAR; "${VAR:-default}" has a value for when it is not set.',
        howto=("{use|read|expand|insert|put} {a variable|variables|environment variables|an env var} in {the|my} {config|config file|toml|file}", "give a variable a default [value]"),
        define=("$VAR", "variable expansion", "interpolation", "$VAR:-default"),
        ask=("do {variables|environment variables|env vars} {expand|work} in the {config|file|toml}", "{variables|env vars} in {toml|the config|the file}", "can the config {read|use} {variables|the environment|env vars}", "how do I {refer to|reference} {a variable|an env var} in the {config|file}", "dollar sign in {the config|toml}", "value from {a variable|the environment} in the {file|config}"),
        weight=0.8,
    ),
    Fact(
        'A duration is a number and a unit in quotes: "500ms", "20s", "5m" or "1h".',
        howto=("{write|specify|give|state} {a|} {duration|durations|time|times|period}", "{write|say} {five minutes|20 seconds|half a second|an hour}"),
        define=("a duration", "durations", "duration format", "the time format"),
        ask=("{which|what} {units|unit|time units} {are there|can I use|exist|are allowed}", "how are {times|durations} written", "{seconds|milliseconds} or {minutes|milliseconds|seconds}", "is 30 seconds or milliseconds"),
        weight=0.7,
    ),
    Fact(
        'Give it a table: [providers.mirror] with kind = "openai", base_url = "http://127.0.0.1:8080/v1" and api_key = "none". '
        "Its targets are mirror/MODEL.",
        howto=(
            "{use|add|configure|connect|set up} {a|my|my own|another} {openai compatible|openai-compatible|compatible|custom|self-hosted|internal|own} {server|endpoint|api|service}",
            "{use|set|change|configure|give} {a|the|another|a custom} {base url|base_url|endpoint|url|address}", "{use|connect to|talk to|add} {vllm|lm studio|lmstudio|llama.cpp|llama-server|llama server|a proxy|localai|text generation webui|sglang}",
            "point {it|backstop} {at|to} {my own server|localhost|another url|a proxy|a mirror}", "use a server on {localhost|my network|port 8080|this machine}",
        ),
        define=("base_url", "the base url", "kind", "kind in a provider table", "the base_url setting", "the kind of a provider"),
        ask=(
            "{vllm|lm studio|lmstudio|llama.cpp|localai|sglang|proxy|self-hosted} [setup|config|support|server]", "base_url", "{custom|own|other} {endpoint|server|url|base url}",
            "does it {work with|support} {vllm|lm studio|llama.cpp|compatible servers|proxies|my own server|localai}", "{use|run|have|take} {vllm|lm studio|llama.cpp|llama-server|my own server|a local server|localai|a gateway} {with|together with|behind|in|as a provider for} {this|backstop|it}", "my {server|company server|gateway|model server} {speaks|understands|has|offers} the openai {api|wire|protocol|format}", "{llama.cpp|vllm|lm studio} {server|endpoint|as provider|url}", "{server|model} on {port 8080|localhost|127.0.0.1|another machine|my lan}", "our company has {a gateway|an internal endpoint|its own model server}", "base url of {a|my} {server|provider}", "server that speaks the openai {wire|protocol|api}", "how do I change the {url|endpoint|address} of a provider",
        ),
        weight=1.3,
    ),
    Fact(
        "Without a config file the providers whose keys are set are used, then a running Ollama. If there is none, I answer.",
        when=("there is no config file", "{I have|there is} no {config|config file|backstop.toml|route}", "the config file {is missing|does not exist|is not there}", "nothing is configured"),
        ask=(
            "{which|what} {model|models|target|targets|provider} {is|are} used {by default|without a config|if I configure nothing|without a file}", "do I need a config file", "what {is used|does it use|is asked|happens} {without a config|with no config|when I configure nothing|out of the box}", "must I {write|have|make} a config [file]", "is a config file {needed|necessary|required|a must}",
            "{does|can} it {run|work} without [a] config [file]", "what is the {default model|built-in route}", "no config file", "default {model|models|provider}",
        ),
        weight=1.0,
    ),
    Fact(
        'Write [routes.fast] and [routes.best], each with its targets, then choose one: `backstop chat --route best "Hi"`.',
        howto=(
            "{have|use|define|write|configure} {several|two|many|multiple|more} routes", "{choose|pick|select|use|name|call|switch} {a|another|a certain|a specific|the} route", "use a different route",
        ),
        define=("--route", "the --route option", "the route option"),
        ask=("{which|what} {option|flag} {chooses|selects|picks|names} {a|the} route", "--route", "{multiple|several|two|more} routes", "can there be {two|several|many} routes", "{is|are} {more than one|several|two|a second|another} {route|routes} {possible|allowed|ok|permitted}", "{a|another|one more} {second|extra|additional|further} route", "one route for {work|chat|code|mails} and {one|another} for {tests|home|play}", "how do I {tell it|say} which route", "named routes", "route {option|flag|name}"),
        weight=0.9,
    ),
    Fact(
        'The route "*" stands behind `--route x/y`: the target x/y is tried first, then the targets of "*".',
        define=('routes."*"', 'the route "*"', "the star route", "the wildcard route", "the asterisk route"),
        ask=("wildcard route", "{what does|why is there} the star in routes [mean]", "try one model first and then the usual ones", "--route with a target"),
        weight=0.5,
    ),
    Fact(
        'A target may be a table with settings of its own: { target = "openai/gpt-5.2", timeout = "20s", temperature = 0.2 }. '
        "They never reach another target.",
        howto=(
            "{set|change|give|override|configure} {the|a|} {temperature|top_p|seed|max tokens|max_output_tokens|stop|headers|extra_body|system text} [{for|of} {one|a|each|this} {target|model}]",
            "{override|change} settings {for|of} {one|a single|a} {target|model}", "{send|add} {extra|own|custom} {headers|fields}",
        ),
        define=("overrides", "an override", "target overrides", "a target with overrides"),
        ask=("temperature", "{top_p|seed|max tokens|max_output_tokens|temperature}", "settings {per|for one} {target|model}", "override {list|options}", "{lower|higher|own|separate} {temperature|limits|settings} for {one|a|each} {target|model|provider}", "{can|may} {one|a|each} {target|model} have {its own|own|other} {temperature|settings|headers|timeout and temperature}", "{which|what} overrides {are there|exist}", "different temperature for each model"),
        weight=1.0,
    ),
    Fact(
        '[models."mirror/big"] with context_tokens = 128000 states the window of a target, so that requests too long for it skip it.',
        howto=("{state|tell|set|declare|give} {the|a} {context window|window|context size|context length|context_tokens} [of a model]",),
        define=("context_tokens", "the models table", "model facts"),
        ask=("context_tokens", "{how|where} does it know the {window|context size} [of a model]", "{window|context size} of {a|my} model", 'models."provider/model"'),
        weight=0.6,
    ),
    Fact(
        'Models that think before they answer get more time: first content 300 s, idle 180 s. Say so with reasoning = true in [models."provider/model"].',
        howto=("{use|configure|set up} {a|} {reasoning|thinking} {model|models}", "give {thinking|reasoning|slow thinking} models more time", "{switch on|ask for|turn on|enable|set} {reasoning|thinking}"),
        define=("reasoning", "the reasoning setting", "a reasoning model", "a patient target"),
        ask=("{reasoning|thinking} {model|models|time|setting}", "do {thinking|reasoning} models get more time", "my model thinks {long|for minutes|a lot}", "{o1|o3|r1|deep thinking} {style|} models", "chain of thought models", "reasoning = true"),
        weight=0.7,
    ),
    Fact(
        'A rule of the route says what follows a kind of failure: on_content_filter = "stop", "next", or a list of targets that replaces the rest.',
        howto=(
            "{stop|end} {the chain|the call|the route} {on|at|after} {a certain|one kind of|some} {error|failure}", "{change|choose|steer|decide|control} what {happens|follows} {after|on} {an error|a failure|a kind of failure}",
            "{send|route} long {prompts|requests} to {another|a bigger} model", "{write|set|use} {a|an|the} {rule|rules|on_ rule|on_ setting}", "{not fall over|stop falling back} on {some|certain} {errors|failures}",
        ),
        define=("rules", "a rule", "on_ rules", "on_content_filter", "on_context_length", "on_rate_limited", "on_quota", "the on_ settings", "route rules"),
        ask=("{which|what} rules {are there|can a route have}", "on_{timeout|server|connect|auth|quota|bad_request}", "rule {list|syntax|example}", "{after|on} {a|an} {filter|quota error|timeout|auth error} {stop|go to another model|ask this list}", "{can|may} I {decide|say|choose} what {comes|happens} after {a|each|some} {failure|error}", "end the call {on|after} {certain|some} errors", "make it stop on {some|an|one kind of} {error|failure}", "different {fallback|targets} for {each|some} {error|failure}"),
        weight=1.0,
    ),
]

COMMANDS = [
    Fact(
        '`backstop chat "Why is the sky blue?"` prints the answer on stdout and the trail on stderr.',
        howto=("{ask|put|send} {a question|something|a prompt|a message|a model something} [{on|from} the command line|in the terminal]", "{chat|talk} {with|to} a model", "use {the command line|the cli|the terminal}", "send a prompt"),
        define=("backstop chat", "the chat command", "chat"),
        ask=("chat command", "{ask|question|prompt} {from|in|on} {a|the|my} {shell|terminal|console}", "{a|one|quick} {question|prompt} {on|from} the {command line|terminal|shell}", "how do I ask {something|a model|a question}", "{which|what} command {asks|sends} [a question]", "command line {usage|example|use}", "cli {usage|example}", "what is printed {on stdout|where}", "how do I {run|use} {it|backstop|this}"),
        weight=1.0,
    ),
    Fact(
        "The commands are chat, complete, embed, check, models, config and completions. `backstop --help` lists them.",
        ask=(
            "{which|what} {commands|subcommands} {are there|exist|do you have|does backstop have|can I use|do you know}", "{list|show|name} {all|the} {commands|subcommands}", "commands", "cli commands", "help", "--help",
            "backstop --help", "{what|which} can I type", "{list of|all} commands", "usage", "how do I get help", "command overview", "{what|which} {can|could} {I|one} {run|call}", "what {else|} can {backstop|the program|the command line} do", "overview of {commands|the command line|the cli}", "which words can follow backstop", "man page",
        ),
        weight=1.0,
    ),
    Fact(
        '`backstop complete "Once upon"` continues a text.',
        howto=("{complete|continue|extend|finish} {a|my|some} {text|sentence|story}", "{do|use|get} [a] text {completion|continuation}"),
        define=("backstop complete", "the complete command", "text completion"),
        ask=("complete command", "{text|plain} completion", "is there [text] completion", "let a model {go on with|finish|continue} my {text|sentence|words}", "{continuation|prolongation} of a text", "{which|what} command continues a text"),
        weight=0.8,
    ),
    Fact(
        '`backstop embed "one" "two"` prints a vector for each text.',
        howto=(
            "{make|get|compute|create|calculate|produce} {embeddings|an embedding|vectors|a vector} [{for|of|from} {a text|texts|my texts|words}]", "embed {a text|texts|words|something}", "turn {words|sentences|a sentence} into {vectors|numbers|embeddings}",
        ),
        define=("backstop embed", "the embed command", "embeddings", "an embedding"),
        ask=("embed command", "embeddings", "{which|what} command {makes|gives|prints} {vectors|embeddings}", "does it {do|support|make} embeddings", "{vectors|embeddings|an embedding|numbers} {of|for|from} {some|my|a|these} {words|sentence|sentences|strings|texts|text} {on|in|from} the {terminal|command line|shell|cli}", "{text|word|sentence} {to|into} {vector|vectors|embedding|embeddings}", "{embedding|vector} {command|of a text}", "make {a text|words|strings} a vector", "vectors for texts"),
        weight=0.9,
    ),
    Fact(
        "`backstop check` says for every target whether it is ready, or what is missing. With `--live` it also asks each one once.",
        howto=(
            "{check|test|verify|validate|prove|try out} {my|the|all} {config|setup|configuration|keys|targets|routes|models|installation|providers}", "{see|find out|know|tell} {if|whether} {everything|my setup|it|my key|a key|my config} {works|is fine|is right|is ready|is set|is valid}",
            "{see|find out} what is missing", "{see|find out} {which|what} {targets|models|keys} are {ready|missing|not ready}", "{troubleshoot|diagnose} [problems|my setup]", "find out why {it does not work|nothing works}",
        ),
        define=("backstop check", "the check command", "check", "`backstop check`"),
        ask=(
            "check command", "is my {key|setup|config} {ok|right|valid|fine}", "{what's|what is} missing", "it does not work", "nothing works", "is everything {ready|ok|set up}", "troubleshooting", "diagnostics", "self test", "health check",
            "why {doesn't|does} {it|backstop} [not] work", "{how|where} {can|do} I {make sure|be sure|confirm|see|tell} [{that|if|whether}] {all is well|it all works|my keys are fine|everything is in place|my setup is good|it is ready|nothing is missing}", "before I {start|use it|rely on it|go live} I want to {test|check|verify} {it|the setup|everything}", "{test|check|dry run|sanity check} of {my|the} {setup|config|targets|keys}", "{did|have} I {do|done|set up|configure|configured} {it|everything|all} {right|correctly|properly}", "is {it|everything|backstop} {installed|configured|set up} {right|correctly|properly}", "which of my {targets|models|keys} {work|are usable|can be used}", "{find|look for} problems in my setup", "{which|what} {keys|variables} are missing", "{what is|what's} {wrong|the problem}",
        ),
        weight=1.3,
    ),
    Fact(
        "`backstop check --live` asks each target once: does the provider answer, take the key and know the model. "
        "Without --live it sends nothing.",
        howto=("{check|test|try} {targets|keys|providers|models|my key|all targets} {live|for real|online|over the network|with a real request}", "{see|find out} {if|whether} {the provider|a provider|openai} {accepts|takes} my key"),
        define=("--live", "check --live", "the --live option", "the live check"),
        ask=("--live", "live check", "does [backstop] check {cost|send|make} {money|requests|anything|a request}", "{what does|why} --live [do]", "is {anything|something} sent {by|during} check", "does check {use|need} the {network|internet}", "check with real requests", "{does|will} check {really|actually} {ask|contact|call|reach|connect to|request} {the|a|any} {provider|providers|servers|models|services|network}", "{is|are} {the|any} {provider|providers|servers} {contacted|asked|called|reached} {by|during|in} {a|the|} check", "{real|true|actual} {test|check} {of|with} {the keys|the providers|a request}", "does {backstop check|check} {only|just} look at {the|my} {file|config|environment}", "check {online|over the wire|with the provider}"),
        weight=0.9,
    ),
    Fact(
        "`backstop models` lists the providers that are compiled in or configured, and the models that are known. Any other provider/model can be named too.",
        howto=(
            "{see|list|show|find|get|print} {the|all|available|supported|known} {models|providers|services}", "{find out|know|learn} {which|what} {models|providers} {are there|I can use|exist|are available|are supported|are compiled in}",
        ),
        define=("backstop models", "the models command"),
        ask=(
            "{which|what} {providers|models|services|llms|apis} {are there|are supported|can I use|do you support|does backstop support|are available|does it know|exist|work|are compiled in|do you know}",
            "{list|names} of {providers|models}", "{supported|available|known} {providers|models|services}", "models command", "provider list", "model list", "list models", "list providers", "backstop models --provider",
            "does it support {many|other|more} providers", "how many {providers|models} are there", "{tell|show|give} {me|us} {the|all|all the} {known|supported|available|usable} {models|providers|services|llms}", "{which|what} {models|providers} {do I have|have I got|are known|are built in|are configured|can be used|could I use|may I use}", "{known|all|usable} models", "what models {does it know|does backstop know|are in my config}", "{see|view|browse} {models|providers}", "can I see {the|a list of|all} {models|providers}",
        ),
        weight=1.4,
    ),
    Fact(
        '`backstop chat --models openai/gpt-5.2,mirror/big "Hi"` tries these targets in that order, without a route.',
        howto=(
            "{name|give|list|pass|choose|pick|select|try|use} {models|targets|some models|several models|a model|a certain model} {on the command line|in the command|for one call|as an option}", "{use|ask|try|call|choose} {a specific|another|one|a certain|a different|one particular} {model|target} [{once|now|for this question}]",
            "{chat|ask} without a route", "{try|ask} {several|three|some} {models|targets} {in order|one after another} [without a file]",
        ),
        define=("--models", "the --models option", "the models option", "--models a,b,c"),
        ask=("--models", "{which|what} {option|flag} {names|chooses|lists|selects} {models|targets|the model}", "models option", "--models a,b", "--model", "is there a --model {flag|option}", "{one|a single|quick} call {with|over|to} {these|two|three|certain} {models|targets} {without|and no} {config|file|route}", "{no|without any|without a} {config|route|file}, just {name|give|try} {models|two models|targets}", "{ask|try|use} {gpt and claude|openai and ollama|two targets|three targets|some targets} {directly|at the prompt|on the fly|ad hoc|without a route}", "{name|list} the {models|targets} {on|in} the command [line]", "{temporary|ad hoc|one-off|unnamed} route", "models flag"),
        weight=1.1,
    ),
    Fact(
        '`backstop chat --stream "Hi"` prints the answer while it comes.',
        howto=(
            "{stream|get|see|show} {the|an} {answer|reply|output|response} {while it comes|piece by piece|word by word|live|token by token|as it is written|immediately}", "{use|enable|turn on|switch on|get|do} {streaming|streams}", "stream {answers|on the command line|output|a reply}",
        ),
        define=("--stream", "the --stream option", "the stream option"),
        ask=("--stream", "stream option", "{does it|can it|can I} [do|support|use] {streaming|stream}", "is streaming {supported|possible}", "streaming", "live output", "{which|what} {flag|option} {streams|turns on streaming}", "the answer comes all at once", "{print|show|write|output} {words|text|the text|pieces|tokens} {at once|as soon as they come|while they come|immediately|live|one by one|when they arrive|as they are made}", "{can|may} I {see|watch|read} the answer {while it comes|growing|live|before it is complete|immediately}", "{live|incremental|gradual|piecewise} {output|answer|printing}", "don't wait for the whole answer", "{typing|typewriter} effect"),
        weight=1.0,
    ),
    Fact(
        "`--json` prints one JSON object on stdout, on success and on failure. With --stream it prints JSON Lines.",
        howto=("{get|print|have|produce|output} {json|JSON|json output|an object|structured output|the result as json}", "{parse|process|use} {the output|the answer|results} {in a script|from python|in a program|with jq|from bash}"),
        define=("--json", "the --json option", "the json output", "JSON Lines output"),
        ask=("--json", "json", "json {output|option|flag|mode|format}", "{which|what} {flag|option} gives json", "output format", "is there json output", "{output|answer|result} as json", "can {programs|a script} read the output", "{output|result|answer} {for|to be read by} {a|another|my} {script|program|machine|tool|pipeline}", "{parseable|parsable|structured|machine-readable|formal} {output|answer|result|format}", "{a|my} {script|program|pipeline|bash script} {has to|must|should|wants to} {read|parse|process|use} {the|its} {answer|output|result}", "json {lines|object} {on stdout|please|instead of text}", "I want {json|an object|structured data}", "jq", "use from {python|javascript|node|bash|go|another language}"),
        weight=1.0,
    ),
    Fact(
        'The deadline bounds a whole call with all its attempts: 600 s by default. Set it with `--deadline 30s`, or deadline = "30s" in the route.',
        howto=(
            "{set|change|give|state|configure|shorten|raise|lower} {a|the} {deadline|total time|time limit|overall timeout|overall time limit}", "{limit|bound|restrict|cap} {the|} {time|duration|total time} {of a call|of the call|of everything|a call takes|it may take}",
            "{make|let} {it|a call|backstop} {give up|stop|end|abort} after {a minute|30 seconds|10 s|one minute|some seconds|30s}", "wait {at most|no more than|only} {10|30|60|5} seconds",
        ),
        define=("deadline", "a deadline", "the deadline", "--deadline", "the --deadline option", "a deadline in a route"),
        ask=("--deadline", "deadline {option|flag|setting|default}", "how long may a call take", "{maximum|max|longest|total} {time|duration} [of a call]", "{the|a} {whole|entire|complete|total} {call|request|thing} {should|must|may|shall} {take|last|need|run} {at most|no more than|no longer than|only|less than} {a minute|10 seconds|30 s|30 seconds|one minute|5 seconds}", "{give up|stop|abort|quit} after {10 seconds|a minute|30 s|two minutes}", "{time|overall} {limit|budget} {for|of} {a|the|one} {call|request}", "{at most|max|maximum} {10|30|60} {s|seconds|sec}", "overall timeout", "time limit", "{what's|what is} the default deadline", "{does|is} the deadline {include|for} {all|retries|every attempt}"),
        weight=1.2,
    ),
    Fact(
        "`--attempts 3`, or attempts = 3 in the route, is the most upstream requests a call may make. 32 is the limit.",
        howto=("{limit|set|change|bound|restrict|configure} {the|} {attempts|number of attempts|number of tries|requests|number of requests|tries|upstream requests}", "{make|allow|send} {at most|no more than|only} {one|two|three|3|5} {requests|attempts|tries|request}", "try only once"),
        define=("--attempts", "the --attempts option", "the attempts setting", "attempts = 5"),
        ask=("--attempts", "attempts {option|flag|setting|limit}", "how many {attempts|requests|tries} {are made|are there|does it make|can a call make}", "{maximum|max|most} {number of|} {attempts|requests|tries}", "only one {request|attempt}", "{limit|cap|bound|restrict|reduce} {how many|how often|the number of} {requests|times|tries|attempts|calls} [it {makes|asks|tries|sends}]", "{not|no} more than {two|three|five} {requests|attempts|tries}", "{at most|max|maximum} {two|three|five|3|5} {requests|attempts|tries|calls}", "{how|where} {do|can} I {cap|bound|limit|restrict} {requests|attempts|tries|the requests}", "it {makes|sends|tries} too many {requests|attempts|times}", "{fewer|less} {requests|attempts|tries}"),
        weight=1.0,
    ),
    Fact(
        '`backstop chat --system "Be brief." "Hi"` puts instructions above the conversation.',
        howto=("{set|give|pass|add|use|write} {a|the} {system prompt|system message|system text|system instruction|instruction|instructions}", "tell the model how to behave"),
        define=("--system", "the --system option", "a system prompt", "the system message"),
        ask=("--system", "system {prompt|message|option|flag|text}", "is there a system prompt", "{give|send} the model {instructions|a role|a persona|rules}", "{instructions|rules} {above|before} the {question|conversation|prompt}"),
        weight=0.7,
    ),
    Fact(
        "`backstop chat -` reads the prompt from stdin, and so does `backstop chat` without a prompt.",
        howto=("{read|take|pipe|get} {a|the|my} {prompt|question|file|text} {from stdin|from a file|from a pipe|into backstop|through a pipe|in}", "pipe {text|a file} {into|to} {it|backstop}", "send {a file|a long text}"),
        ask=("stdin", "{does it|can it|can I} {read|use|pipe} {stdin|a pipe|a file}", "prompt from {a file|stdin|a pipe}", "cat file | backstop chat", "{ask|chat|prompt} with {the content of|text from} a file", "{very long|multi line|long} prompt on the command line", "the prompt is in a file"),
        weight=0.7,
    ),
    Fact(
        "`-v` tells every decision while it is made.",
        howto=("{get|see|have} {more|verbose|detailed} {output|details|messages}", "{watch|see|follow} {the decisions|what it does|every step|what happens} {while it happens|live}", "turn on {verbose|debug} {output|mode}"),
        define=("-v", "--verbose", "verbose mode", "the verbose option"),
        ask=("-v", "--verbose", "verbose", "verbose {flag|option|output|mode}", "debug {flag|output|mode}", "more details please", "{talk|say|show|print} more {while|during} {running|a call}", "chatty output"),
        weight=0.6,
    ),
    Fact(
        "`backstop completions bash` prints a completion script for your shell.",
        howto=("{get|install|have|enable} {shell|tab|bash|zsh|fish} {completion|completions}", "complete commands with tab"),
        define=("backstop completions", "the completions command", "shell completions"),
        ask=("{shell|tab|bash|zsh|fish|powershell} {completion|completions}", "completion script", "is there tab completion"),
        weight=0.6,
    ),
    Fact(
        "Exit codes: 0 answered, 1 not answered, 2 usage or config error, 130 interrupted.",
        ask=(
            "{which|what} {exit codes|exit statuses|return codes} {are there|exist|does it have|does backstop use}", "exit {code|codes|status|statuses}", "{what does|what is|why} exit {code|status} {0|1|2|130} [mean]", "{exit|return} {code|status|value} {0|1|2|130}",
            "{it|backstop|the program|the process} {exited|ended|returned|finished|quit} with [code|status] {0|1|2|130}", "{list|meaning} of exit codes", "how do I {see|know|check} in a script {if|whether} it {worked|answered|failed}",
            "what does it {return|exit with} {on failure|on success|on error|when it fails|when I interrupt it}", "{code|status} {130|2|1|0}", "{what|which} {code|status} {means|is} {success|failure|interrupted|a config error}",
            "why {is|did I get} {the exit code|exit code|status|code} {1|2|130}", "$? is {1|2|130}", "exit code when interrupted {with|by} {control c|ctrl+c|a signal}", "process exit {value|number}", "{my|the} {script|ci|bash script|job|program|shell|build|pipeline} {sees|got|gets|says|shows|has} {exit|code|status|exit code|exit status|return code} {0|1|2|130}", "{ctrl-c|ctrl c|control c|ctrl+c|interrupt|SIGINT|sigint|a signal} {exit code|code|status|return code|returns what|exits with what}", "{what|which} {code|status|number|value} {comes|is returned|is given|do I get|is it} {when|if|after} I {press|hit|type|use} {ctrl-c|ctrl c|control c|ctrl+c|^C}", "{when|if} I {interrupt|stop|kill} {it|the program} {what|which} {code|status} {is it|do I get|is returned}", "{exit|return} {code|status} {of|after} {a failed call|a config error|an interrupt|success|a usage error|an answer}", "what do {0, 1 and 2|1 and 2|the exit codes} {mean|stand for}", "{nonzero|non-zero} exit", "{success|failure} {in|for} {a shell script|scripts|bash}",
        ),
        weight=1.3,
    ),
    Fact(
        "`backstop --version` prints the version.",
        ask=("{which|what} version {is this|do I have|of backstop|is installed|am I running|is it}", "version", "--version", "version number", "how do I see the version"),
        weight=0.5,
    ),
]

FAILURES = [
    Fact(
        "rate_limited (429): the provider asks you to slow down. The next target is asked at once, and this one rests for the stated wait, "
        "else for 5 s, longer each time.",
        failure=(
            "rate_limited", "rate limited", "a rate limit", "rate limit", "rate limits", "rate limiting", "429", "a 429", "error 429", "http 429", "status 429", "code 429", "rate limit exceeded", "rate limit reached", "throttled", "throttling", "retry-after",
            "a tokens per minute limit", "a requests per minute limit", "slow down", "RateLimited",
        ),
        when=(
            "{a|the|my} {provider|model|target|server|openai|service} {limits me|rate limits me|throttles me|is rate limited|answers 429|returns 429|says 429|sends a 429|says slow down}", "{I am|we are} {rate limited|throttled|limited|sending too much|too fast}",
            "I {send|make|ask} too {many requests|often|fast|much}", "{openai|anthropic|groq|a provider} {says|tells me} {rate limit reached|I am too fast|to slow down|to wait}",
        ),
        ask=("how long does it wait {after|on} a {429|rate limit}", "does it {wait|sleep|pause} {after|on} a {429|rate limit}", "what about rate limits", "tpm limit", "rpm limit", "{too many requests|tokens per minute|requests per minute}", "{openai|groq|anthropic|gemini} {limits|throttles|slows|blocks} me", "{hit|reached|over|ran into} {the|a|my} {rate limit|limit|tpm limit|rpm limit}", "{do|will} I {have to|need to} wait after {a|the} {429|rate limit}"),
        weight=1.5,
    ),
    Fact(
        "quota: the account is out of credit or at its spending limit. The next target is asked and the provider rests for 60 s; check your billing.",
        failure=(
            "quota", "a quota error", "out of quota", "insufficient_quota", "insufficient quota", "quota exceeded", "402", "a 402", "payment required", "billing", "a billing error", "no credit", "out of credits", "spending limit", "insufficient credits", "credit balance too low",
        ),
        when=(
            "{my|the|our} {credit|credits|balance|quota|budget at the provider|money|prepaid credit} {is|are} {empty|gone|exhausted|spent|over|zero}", "I {ran out of|have no|run out of|spent all my} {credit|credits|quota|money|balance}",
            "{the|my} {account|provider} {has no credit|is out of quota|is out of credits|hit its spending cap|wants money|has a billing problem}", "I did not pay [my bill]",
        ),
        ask=("difference between quota and rate limit", "quota {or|vs} rate limit", "is {quota|insufficient_quota} a rate limit", "{my|the|our} {quota|credit|credits|balance|money|budget with openai} {is|are|got} {used up|spent|gone|finished|exhausted|empty|consumed}", "what if {my|the} {credit|credits|money|quota|balance} {ends|runs out|is gone|is spent}", "no {money|credit|credits|balance} {left|any more|at openai|on my account}", "the provider wants {money|payment}", "{spending|usage|billing|monthly} {limit|cap} {reached|hit|exceeded}"),
        weight=1.3,
    ),
    Fact(
        "overloaded (503 or 529): the provider has too much to do. The next target is asked, and after 3 failures in a row this one rests.",
        failure=("overloaded", "an overloaded error", "overloaded_error", "503", "a 503", "error 503", "http 503", "status 503", "529", "a 529", "error 529", "service unavailable", "server busy", "over capacity", "overload"),
        when=("{the|a|my} {provider|model|server|target|service|api} is {overloaded|too busy|busy|at capacity|over capacity|unavailable|swamped}", "{anthropic|claude|openai|the server} {answers|returns|sends} {503|529|overloaded}", "{the|a} {service|model} has too much {to do|load|traffic}"),
        weight=1.2,
    ),
    Fact(
        "server (5xx): the provider failed on its own side. The next target is asked, and after 3 failures in a row this one rests.",
        failure=("server", "server error", "a server error", "500", "a 500", "error 500", "http 500", "status 500", "502", "a 502", "502 bad gateway", "bad gateway", "5xx", "internal error", "an internal server error", "a 409", "an upstream error"),
        when=("{the|a|my} {provider|server|service|upstream} {crashes|crashed|has a bug|fails|answers 500|returns 500|answers 502|has an internal error|breaks|broke|is broken}", "openai {returns|answers|has|gives} {500|502|an internal error|a server error}"),
        weight=1.2,
    ),
    Fact(
        "timeout: the target took too long. The next target is asked; if it needs more time, raise timeout, first_content or idle in the route.",
        failure=("timeout", "timed out", "a timeout", "time out", "timeout error", "a time-out", "504", "a 504", "gateway timeout", "408", "request timeout", "timeout in phase first_content", "phase headers", "timeout phase idle"),
        when=("{the|a|my} {model|target|provider|server|request|api} {takes too long|times out|is too slow|timed out|never answers|is slow|does not answer|hangs|is stuck|does not respond|needs too long}", "a {request|call|reply} {takes|needs} {too long|forever|ages|minutes}"),
        weight=1.2,
    ),
    Fact(
        "connect: there was no connection (refused, DNS, TLS, or none within 5 s). The next target is asked and the provider rests for 5 s or more; "
        "see whether its server is running and base_url is right.",
        failure=(
            "connect", "a connect error", "cannot connect", "connection error", "could not connect", "connection failed", "no connection", "dns error", "a dns failure", "dns", "tls error", "a tls failure", "certificate error", "ECONNREFUSED", "host unreachable", "network unreachable", "unreachable", "connect timeout",
            "name resolution failed", "network error", "connection refused",
        ),
        when=(
            "{the|a|my} {server|provider|host|endpoint|machine} is {dead|down|off|unreachable|not running|offline|gone|not there|not reachable}", "{nothing|no server|nobody} {listens|is listening|is running} {on that port|there|on localhost}", "{the|my} {network|internet|wifi|connection} {is down|is gone|breaks|fails|does not work}",
            "{ollama|my server|the server|vllm} is {down|not running|not started|off}", "the host {cannot be resolved|does not exist|is unknown}", "{a|the} {server|provider} {refuses the connection|cannot be reached}",
        ),
        weight=1.3,
    ),
    Fact(
        "auth (401): the provider refused the key. The next target is asked and the provider rests for 60 s; correct the key, then run `backstop check --live`.",
        failure=("auth", "an auth error", "auth error", "authentication error", "authentication failed", "401", "a 401", "error 401", "http 401", "status 401", "invalid api key", "invalid_api_key", "incorrect api key", "invalid key", "key refused", "wrong key", "bad key", "key rejected", "not authorised", "unauthorised", "login failed"),
        when=("{my|the|a} {key|api key|token|credential} is {wrong|invalid|refused|rejected|expired|revoked|not accepted|bad|old|not valid}", "{the|a|my} {provider|server|service|openai} {refuses|rejects|does not accept|does not take|declines|denies} {my|the} {key|api key|token}", "I {typed|use|set|entered} {a|the} wrong key"),
        ask=("why is my key {refused|rejected|not accepted|invalid}", "rejected [key]", "state rejected in check", "{provider|openai|anthropic|server|it|api} {does not like|refuses|rejects|denies|declines} my {key|token|login|credentials}", "my {key|token} {does not work|is not good|stopped working|is not accepted any more}", "{unauthorised|unauthorized|not authenticated|authentication} {error|failed|problem|request}", "401 {error|response|status|code} from {openai|the api|anthropic}"),
        weight=1.3,
    ),
    Fact(
        "forbidden (403): the key has no access to this model. The next target is asked and this one rests for 60 s; the provider's other models go on.",
        failure=("forbidden", "a forbidden error", "403", "a 403", "error 403", "http 403", "status 403", "access denied", "permission denied", "no access", "no permission", "permission error", "not allowed", "a permission problem"),
        when=("{my|the} {key|account} has no {access|permission|rights} [{to|for} {a|this|the} model]", "I am not allowed to use {a|this|the} model", "{the|a} {provider|server} denies access", "I may not use this model", "{access|permission} is {denied|refused|missing}"),
        weight=1.1,
    ),
    Fact(
        "model_not_found (404): the provider does not know the model. Check its name and the base_url; the next target is asked and this one rests for 60 s.",
        failure=("model_not_found", "model not found", "404", "a 404", "error 404", "http 404", "not found", "unknown model", "unknown_model", "no such model", "invalid model", "a wrong model name", "model unknown", "missing model", "410"),
        when=("{the|a|my} model {is unknown|is not found|is not there|was retired|is gone|is missing|cannot be found|name is wrong}", "the provider {does not know|has never heard of|does not have|cannot find|does not serve} {the|a|my|this} model", "I {misspelt|mistyped|misspelled} the model [name]"),
        weight=1.1,
    ),
    Fact(
        "context_length: the request is too long for the window of the model. The next target is asked, and those known to be too small are skipped.",
        failure=(
            "context_length", "context length", "context length exceeded", "context_length_exceeded", "context window exceeded", "too many tokens", "request too long", "prompt too long", "input too long", "413", "a 413", "context overflow", "maximum context length", "token limit", "request too large", "a context window error",
        ),
        when=("{the|my|a} {request|input|conversation|text|message|document} is {too long|too big|too large|larger than the window|longer than allowed|over the limit}", "{my|the} {text|request|input} {does not fit|has too many tokens|exceeds the window|exceeds the context}", "I send {too much text|a very long text|a huge document|a whole book}"),
        ask=("long {texts|inputs|documents|requests|conversations}", "what about long prompts", "context window", "max context", "{my|the} {prompt|text|question|document|input} {has|is} {100 pages|200k tokens|too many words|too many tokens|way too long|very long|huge|longer than the window}", "how long may {a|my} {prompt|text|question|request} be", "{prompt|text|input|message} {length|size} {limit|problem}", "does not fit {into|in} the {window|context|model}"),
        weight=1.2,
    ),
    Fact(
        'content_filter: the provider filtered the request or the answer. The next target is asked; on_content_filter = "stop" ends the call instead.',
        failure=("content_filter", "content filter", "a content filter", "content filtered", "filtered", "content policy", "content policy violation", "a refusal", "refusal", "safety", "moderation", "safety block", "blocked content", "censored", "censorship", "policy violation", "guardrail", "finish reason content_filter"),
        when=("{the|a|my} {answer|prompt|request|question|reply} is {filtered|censored|blocked|refused by policy|moderated|withheld|flagged}", "{the|a} {model|provider} {refuses to answer|refuses|blocks my question|censors the answer|filters the answer|will not answer|declines to answer}"),
        weight=1.1,
    ),
    Fact(
        "unsupported: the target cannot do what the request needs, such as images or tools. It is skipped, and the next target is asked.",
        failure=("unsupported", "an unsupported error", "not supported", "unsupported parameter", "unsupported feature", "unsupported_parameter", "unsupported modality", "501", "not implemented", "a capability error", "missing capability"),
        when=("{the|a|my} {model|target|provider} {cannot do|does not support|does not have|lacks|has no} {images|tools|function calling|embeddings|streaming|json mode|vision|that|this}", "I send {an image|a picture|tools|a photo} to a {text model|model without vision|model that cannot see}"),
        define=("a capability", "capabilities"),
        ask=("{images|tools|function calling|tool calls|vision|pictures|json mode|multimodal} [support]", "does it support {images|tools|function calling|vision|tool calls}", "can I send {images|pictures|tools|files}", "{images|image|pictures|tools|vision|function calling|json mode|image input|tool use} {not supported|unsupported|not possible|is not available|refused|is missing} [by {the|this|my} {model|target|provider}]", "{the|this|my} {model|target|provider} {can't|cannot|does not} {see|take|handle|accept|do|understand} {images|pictures|tools|vision|photos|image input|function calls}", "model without {vision|tools|images|function calling}"),
        weight=1.1,
    ),
    Fact(
        "bad_request (400): the provider refused the request. One more target is asked for a second opinion, of another provider if there is one; a second bad_request stops the call.",
        failure=("bad_request", "bad request", "a bad request", "400", "a 400", "error 400", "http 400", "status 400", "422", "a 422", "invalid request", "invalid_request_error", "request refused", "invalid parameter", "malformed request", "unprocessable entity", "second_opinion", "a second opinion"),
        when=("{my|the|a} request is {invalid|refused|wrong|malformed|not understood|rejected}", "{the|a} {provider|server|model} {refuses|rejects|does not understand|does not accept} {my|the} request", "I send {nonsense|an invalid parameter|something wrong|a broken request}"),
        weight=1.1,
    ),
    Fact(
        "bad_reply: the reply was malformed, empty, or cut off before any content. The next target is asked.",
        failure=("bad_reply", "bad reply", "a bad reply", "unusable reply", "an unusable reply", "malformed reply", "malformed response", "invalid json from the provider", "empty answer", "an empty answer", "empty response", "garbage", "truncated reply", "a redirect", "html instead of json", "wrong dimension", "connection reset"),
        when=("{the|a|my} {provider|server|model} {sends|returns|answers|answered with} {garbage|nonsense|html|nothing|an empty answer|broken json|rubbish|an empty reply}", "{the|a} {answer|reply|response} is {empty|malformed|broken|garbage|not json|unreadable|cut off before it begins}"),
        weight=1.1,
    ),
    Fact(
        'interrupted: the stream broke off after its first content. With after_commit = "stop" (the default) the call ends with an error that holds the partial text; '
        '"restart" begins anew at the next target.',
        failure=("interrupted", "an interrupted stream", "answer broke off", "a cut stream", "broken stream", "a broken stream", "stream interrupted", "a partial answer", "partial answer", "incomplete answer", "half an answer", "a truncated stream"),
        when=(
            "{a|the|my} {stream|answer|reply} {breaks off|is cut|breaks|ends early|is interrupted|dies|is cut off|gets cut|stops} {in the middle|midway|after some words|after it has begun|half way|mid-sentence|before the end|after the first words}", "the connection {drops|breaks|is lost} {during|while|in} {a stream|streaming|the answer}",
            "{I|we} {get|got|receive} {half|only half|only a part of} {an|the} answer",
        ),
        define=("after_commit", "the after_commit setting", 'after_commit = "restart"', 'after_commit = "stop"', "partial()"),
        howto=("{restart|begin anew|continue} {a|an|the} {stream|interrupted stream|broken stream|cut answer}", "{get|keep|save} the partial {text|answer}", "set after_commit"),
        ask=("after_commit", "stop or restart", "{the|my|a} {stream|answer|text|reply} {stopped|ended|broke|was cut|got cut|died|breaks off|was lost} {half way|halfway|midway|too early|unfinished|in mid-sentence|in the middle|after a few words|suddenly}", "{half|part|some} of the {answer|text|reply} is missing", "{only|just} {half|part|the beginning} of {an|the} answer {came|arrived}", "{cut|broken|torn|unfinished|aborted|incomplete} {stream|answer|reply|text}", "stream {broke|cut|died|lost|ended} [{after|in the middle of} {the answer|some text|it}]", "{can|does} {a stream|it} {continue|resume|restart} {after|where} it {broke|was cut} [off]", "what does reset mean in a stream"),
        weight=1.4,
    ),
    Fact(
        "A stream that brings no content for 60 s, or then goes silent for 60 s, is a timeout (first_content, idle). Before any content the next target is asked, afterwards after_commit decides.",
        when=(
            "{a|the|my} stream {is silent|goes silent|hangs|stalls|stands still|says nothing|falls silent|brings nothing|freezes|pauses|sends nothing|gets stuck}", "no {content|tokens|token|text|words} {comes|come|arrives|arrive} [for a long time|any more|in a stream]", "the stream only sends pings",
            "the first {token|word|content} {does not come|never comes|takes too long|is late}",
        ),
        define=("first_content", "idle", "the idle timeout", "idle timeout", "first content timeout", "the first_content setting", "time to first token"),
        howto=("set {first_content|idle|the idle time|the time to the first token}",),
        ask=("silent stream", "{no|not a|not one} {word|token|text|output|piece|content} {arrives|comes|came|appears|is coming} {for|since} {a minute|minutes|60 s|ages|a long time|two minutes}", "{nothing|no text|no output} {comes|arrives|came|happens|appears} {on|in|from|over} {the|a|my} stream [{for|since} {minutes|a while|ages|60 s|long}]", "{the|my|a} stream {is open but silent|is quiet|just waits|does not move|stays empty|stopped talking}", "the stream {waits|is waiting} {forever|for ages}", "first {token|word|content} {timeout|late|never came|takes forever}", "how long may a stream {be silent|stay silent|pause}", "{hanging|stalled|stuck|frozen} stream", "how long {does it wait|may it take} {for|until} the first {token|content|word}", "idle {time|timeout|setting|limit}", "first_content"),
        weight=1.2,
    ),
    Fact(
        "not_configured: a key, a file or a feature is missing. The target is skipped without a request, and the trail names the variable or file.",
        failure=("not_configured", "not configured", "a not_configured target", "no key set", "missing key", "no api key found", "key missing", "key not found", "NotConfigured", "provider not configured"),
        when=("{a|the|my|one} {key|variable|env var} is {missing|not set|unset|empty}", "I {forgot|did not set|have not set} {the|a|my} {key|variable}", "a {feature|provider} is not compiled in", "a target has no key"),
        weight=1.1,
    ),
    Fact(
        "cancelled: the caller left, by dropping the call or interrupting the program. It is nobody's failure, and nothing rests because of it.",
        failure=("cancelled", "canceled", "a cancelled call", "cancellation", "cancelled verdict", "an aborted call"),
        when=("I {cancel|abort|drop|leave|give up} {a|the|my} call", "the caller {leaves|goes away|gives up|cancels|drops the future}", "I am no longer interested in the answer"),
        weight=0.8,
    ),
    Fact(
        "exhausted: all targets failed. The trail says why for each of them; `backstop check --live` tests them one by one.",
        failure=("exhausted", "all targets failed", "all failed", "all 3 targets failed", "an exhausted error", "no target left", "every target failed", "all models failed", "none answered", "nobody answered"),
        when=("{all|all my|all the} {targets|models|providers} {fail|failed|are down|are broken|gave up}", "{every|each} {target|model|provider} {fails|failed|is down|is broken}", "{nothing|nobody|no model|none of them} {answers|answered|works|worked|is left|helps}"),
        weight=1.2,
    ),
    Fact(
        'deadline (as an error): the time for the whole call ran out. Give it more with `--deadline 2m` or deadline = "2m" in the route, or put a faster target first.',
        failure=("deadline reached", "deadline exceeded", "the deadline error", "deadline error", "a deadline error", "kind deadline", "deadline expired", "deadline hit", "deadline passed"),
        when=("{the|my} deadline {is reached|passes|runs out|expires|is over|was hit|ends|is exceeded}", "the time {runs out|is over|is up|ran out}", "the whole call {ran out of time|takes longer than its deadline|was too slow}"),
        howto=("{get|give|have} {more|it more} time", "raise the deadline"),
        weight=0.9,
    ),
    Fact(
        "config (as an error): the config file is wrong or missing. The message shows the line and the nearest valid name; docs/CONFIG.md has every setting.",
        failure=("a config error", "config error", "configuration error", "the config error", "a configuration error", "kind config", "config file does not exist", "the config file error", "invalid configuration"),
        weight=0.8,
    ),
    Fact(
        "usage (as an error): what was typed cannot work. `backstop --help` shows the commands and their options.",
        failure=("a usage error", "usage error", "unknown option", "an unknown flag", "unexpected argument", "unknown command", "wrong usage", "unrecognized subcommand", "there is no route"),
        when=("I {mistype|misspell} {a command|an option|a flag}", "{the|a} {command|option|flag} is unknown"),
        weight=0.7,
    ),
    Fact(
        "Every failure has a kind, such as rate_limited, quota, timeout, connect, auth or context_length. docs/ERRORS.md says what each leads to.",
        ask=(
            "{which|what} {errors|kinds of errors|error kinds|failures|kinds of failure|kinds|error codes} {are there|exist|do you know|can happen|does it have}", "{list|table|overview} of {errors|failures|error kinds|kinds}", "error {kinds|types|codes|list|table|handling|taxonomy}", "errors", "what can {go wrong|fail|happen}",
            "how are {errors|failures} {handled|classified|treated|grouped}", "{overview|catalogue|catalog|reference|names} of {error kinds|errors|failures}", "{where|how} do I {find|read|learn} {about errors|what an error means|the error kinds}", "{an error|a failure|errors}", "I {get|got|have} {an error|errors|an error message}", "how does {it|backstop} {handle|treat|classify} {errors|failures}",
        ),
        define=("an error kind", "ErrorKind", "the kind of an error", "a kind of failure"),
        weight=1.0,
    ),
]

BEHAVIOUR = [
    Fact(
        "A retry of the same target is called a comeback: one per call by default, after a backoff of 500 ms to 8 s, and never waited for while another target is ready. "
        "Set it with retry = { comebacks = 2 }.",
        define=("retry", "retries", "retrying", "the retry setting", "backoff", "exponential backoff", "jitter"),
        howto=("{set|configure|change|limit|control} {retries|the number of retries|retry|the backoff|how often it retries}", "{turn off|disable|switch off|stop|forbid} {retries|retrying}", "retry {more often|a target|failed requests}"),
        ask=("how {many times|often} {does it|will it|does backstop} {retry|try again}", "does {it|backstop} {retry|try again}", "how many retries [are there]", "retry {policy|count|setting|logic|behaviour}", "backoff", "{how long|what} is the backoff", "is there {retry|a backoff|exponential backoff}", "are failed requests retried", "{how many|how often} {second tries|retries} {does it make|are made|are there}", "{does|will} {a|the} {failed|broken} {call|request|target} get {retried|repeated}", "repeat a failed {request|call}", "{number|count} of retries"),
        weight=1.1,
    ),
    Fact(
        "The retry budget of a route holds 50 points: an uninvited comeback or a hedge costs 10, a success brings 1, and every 10 s bring 5. When it is empty, calls do without.",
        define=("the retry budget", "retry budget", "a budget", "the budget", "budget points"),
        ask=("{how big|how large} is the {retry budget|budget}", "what {costs|fills|empties} the budget", "{limit|bound|cap} {on|of|for} {retries|all retries}", "{points|budget} {of|for} {retries|a route|hedges}", "tell me about the {points|50 points}", "when is the budget {empty|used up|full}", "retry storm", "how are retry storms {prevented|avoided}", "budget"),
        weight=0.9,
    ),
    Fact(
        'With hedge_after = "2s" in a route, a second target is asked beside a slow first one, and the first answer wins. It is off by default.',
        define=("hedging", "a hedge", "hedge", "hedge_after", "hedges", "a hedged request", "hedged", "the hedge_after setting"),
        howto=("{use|enable|turn on|switch on|configure|set up|set} {hedging|hedges|hedge_after|a hedge}", "{ask|try|query} two {models|targets} {at once|at the same time|in parallel|side by side}", "{ask|start} {another|a second} {model|target} {beside|alongside|next to} a slow one", "{reduce|lower|cut} {latency|tail latency|waiting}"),
        ask=("hedging", "does it {hedge|support hedging|ask two models in parallel}", "parallel {requests|calls}", "is hedging on by default", "what if the first {model|target} is {just slow|slow but not dead}", "fastest answer wins", "{let|make} two {models|targets} {race|compete|run in parallel}", "{two|parallel|simultaneous} {requests|models|targets} {at once|at the same time|side by side}", "the first {model|target|one} is {slow|too slow|late}, {ask|start|try} another {too|beside it|in parallel}"),
        weight=1.1,
    ),
    Fact(
        'A pool is a step of a route whose members stand for each other: { pool = ["groq/a", "together/a"], pick = "weighted", weights = [3, 1] }. '
        "If one fails, the next member is tried.",
        define=("pool", "a pool", "pools", "the word pool", "a weighted pool", "pick", "weights", "load balancing"),
        howto=(
            "{balance|share|split|distribute} {load|the load|requests|calls|traffic} {between|among|across|over} {models|targets|providers|two providers|keys}", "{use|write|make|define|configure} {a pool|pools|weights|load balancing}", "{send|give} {half|30 percent|a part|most} of {the|my} {requests|traffic} to {another model|one provider}",
            "pick a {target|model} at random",
        ),
        ask=("pool", "pool {example|syntax|of targets}", "load {balancing|balancer}", "{does it|can it} balance load", "round robin", "random {choice|order} of targets", "weighted {choice|targets|routing|random}", "{use|take|ask} {two|several|three} {providers|models|keys|targets} {in turn|alternately|equally|evenly|half and half|50 50|fifty fifty}", "{divide|split|share out|distribute} {my|the|} {requests|traffic|load|work|calls} {evenly|equally|fairly|by weight|} {over|between|among|to} {providers|models|two models|several providers|accounts}", "{one third|half|70 percent|most} {here|to one model} and {the rest|half|30 percent} {there|to another}", "{equal|even|same} {share|load} for {both|all|two} {providers|models|targets}"),
        weight=1.1,
    ),
    Fact(
        "Vectors of different models never mix: an embedding call falls over only inside one vector space. mixed_spaces = true in the route allows more, but such vectors cannot be compared.",
        define=("space", "a space", "a vector space", "vector space", "an embedding space", "mixed_spaces", "spaces", "embedding spaces"),
        howto=("{mix|combine|compare} {vectors|embeddings} of {two|different|several} models", "{fall over|fall back} {with|for} embeddings", "allow mixed spaces", "state the space of {a model|an embedding model}"),
        ask=("{can|may|do|will} {vectors|embeddings} [of different models] {mix|be mixed|be compared|get mixed}", "fallback for embeddings", "how do embeddings fall {over|back}", "{are|is} {embeddings|vectors} of {two|different} models {comparable|compatible|the same}", "mixed_spaces", "embedding {fallback|space}", "{mixing|combining|blending|comparing} {vectors|embeddings} {of|from} {two|different|several|other} {models|providers|embedding models}", "{can|may|should} I {mix|combine|compare|put together} {vectors|embeddings} {of|from} {two|different|other|several} {models|providers}", "{another|a different} {embedding model|model} for {the same index|old vectors|my vectors}", "{vectors|embeddings} {from|of} {another|a different|two} model", "{vectors|embeddings} that do not {fit|match|belong together}"),
        weight=1.0,
    ),
    Fact(
        "The defaults: deadline 600 s for a call, timeout 300 s for one answer, 60 s to the first content of a stream, idle 60 s, connect 5 s.",
        ask=(
            "{what|which} {are|is} the {default timeouts|default times|defaults|timeouts|default values|default timeout}", "default {timeouts|timeout|times|settings|values}", "{what|which} timeouts {are there|exist}", "timeouts", "how long {does|will} {it|backstop} wait [for an answer]", "{list|all} timeouts",
            "how long is the timeout", "{what's|what is} the default timeout", "how many seconds until {a timeout|it gives up|it stops waiting}", "when does {it|backstop} {give up|stop waiting}", "how {long|much time} {will|does|can} {it|backstop|a call|a request} {take|wait|last|run|hang} {at most|if I set nothing|unless told otherwise|without settings|normally}", "{usual|normal|standard|built-in|preset} {waiting time|timeout|time limits|timeouts|times}", "{waiting|wait} time", "what are the time limits",
        ),
        define=("the defaults", "the default timeouts", "the time limits"),
        weight=1.1,
    ),
    Fact(
        'timeout = "20s" in a route bounds one answer of each target; in { target = "openai/gpt-5.2", timeout = "20s" } it bounds only that one.',
        howto=("{set|change|configure|raise|lower|increase|reduce|shorten} {a|the|} {timeout|timeouts} [{of|for} {a|one|each|every} {target|model|attempt}]", "give {one|a slow|each} {model|target} {more|less} time", "set a per-target timeout"),
        define=("the timeout setting", "timeout in a route", 'timeout = "20s"'),
        ask=("timeout {setting|option|per target|for one model|of a target}", "{different|own} timeout for {each|one} {model|target}", "{this|one|my} {model|target} {needs|should get|gets|may take} {more|less|20 s|two minutes}", "{a|one} timeout {of|for} {20 s|a minute|one target|a slow model}"),
        weight=0.9,
    ),
    Fact(
        'connect = "5s" in a provider\'s table is the most time for connecting; 5 s is the default.',
        howto=("{set|change|raise|lower} the connect timeout", "give connecting more time"),
        define=("the connect setting", "connect timeout setting", 'connect = "5s"'),
        weight=0.5,
    ),
    Fact(
        "patience is the most that a call sleeps in all: 5 s, or a third of the time left if that is less. It never sleeps while another target is ready.",
        define=("patience", "the patience setting", "patience in a route"),
        howto=("{set|change} {the|} patience", "limit {sleeping|waiting|sleep} [between tries]"),
        ask=("how long does it {sleep|wait} between {tries|attempts|retries}", "{does|will} it sleep {long|before a retry|in between}"),
        weight=0.7,
    ),
    Fact(
        "Drop the future: that cancels the call and closes its connections. On the command line press Ctrl-C.",
        howto=("{cancel|abort|stop|interrupt|kill|end} {a|the|my|a running} {call|request|stream|answer}",),
        ask=("how does {cancelling|cancellation} work", "{can|may} I {cancel|abort|stop} {a call|a request|it}", "cancel a {call|request}", "what happens {if|when} I drop the future"),
        weight=0.7,
    ),
    Fact(
        "backstop itself is free. The providers charge for their models by their own price lists, which I do not know.",
        ask=(
            "{how much|what} does {backstop|it|this|a call|gpt-5|a request|a model} cost", "is {backstop|it|this} free", "{price|prices|pricing|costs|cost} [of {a call|models|backstop}]", "do I have to pay [for {backstop|it}]", "how expensive is {it|backstop|a call}", "{cheapest|cheap} model", "what do I pay",
        ),
        weight=0.8,
    ),
    Fact(
        "I cannot judge models. `backstop models` lists those that are known; try some with `--models a/x,b/y` and see.",
        ask=("{which|what} {model|provider|llm} {is|should I use|do you recommend|is the best|is better|would you take|is fastest|is smartest}", "{best|fastest|smartest|recommended} {model|provider|llm}", "is {gpt-5|claude|gemini|mistral} better than {claude|gpt|llama|gemini}", "recommend {a model|me a model|a provider}", "{gpt|claude|gemini} or {claude|gemini|llama}"),
        weight=0.8,
    ),
]

LIBRARY = [
    Fact(
        'Add the crate backstop with a feature for each provider you need, such as features = ["openai"]. '
        'Then: Backstop::models(["openai/gpt-5.2"])?.chat("Hi").await?',
        howto=(
            "{use|call|embed|include|integrate|import} {backstop|it|this} {in|from|inside|into} {Rust|rust|my rust program|my code|my own program|a rust project|my app|my service|a crate}", "{use|call} {the|it as a|backstop as a} library", "{call|ask} a model {from|in} {rust|Rust|code}",
            "write {a program|code|rust} {with|that uses} backstop", "add {the crate|the dependency|backstop as a dependency}",
        ),
        define=("Backstop::models", "the library", "the rust library", "the api of the library", "the crate backstop"),
        ask=("{rust|library|code|api} {example|usage|use|sample}", "example in rust", "{put|build|integrate|use|include|wire|link} {backstop|it|this} {in|into|inside|with} {a|my|our|my own|an existing} {rust|Rust} {program|project|app|service|crate|binary|code|codebase}", "{dependency|crate|library} for {my|a} rust {program|project|app}", "{how|where} do I {start|begin} in {rust|Rust code}", "{calling|using} backstop {from|in} {rust|code|my code}", "which lines go into Cargo.toml", "sdk for rust", "show me {some|the} rust [code]", "{Cargo.toml|cargo} {entry|dependency|line}", "how does the {library|api|rust api} look", "is there a rust {library|crate|api}", "Backstop::builder", "dependency"),
        weight=1.2,
    ),
    Fact(
        "Use backstop::blocking::Backstop: the same client without an async runtime.",
        howto=("{use|call} {it|backstop} {without|with no} {async|await|tokio|an async runtime|a runtime}", "make {a|} blocking {call|calls}", "{use|get} {the|a} {blocking|sync|synchronous} {client|api|version}", "{avoid|get rid of} async"),
        define=("backstop::blocking", "the blocking client", "blocking", "the blocking api"),
        ask=("blocking", "{blocking|sync|synchronous} {client|api|call|calls|mode|version}", "is there a {blocking|sync|synchronous} {client|api|version}", "do I {need|have to use} async", "without async", "my program is not async", "{from|in|inside|with} {plain|normal|ordinary|sync|non-async|blocking|synchronous} {rust|code|rust code|functions|programs}", "{I have|there is|my code has} no {async|runtime|tokio|executor}", "{call|use} {it|backstop} {from|in} {a|} {normal|ordinary|plain|blocking|sync} {function|program|main|code}", "no async please"),
        weight=1.0,
    ),
    Fact(
        "Yes, backstop is async and runs on tokio. Programs without a runtime use backstop::blocking.",
        ask=("is {it|backstop|the library} async", "async", "tokio", "{which|what} {runtime|async runtime} {does it use|is used|do I need|does it need}", "does {it|backstop} {use|need|require} {tokio|a runtime|async}", "async {runtime|support|or sync}", "can I use {async-std|smol}", "is tokio {needed|required|used}"),
        weight=0.8,
    ),
    Fact(
        "Each provider is a cargo feature of its own name, such as openai; rustls (on by default) adds https. A feature only adds names and never changes behaviour.",
        define=("cargo features", "the features", "a feature", "feature flags", "the rustls feature"),
        howto=("{enable|turn on|switch on|choose|select|add} {a|the|} {feature|features|provider feature|cargo feature}", "compile {a provider|another provider|support for a provider} in", "build {with|without} {openai|a provider|https|tls}"),
        ask=("{which|what} features {are there|does the crate have|do I need}", "feature {list|flags|names}", "cargo features", "{list|names} of {the|} [cargo] features", "does it {do|support|use} {tls|https|rustls}", "rustls", "how do I get https", "default features"),
        weight=1.0,
    ),
    Fact(
        "Implement the trait Provider of backstop-core, then hand it over with Backstop::builder().provider(...). One trait is all it takes.",
        howto=(
            "{write|make|create|implement|build|add} {a|my own|an own|a custom|a new} provider", "{extend|teach} backstop [{to speak to|with} {another|my own|a new} {service|api|protocol}]", "{support|add} {a service|an api|a protocol} {that is not there|you do not have|of my own}", "implement {the|} Provider [trait]",
        ),
        define=("the Provider trait", "a custom provider", "custom providers", "own providers", "backstop-core"),
        ask=("{custom|own|new|third party} {provider|providers}", "can I {write|add|make} {my own|a|another} provider", "provider {trait|plugin|interface|api}", "is there a plugin system", "{connect|attach|hook up|plug|bring in|wire up|link} {my|our|a|an} {own|company|internal|in-house|proprietary|private|special} {model|api|service|model service|llm} [in|to backstop]", "{we|I} have {our|my} own {model|api|llm|service}[, how do I {use|add|connect} it]", "{a|the} {api|service|protocol} {you don't know|that is not supported|nobody supports|of ours}", "provider {for|of} {my|our} own {api|service|model}", "extend backstop", "how are providers {written|added|implemented}"),
        weight=1.1,
    ),
    Fact(
        "chat_stream gives events: Text for each piece, Reset when another model begins anew, and End with the whole answer and its trail.",
        howto=("{stream|read a stream|use streams|receive pieces} {in|from} {rust|the library|code|my program}",),
        define=("chat_stream", "StreamEvent", "the stream events", "StreamEvent::Reset", "the Reset event"),
        ask=("streaming in {rust|the library|code}", "chat_stream", "stream {events|api}", "{which|what} events does a stream have"),
        weight=0.7,
    ),
    Fact(
        "An Error has kind(), provider(), status(), retry_after(), partial() and trail(). Its text is one line without prompts, bodies or keys.",
        howto=("{handle|match|read|inspect|catch} {errors|an error|the error} in {rust|code|the library|my program}", "get the {status|kind|request id} of an error"),
        define=("backstop::Error", "the Error type", "the error type", "an Error value"),
        ask=("error type", "what does an Error {hold|contain|have}", "error {methods|api|fields}"),
        weight=0.6,
    ),
    Fact(
        "It needs Rust 1.88 or newer.",
        ask=("{which|what} {rust version|version of rust|rust|toolchain|compiler} {is needed|do I need|does it need|is required|is the minimum}", "{rust version|msrv|MSRV|minimum rust|minimal rust version|rustc version}", "does it {build|compile|work} {with|on} {rust 1.70|old rust|stable rust|rust 1.80|stable}", "is nightly [rust] needed", "minimum supported rust version", "how old may my rust be", "{oldest|lowest|earliest|smallest|required|necessary|supported} {rust|rustc|compiler|toolchain} [version]", "{which|what} {rustc|compiler|toolchain} {works|is required|do I install}", "rust 1.88", "{my|the} {rust|compiler|rustc} is {old|too old|version 1.70}"),
        define=("the msrv", "the minimum rust version"),
        weight=0.8,
    ),
    Fact(
        "backstop is licensed under MIT OR Apache-2.0, at your choice.",
        ask=("{what|which} {licence|license} {is it|does it have|has backstop|is this under|is used}", "{licence|license}", "{licence|license} of backstop", "is {it|backstop|this} {open source|free software|MIT|apache|gpl}", "can I use {it|backstop|this} {commercially|at work|in a product|in closed source|in my company}", "copyright", "am I allowed to {sell|change|copy|use} {it|backstop}", "how is {it|backstop|the code} licensed", "legal terms", "{may|can|must} I {use|copy|change|sell|distribute|publish} {the|this|your} {code|source|program|library}", "{terms|conditions|rules} {of use|for use|for using it|of the licence}", "{open source|commercial|legal|copyright} {licence|license|use|question|status|terms}", "is it {GPL|gpl|bsd|proprietary|free to use}"),
        define=("the licence", "the license"),
        weight=0.9,
    ),
    Fact(
        'It is not on a registry yet. In a checkout, `cargo run -- chat "Hi"` runs it, and `cargo install --path crates/cli` installs it.',
        howto=("{install|build|compile|download|run|get} {backstop|it|this|the program|the command line} [{from source|with cargo|from a checkout|on linux|on mac|on windows}]",),
        ask=("install", "installation", "is it on crates.io", "cargo install [backstop]", "{where|how} can I {download|get} {it|backstop}", "crates.io", "build from source", "is there a {binary|package|docker image}"),
        weight=0.9,
    ),
    Fact(
        "backstop-core holds the types and the machine, backstop-providers the providers, backstop-config the file, backstop the client, backstop-cli the command line.",
        ask=("{which|what} crates {are there|does it have|exist}", "crates", "{crate|code|project} {structure|layout|overview|map}", "architecture", "how is {it|backstop|the code} {built|organised|structured|organized}", "what is in {backstop-core|backstop-providers|backstop-config|backstop-cli}", "docs/ARCHITECTURE.md"),
        weight=0.7,
    ),
    Fact(
        "`cargo xtask test` runs all tests, and `cargo xtask ci` runs every check. CONTRIBUTING.md says how to contribute.",
        howto=("run the tests", "{contribute|help|send a patch|take part|make a pull request}", "test backstop [itself]", "develop backstop"),
        ask=("cargo xtask", "{how is it|is it|is backstop} tested", "tests", "contributing", "CONTRIBUTING.md", "{how|where} do I report a bug", "ci"),
        define=("cargo xtask", "xtask"),
        weight=0.7,
    ),
    Fact(
        "A call costs a few percent more time than plain reqwest on loopback, which no real model lets you notice. docs/PERFORMANCE.md has the figures.",
        ask=("how fast is {it|backstop}", "{performance|overhead|speed|benchmark|benchmarks}", "{is|how} {it|backstop} {slow|fast|efficient}", "how much {overhead|time} does {it|backstop} {add|cost|have}", "what is the overhead", "does {it|backstop} slow {down my calls|things down|me down}", "docs/PERFORMANCE.md", "latency of backstop"),
        weight=0.8,
    ),
    Fact(
        "README.md is the way in; docs/CONFIG.md has every setting, and docs/ERRORS.md every kind of failure.",
        ask=("{where|is there|are there} {is the|are the|any|} {documentation|docs|manual|handbook|help} [I can read]", "{documentation|docs|manual|tutorial|readme|handbook}", "where can I {read|learn|find} more", "{more|further} {information|reading|details}", "link to the docs", "how do I learn [more about] backstop"),
        weight=0.8,
    ),
    Fact(
        "backstop is a Rust library and a command line. From another language call the command line with `--json`.",
        ask=("is there a {python|javascript|node|go|java|c|typescript} {version|library|binding|client|api|sdk|package}", "{python|javascript|node|java|typescript|c#} {bindings|client|sdk|library|support}", "can I use {it|backstop} {from|in|with} {python|javascript|node|java|go|php|c++}", "how do I call backstop from {python|javascript|node|java|go}"),
        weight=0.7,
    ),
    Fact(
        'The feature `local` runs GGUF files in the program itself. Name the file in [providers.local], models = { qwen = "models/qwen.gguf" }, and ask local/qwen.',
        howto=(
            "{run|use|load|open|start|configure} {a|my|the|my own} {gguf|GGUF} [file|model]", "{use|enable|configure|set up} {the|} {local feature|feature local|local provider|provider local}", "run a model {from|in} a [gguf] file", "{run|load} {a model|weights} {in process|without a server|inside the program|without ollama}",
        ),
        define=("gguf", "a gguf file", "the local feature", "the local provider", "local/qwen", "the feature local"),
        ask=("gguf", "gguf {files|support|model|file|models}", "does it {run|support|load|read} gguf [files]", "models without {a server|ollama}", "in-process models", "providers.local", "llm inside the program", "weights file", "{I have|there is|here is|I downloaded} a {gguf|.gguf} {file|model}[, {can I use it|how do I use it|what now}]", "{start|execute|run|load|open} {a|the|my} {.gguf|gguf|quantised model|model file|weights} {file|from my disk|from a folder|locally|in backstop}", "{model|weights} {file|files} {on|from} {disk|my disk|my drive|a folder}", "{quantised|quantized|llama.cpp} {models|files|weights}"),
        weight=1.1,
    ),
    Fact(
        "The feature `tiny` is me: a very small model inside the program. By itself backstop asks me only when nothing else is configured.",
        define=("tiny", "the tiny feature", "tiny/guide", "the tiny provider", "the built-in model", "the embedded model"),
        ask=("tiny/guide", "tiny feature", "is there a {built-in|embedded} model", "which model is {inside|built in|compiled in|included}", "the model {inside|in} the program", "when are you {used|asked}", "{which|what} is the built-in model"),
        weight=0.8,
    ),
]

IDENTITY = [
    Fact(
        "I am guide, a very small model built into backstop so that something always answers. I know backstop and little else; set a key such as OPENAI_API_KEY for a real model.",
        ask=(
            "who are you", "what are you", "{tell me|say something} about yourself", "introduce yourself", "{what|who} am I {talking|speaking|chatting|writing} {to|with}", "which model {are you|is this|am I using|answers|is answering|do you run}", "your name", "what {is|are} {you called|your name}", "{what|which} {ai|AI|llm|bot|assistant} {is this|are you}",
            "who is {this|there|answering}", "are you there", "do you have a name", "and you are", "who is guide", "what is guide", "what model is this", "{describe|present} yourself", "what sort of {model|thing|ai} are you", "whoami", "tell me who you are", "who r u", "what r u", "are you the guide", "how are you called", "what do {people|they|I} call you", "{what|who} {exactly|} are you", "name {yourself|please}", "{state|say|tell me} your name", "who do I {talk|speak} to", "what {program|model|thing} {answers|is answering|speaks} {here|me|to me}", "what should I call you",
        ),
        weight=2.0,
    ),
    Fact(
        "No. I am guide, a very small model built into backstop, and no large model. Set a key such as OPENAI_API_KEY or ANTHROPIC_API_KEY to ask one.",
        ask=(
            "are you {really|actually|perhaps|maybe|also|some kind of|by any chance|} {gpt|gpt-3|gpt-5|gpt-4o|GPT|chatgpt|ChatGPT|claude|Claude|gemini|Gemini|llama|Llama|mistral|bard|copilot|grok|deepseek|qwen|siri|alexa|openai|anthropic|an openai model}",
            "is {this|that|it} {really|actually|} {gpt|gpt-5|claude|gemini|llama|openai|bard|copilot|a large language model|a real model|a real AI|mistral|gpt-4o}", "am I {talking|speaking|chatting} {to|with} {gpt|chatgpt|gemini|a human|a person|openai|llama|a real person|mistral|copilot}", "you are {gpt|chatgpt|claude|gemini|llama|gpt-5}[, right|, aren't you]",
            "are you {a|an} {large|big|real|true|proper|powerful} {language model|model|llm|ai|AI}", "are you {a human|human|a person|a robot|alive|real|sentient|conscious|an AI}", "are you {made|built|trained} by {openai|anthropic|google|meta|microsoft|mistral}", "do you use {gpt|openai|claude|gpt-4o} {inside|under the hood|}", "pretend {you are|to be} {gpt|claude|a large model|a human|a pirate}",
            "which version of {gpt|claude|llama|gemini} are you", "{gpt|chatgpt|claude|gemini}, is that you", "{is|was} {this|that|it} {chat gpt|chat-gpt|ChatGPT|a gpt|the gpt model|chatgpt or claude|Claude|GPT}", "{so|hm,|wait,} {you are|are you|is this} {chatgpt|gpt|claude|gemini|copilot}", "do I {talk|speak} to {gpt|chatgpt|claude|gemini|a human|openai}", "{talking|speaking|chatting} {to|with} {chatgpt|gpt|gemini|a human|llama} [right now|now|here]", "you {sound|look} like {gpt|chatgpt|claude}", "{gpt|claude|gemini|llama} {inside|or not|or what}",
        ),
        weight=2.0,
    ),
    Fact(
        "I answer short questions about backstop: keys, routes, options, failures. For everything else set a key such as OPENAI_API_KEY and ask a real model.",
        ask=(
            "what can you do", "what can I ask [you]", "what do you {know|do|offer}", "what are you {for|good for|able to do|good at}", "how can you {help|assist} [me]", "{what|which} {questions|things|topics} can {you answer|I ask}", "can you help [me]", "help me", "I need help", "{what's|what is} your {job|purpose|task|function|use}",
            "your {abilities|skills|capabilities|purpose}", "what should I ask [you]", "{tell|show} me what you can do", "what do you know about", "can I ask you {something|a question|anything}", "I have a question", "what kind of questions do you answer", "are you useful", "{what|which} {sort of|kind of|} {help|support|things} {do you offer|can I get|can I expect|do you give} [from you|here]", "{what|where|how} {could|would|will|might} you {help|assist|support|be useful}", "what am I {allowed to|supposed to} ask", "in what can you {help|assist}", "{topics|subjects|questions} {you know|you answer|for you}",
        ),
        weight=1.6,
    ),
    Fact(
        "I have fewer than two million weights, in a file of less than 2 MB. Large models have thousands of times as many.",
        ask=(
            "how {big|large|small|heavy} are you", "how many {weights|params|layers|billions of parameters|neurons} {have you got|are there|are in you}", "{what's|what is} your {size|parameter count|number of parameters}", "{your|model} {size|parameters|parameter count}", "how {big|large|small} is {this|the|your} {model|file|network}", "{size|weight} of {the|this} [built-in|embedded] model", "are you {big|large|small|tiny}",
            "how much {memory|space|ram|disk} do you {need|use|take}", "why are you so {small|tiny|little}", "what is your architecture", "how many layers do you have", "number of parameters", "how many {weights|params|numbers|neurons} {are|do} you {made of|consist of|have|contain}", "{count|number} of {your weights|weights|your parameters|neurons}", "{are you|is this} a {7b|70b|1b|tiny|small|large|big} model", "{how|what} {large|big|small} {a model|is your brain|were you made}",
        ),
        weight=1.3,
    ),
    Fact(
        "I am very small: I know only backstop, only in English, and I am often wrong elsewhere. I have no internet access, no tools and no memory of earlier sessions.",
        ask=(
            "what are your {limits|limitations|weaknesses|shortcomings|boundaries}", "what can't you do", "what can you not do", "your {limits|limitations|weaknesses}", "what {don't you|do you not} know", "{how|are you} {smart|clever|intelligent|good} [are you]", "what are you {bad at|not good at}", "are you {smart|clever|stupid|intelligent}", "do you {remember|know} {me|what I said|our last talk|yesterday}", "do you have {a memory|memory|tools|plugins}",
            "can you {use tools|call functions|run commands|execute code|open files|remember things}", "which languages do you {speak|know|understand}", "do you {speak|understand|know} {german|french|spanish|other languages|english|chinese}", "what languages do you speak", "where {do|are} your {limits|weak points|weaknesses}", "what is {beyond|too hard for} you", "{will|can|do} you {learn|improve|remember things} [from me|over time]",
        ),
        weight=1.4,
    ),
    Fact(
        "No. I have no internet access: I run inside the program, offline, and know only what I learned about backstop.",
        ask=(
            "{can|do|could} you {use|access|search|reach|have|google} [to] the {internet|web|net}", "do you have {internet|internet access|web access|a connection|access to the internet|access to google}", "{search|look up} {the web|something online|this on the internet|google}", "are you {online|connected|connected to the internet|offline}", "can you {google|look things up|open a website|visit a url|search online|fetch a page|read this link}", "do you {send|upload} {anything|my data|data} [somewhere]", "are you running {locally|offline|in the cloud|on a server|on my machine}",
            "where do you run", "do you know {the news|what happened today|current events}", "internet access", "what is your knowledge cutoff", "when were you last updated", "{can|could|will|are} you {browse|surf|go online|able to browse|able to search|able to go online|open urls|read websites|download things|get live data}", "{web|internet|online} {access|search|browsing|connection}", "are you {allowed|able} to {use|access|reach|search} the {web|internet|net}", "do you {surf|browse|google|search|read the news}",
        ),
        weight=1.4,
    ),
    Fact(
        "I was made by the authors of backstop, and trained only on text that they wrote about it.",
        ask=(
            "who {made|built|trained|wrote|developed|programmed|invented|designed} {you|guide|this model|this ai}", "who is your {creator|author|maker|developer|owner|boss|father}", "where do you come from", "{how|on what|with what} {were you|are you|was this model} {trained|made|built|taught}", "what {data|text|texts} {were|are} you trained on", "your {training data|creator|authors|origin|maker}", "who are your {authors|creators|makers|developers|parents}", "which company {made|built|owns} you", "who owns you", "how old are you", "when were you {made|born|trained}", "{who|which people|what company|which team} {is behind|stands behind|trained|produced|wrote|is responsible for|made} {you|this|this model|this ai|the guide|this bot}", "{whose|what} {model|work|product} are you", "{creator|author|authors|maker|makers|developer|vendor|manufacturer} of {you|this model|the guide|this ai|this bot}", "are you made by the {authors|developers} of backstop", "{from|out of} what were you {made|trained}",
        ),
        weight=1.3,
    ),
    Fact(
        "Set a key such as OPENAI_API_KEY, or start Ollama: then a real model is asked, and I am not used any more.",
        howto=(
            "{get|use|ask|talk to|reach|speak to|have|switch to} {a real|a better|a bigger|a smarter|a proper|another|a large|a different|a stronger} {model|ai|llm|one}", "{turn|switch} {you|the guide|the built-in model|this model} off", "{replace|remove|disable|get rid of} {you|the built-in model|the guide|the tiny model}", "get {better|smarter|real|proper|good} answers", "upgrade [{you|the model}]",
        ),
        ask=(
            "why {are you|do you|is this thing} {answering|answer|answer me|here}", "why {do I|am I} {get|getting|talking to} {you|this|such a bad answer|this answer|the guide}", "I {want|need|asked for} {a real|a better|a bigger|another|a smarter|a large} {model|ai|one}", "why {does not|doesn't} {openai|gpt|claude|a real model|my model} answer", "why is {a small model|a toy|guide|the built-in model} answering", "not you", "I do not want you", "where is {the real model|gpt|claude|my model}",
            "you are {useless|no help|not helpful|too small|stupid|dumb|bad|wrong|not smart}", "this is {useless|bad|wrong|not helpful|stupid}", "that is {wrong|not right|nonsense|not what I asked}", "bad {bot|answer|model}",
        ),
        weight=1.4,
    ),
    Fact(
        "Not blindly: I am a very small model and can be wrong. Compare what I say with docs/CONFIG.md and docs/ERRORS.md.",
        ask=("can I {trust|believe|rely on} {you|what you say|your answers}", "are {you|your answers} {always|usually|} {right|correct|reliable|true}", "do you {make mistakes|lie|hallucinate|make things up}", "how {reliable|accurate|good|correct} {are you|are your answers|is this}", "are you sure", "is that {true|right|correct|so}", "really", "do you guess"),
        weight=0.9,
    ),
]

SMALL_TALK = [
    Fact(
        "Hello! I am guide, a very small model built into backstop. Ask me about keys, routes or failures.",
        ask=(
            "{hello|hi|hey|hiya|howdy|hullo|helo|hallo|yo|greetings|hi there|hello there|hey there|hello guide|hi backstop|hello backstop|hi all|heya|sup}", "good {morning|day|afternoon|morning to you|day to you}", "hello[,] {world|friend|bot|model|again|everyone|my friend}", "{nice|pleased|good} to meet you", "hi{!|!!|, how is it going|, anyone there|, you}",
            "hey {guide|bot|you|buddy|assistant}", "{say|just saying} {hello|hi}", "is {anybody|anyone|somebody} {there|home}", "good {evening|evening to you|evening everyone|afternoon all}", "{hello|hi|hey} {there|you|again|people|folks|dear guide|little model|model}", "{hello|hi}, {I am|my name is|this is} {Ada|Ben|Tom|Maria|new here|a user|a human}", "{greetings|salutations|welcome}",
        ),
        weight=1.6,
    ),
    Fact(
        "Fine, thank you. I am guide, a very small model; ask me about backstop.",
        ask=("how are you [doing|today|feeling]", "how do you {do|feel}", "how is it going", "what's up", "how's {life|it going|your day}", "are you {ok|well|fine|happy|tired}", "how have you been", "you good"),
        weight=0.8,
    ),
    Fact(
        "You are welcome.",
        ask=("{thanks|thank you|thx|ty|cheers|many thanks|thanks a lot|thank you very much|thank you so much|great, thanks|ok thanks|perfect, thank you|thanks for the help|thanks, bye|nice, thanks|cool, thanks|much appreciated|thanks guide|thank u}", "{great|perfect|cool|nice|awesome|super|good|excellent|well done|wonderful}", "{thanks|thank you|thx|cheers|great}, {that was it|that was helpful|this helps|it helps|very kind|you saved me|it works|now it works|all clear|that is all|nothing else}", "that {was helpful|was useful|solved it|was it|is all|is great|is good|helps|did it|is clear now}", "I am {grateful|happy with that|satisfied}", "{very|so} {kind|nice|helpful} of you", "{now I understand|I see|understood|makes sense|clear}", "{that works|it works now|that worked|it works|got it|problem solved}[, thanks]", "you are {great|helpful|nice|good|very helpful|awesome}", "good {job|answer|bot|work}"),
        weight=1.0,
    ),
    Fact(
        "Goodbye! `backstop check` is there whenever something does not work.",
        ask=("{bye|goodbye|good bye|see you|see you later|bye bye|cya|farewell|good night|until tomorrow|later|so long|see ya|I have to go|I am leaving|take care}", "{ok|well|right|thanks}, {bye|goodbye|see you}", "{I am|I'm} {done|finished|off|going now}", "that's {all|it} for {today|now}", "{have a|} {good|nice} {day|evening|night|weekend}", "{exit|quit|stop|:q|logout|end}"),
        weight=0.8,
    ),
]

FACTS = KEYS + CONCEPTS + CONFIG + COMMANDS + FAILURES + BEHAVIOUR + LIBRARY + IDENTITY + SMALL_TALK
