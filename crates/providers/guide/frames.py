"""How people ask: the frames that the phrases of facts.py are put into, and what typing does to a question.

Frames are written like the phrases; `@` stands for the phrase.
"""

import re

DEFINE = (
    "{what is|what's|what are|whats|what exactly is|what on earth is} @",
    "{what is|what's} @ [in backstop|in this|here|in the docs|for backstop|about]",
    "{define|explain|describe} @ [to me|please|in short|briefly]",
    "{what does|what do you mean by|what does backstop mean by} @ [mean]",
    "what does @ mean [in backstop|here]",
    "@",
    "@ {meaning|definition|explained|explanation|in backstop}",
    "{meaning|definition} of @",
    "{tell me|say something|I want to know|I'd like to know|I want to learn|more} about @",
    "{I don't|I do not|I don't quite} {understand|get} @",
    "how does @ work",
    "{can|could} you {explain|describe|define} @ [to me]",
    "{what is|what's} meant by @",
    "{why is there|why do we need|what is the use of|what is the point of} @",
    "what is @ {for|good for|used for}",
    "the {docs|trail|file|readme} {mention|mentions|speak of|say|says} @, what is {that|it|this}",
    "{help me understand|remind me what is|not sure what is|no idea what is} @",
    "{how would you|how do you} {define|explain|describe} @",
    "{give me|is there} {a|an} {short|simple|} {definition|explanation} of @",
    "{and|so|ok, and} what is @",
    "what {can|should} I {imagine|think of} {as|under} @",
    "the {idea|concept|notion|role|job} of @ [please]",
    "what {role|job} does @ {play|have}",
    "{what's|what is} @ in {your|backstop's|the} {words|language|sense|vocabulary|glossary|view|terminology}",
    "{term|word|concept|glossary|definition}: @",
    "the {term|word|concept|expression} @",
    "@[,] {what's that|what is that|what is it|huh|never heard of it|please explain|in a sentence}",
    "what do {people|you} mean when {they|you} say @",
    "{I read|I see|I found|there is} @ {in the docs|somewhere|in the readme|in the output}[, {what is it|what does it mean}]",
    "what {is called|makes} @",
    "{teach|tell|show} me what @ {is|means|are}",
    "{do you know|can you say} what @ {is|means|are}",
)

HOWTO = (
    "how {do|can|could|would|should} {I|we|one|you} @",
    "how to @",
    "how do I @ {in|with|using} backstop",
    "{I want|I need|I would like|I'd like|I am trying|I try|we want|I have} to @",
    "{is there|do you know|does backstop have} {a|any} way to @",
    "{can|could|may} {I|we|one} @",
    "is it possible to @",
    "{what's|what is} the {command|option|best way|way|flag|easiest way|setting} to @",
    "{which|what} {command|option|setting|flag} do I {need|use|take} to @",
    "@",
    "{please|help me|help me to|teach me to|show me how to|tell me how to|let me|explain how to} @",
    "{can|could|does|will} {you|backstop|it} @",
    "{can you tell me|do you know|I wonder|any idea|please explain|I don't know|no idea} how to @",
    "what {do|must|should} I {do|type|write|enter} to @",
    "{does|can} {backstop|it|this} {let|allow|help} me [to] @",
    "{steps|command|instructions|config|setting} to @",
    "my {plan|goal|aim} is to @",
    "{I failed|I was not able|I am unable|I cannot figure out how} to @",
    "{where|what} do I {have to|need to} {do|set|change} to @",
    "{and|so|ok,} how do I @ [then]",
    "{trying|want|need|wanna|gotta} to @",
    "what {would|do} I {run|call|use} {to|if I want to|in order to} @",
    "@ {please|somehow|quickly|myself|from here|with backstop|in backstop}",
    "{looking|searching} for {a way|an option|the command|the setting} to @",
    "{am I|are we} able to @",
    "{I'd love|I was told|I plan|I hope|I intend|we decided} to @",
    "my {task|job|idea} is to @",
    "@[,] {how|how do I do that|how does that work|is that possible|what's the option|which command|any way}",
    "what's {needed|necessary|required} to @",
    "possible to @",
    "{before|when} {I start|using it} I want to @",
    "how would {somebody|one|a beginner} @",
    "it should be possible to @[, {right|no}]",
    "{tell|show} me the {command|option|setting} to @",
)

WHEN = (
    "{what happens|what does backstop do|what will happen|what does it do|and|what} {if|when|once} @",
    "@",
    "@[,] {what now|what next|what do I do|what should I do|now what|help|why|any idea|how do I fix that|what does that mean|is that bad|what can I do}",
    "{what if|so what if|what to do if|what to do when|what should I do when|what can I do if} @",
    "{help|hi|sorry|problem|hm|so|well}, @",
    "how does {backstop|it} {react|behave|cope|respond} {when|if} @",
    "{will|does|can} {backstop|it} {cope|go on|continue|fall over|try another model|survive|fail} {if|when} @",
    "{I have the problem that|it seems that|I think|I see that|the trail says|sometimes|suddenly|today|again} @",
    "{suppose|imagine|say} @",
    "does it {matter|hurt} {if|when} @",
    "why {is it that|does it say} @",
    "{tell me|explain} what happens {when|if} @",
    "{oh no|ouch|damn|argh}, @",
    "{do|will|must} I {have to do something|get an error|notice|wait} {if|when} @",
    "{what's the behaviour|what is done|what follows} when @",
    "@ {and I don't know why|all the time|since this morning|since yesterday|again and again|today|from time to time}",
    "what is the {result|effect|consequence|outcome} {if|when} @",
    "@. {What should I do?|What can I do?|Help!|And now?|Is that normal?}",
    "{does|will|can} {backstop|it} {notice|help|handle it|do something|wait|hang} {if|when} @",
    "{could|can|may} it be that @",
    "how bad is it {if|when} @",
    "@, {will|does} {it|the call|the request|backstop} {hang|fail|wait|continue|go on|stop}",
    "{my boss|a colleague|a user} says @",
    "@ - {what does backstop do|what happens|and then}",
)

FAILURE = (
    "{I get|I got|I keep getting|I see|I am getting|we get|there was|there is|I received|it gives|I always get|I'm seeing} @",
    "{I get|I got|I keep getting|I see|getting|got|we see} @[,] {what now|what next|what do I do|help|why|what does it mean|how do I fix it|any idea|now what|what can I do|how come}",
    "@",
    "@ {error|failure|message|problem|help|fix|handling|in the trail|from openai|from anthropic|from the api|in backstop|kind|status|response}",
    "{what does|what is|what's|what about|and} @ [mean]",
    "{how is|how are|how do you handle|how does backstop handle|how does it treat} @ [handled|treated]",
    "what {happens|does backstop do|does it do|do you do} {on|after|with|at|upon} @",
    "why {do I get|did I get|do I see|am I getting|does it say|is there} @",
    "{fix|solve|handle|explain|avoid|prevent|debug|understand} @",
    "{how do I|how to|how can I|how should I} {fix|solve|handle|avoid|prevent|deal with|get rid of|understand|interpret|work around} @",
    "{backstop|it|the trail|the provider|openai|the api|the log|my program|the server|the output} {says|shows|prints|reports|returned|returns|answers|reported|complains about|ends with|gave|throws} @",
    "{what to do|what do I do|what should I do|what can I do} {about|on|after|with|against} @",
    "{my|the} {call|request|chat|target|model|provider} {fails|failed|ended|ends|stops|died|came back} with @",
    "{meaning|cause|reason|causes|explanation} of @",
    "{what|who} {causes|triggers|is to blame for|leads to} @",
    "the {error|kind|message|status|verdict|state} {is|was|says} @",
    "{is|will} @ {retried|bad|fatal|a problem|be retried|serious|normal|dangerous|my fault}",
    "{what|which kind} {is|does} @",
    "{does|will} {backstop|it} {retry|fall over|go on|move on|stop} {on|after} @",
    "{help|hm|ouch|argh|oh no}, @",
    "{every|each} {call|request} {gives|ends in|leads to} @",
    "@ {on|for|with} {every call|my call|one model|the first target|a request|one target|all calls|my server|a single model}",
    "@ {again|all the time|today|since yesterday|sometimes|once more}",
    "@ from {my server|the provider|groq|gemini|a target|mistral}",
    "{is|was} there @",
    "who {handles|deals with} @",
    "@[,] {what is it|what is that|explain|meaning|and now|what does that mean|huh}",
    "{the server|the provider|openai|the api|groq|claude} {answered|responded with|sent|replied with|sends|comes with|says} @",
    "do I have to {worry about|handle|care about} @",
    "{ran into|hit|stuck with|seeing|facing|having} @",
    "{got|getting|received} {back|only|just} @",
    "@: {what now|what is that|help|what to do|why}",
)

# What stands before a question, and after it.
BEFORE = (
    "please", "hi,", "hello,", "hey,", "hi!", "quick question:", "question:", "one question:", "ok,", "so,", "well,", "sorry,", "excuse me,", "another question:", "I am new here.", "dumb question:", "newbie question:", "hey guide,", "guide,", "good morning,",
    "I'm new to this.", "I am writing a Rust service.", "can you tell me:", "tell me,", "I was wondering:", "just curious:", "I need help.", "help:", "maybe you know:", "let me ask:", "in backstop,", "with backstop,", "backstop:", "regarding backstop,", "about backstop:",
    "I read the docs but", "my colleague asks:", "for my project:", "first question:", "next question:", "now", "and", "but", "hm,", "um,", "also,", "then", "do you know", "say,", "actually,",
)
AFTER = (
    "please", "thanks", "thank you", "in backstop", "with backstop", "here", "exactly", "then", "now", "again", "actually", "by default", "pls", "plz", "thx", "please help", "if I may ask", "in general", "in short", "at all", "I wonder", "for me", "today", "in this tool", "in this program",
    "since yesterday", "in production", "on linux", "on windows", "for my boss", "for a script", "in my terminal", "all the time", "on my server", "from openai", "with one model", "for a minute", "before lunch", "in the docs", "for real", "in my program", "on my machine", "one more time", "in your words",
)
FILLERS = ("actually", "really", "just", "exactly", "maybe", "please", "basically", "simply", "even", "now", "also", "quickly", "somehow", "always")

# Words that may stand for each other in a question without changing what is asked.
SAME = [
    ("set", "configure", "define", "specify", "put", "enter"),
    ("show", "display", "print", "list", "give"),
    ("use", "run", "try", "employ", "work with"),
    ("write", "create", "make"),
    ("answer", "reply", "response"),
    ("answers", "replies", "responses"),
    ("config", "configuration", "settings"),
    ("program", "app", "application", "tool", "software"),
    ("error", "failure", "problem"),
    ("fails", "breaks", "goes wrong", "errors", "does not work"),
    ("happens", "occurs", "goes on", "follows"),
    ("slow", "sluggish", "lagging"),
    ("provider", "service", "vendor", "api"),
    ("providers", "services", "vendors", "apis"),
    ("explain", "describe", "clarify"),
    ("want", "need", "wish", "would like"),
    ("several", "many", "multiple", "some", "a few"),
    ("two", "2", "both"),
    ("limit", "cap", "bound", "restrict"),
    ("maximum", "max", "upper limit", "most"),
    ("find", "locate", "discover"),
    ("change", "modify", "adjust", "alter"),
    ("possible", "allowed", "feasible"),
    ("wait", "hang", "stay"),
    ("big", "large", "huge"),
    ("start", "begin", "launch"),
    ("second", "another", "other", "2nd"),
    ("default", "standard", "preset"),
    ("need", "require"),
    ("support", "know", "handle", "offer"),
    ("name", "spell", "call"),
    ("option", "flag", "switch", "parameter"),
    ("command", "cmd", "subcommand"),
    ("stop", "end", "halt", "quit"),
    ("stored", "kept", "saved", "held"),
    ("different", "other", "distinct"),
    ("request", "call"),
    ("requests", "calls"),
    ("help", "assist", "support"),
    ("machine", "computer", "laptop", "pc"),
    ("fix", "repair", "solve", "resolve"),
    ("allow", "permit", "enable"),
    ("difference", "distinction"),
    ("example", "sample", "demo"),
    ("shared", "common"),
    ("wrong", "bad", "incorrect"),
    ("long", "lengthy"),
    ("good", "useful", "great"),
]
SAME_AS = {word: [other for other in group if other != word] for group in SAME for word in group}

# Short forms, and what people leave out when they type in haste.
SHORT = {
    "you": "u", "are": "r", "please": "pls", "your": "ur", "what is": "whats", "do not": "dont", "does not": "doesnt", "cannot": "cant", "and": "&", "because": "bc", "without": "w/o", "with": "w/", "is not": "isnt", "I am": "im", "how do I": "howto",
}
DROPPED = {"a", "an", "the", "is", "are", "do", "does", "I", "to", "of", "in", "my", "it", "for", "can", "you", "me", "that", "there"}



def frames_of(fact):
    """All ways to ask for a fact: pairs of a frame and the phrases that fit it, with how often each pair is used."""
    kinds = [(DEFINE, fact.define), (HOWTO, fact.howto), (WHEN, fact.when), (FAILURE, fact.failure), (("@",), fact.ask)]
    # A list of many phrases is used more often than a short one, but not in proportion.
    return [(frames, phrases, len(phrases) ** 0.6) for frames, phrases in kinds if phrases]


def expand(phrase, random):
    """One of the texts a phrase stands for: choices made, options said or not."""
    innermost = re.compile(r"\{([^{}\[\]]*)\}|\[([^{}\[\]]*)\]")

    def choose(match):
        choice, option = match.groups()
        if choice is None and random.random() < 0.5:
            return ""
        return random.choice((choice if choice is not None else option).split("|"))

    before = None
    while before != phrase:
        before, phrase = phrase, innermost.sub(choose, phrase)
    return tidy(phrase)


def tidy(text):
    return re.sub(r" ([,.?!])", r"\1", " ".join(text.split()))


def is_word(token):
    """A word of English, as opposed to a name that has to be typed as it is."""
    return re.fullmatch(r"[A-Za-z][a-z']*[,.?!]?", token) is not None


def reworded(text, random):
    """The same question with some words exchanged, left out, put in or shortened."""
    words = []
    for word in text.split():
        if word in SAME_AS and random.random() < 0.12:
            word = random.choice(SAME_AS[word])
        elif word in SHORT and random.random() < 0.03:
            word = SHORT[word]
        words.append(word)
    if random.random() < 0.12 and len(words) > 3:
        rate = random.choice([0.3, 0.6, 1.0])
        kept = [word for word in words if word not in DROPPED or random.random() > rate]
        words = kept if len(kept) > 1 else words
    if random.random() < 0.06 and len(words) > 2:
        words.insert(random.randrange(1, len(words)), random.choice(FILLERS))
    return " ".join(words)


def mistyped(word, random):
    at = random.randrange(1, len(word) - 1)
    kind = random.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + random.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :]


def typed(text, random):
    """The question as it comes from a keyboard: case, marks at the end, mistakes."""
    words = text.split()
    long = [i for i, word in enumerate(words) if len(word) > 3 and is_word(word)]
    if long and random.random() < 0.13:
        for i in random.sample(long, min(len(long), random.choice([1, 1, 2]))):
            words[i] = mistyped(words[i], random)
    text = " ".join(words)
    case = random.random()
    if case < 0.3:
        text = text[:1].upper() + text[1:]
    elif case < 0.65:
        text = text.lower()
    elif case < 0.67:
        text = text.upper()
    end = random.random()
    if end < 0.4:
        text = text.rstrip(".?!") + "?"
    elif end < 0.5:
        text = text.rstrip(".?!") + random.choice([".", "!", "??", " ?", "...", "?!"])
    return text


def ask(text, random):
    """A whole question, as somebody might put it."""
    text = reworded(text, random)
    if random.random() < 0.12:
        text = f"{random.choice(BEFORE)} {text}"
    if random.random() < 0.08:
        text = f"{text} {random.choice(AFTER)}"
    return typed(text, random)
