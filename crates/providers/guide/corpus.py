"""Writes the text guide is trained on: short conversations about backstop, and some prose. All of it is made here.

    python corpus.py FILE [--samples N]

Each line of FILE is a sample: a list of [role, text], the role one of system, user, assistant, or text for prose. Two
runs write the same bytes. None of the questions that guide is tested with is in it.
"""

import argparse
import json
import random
import re
from pathlib import Path

from elsewhere import TASK, unknown
from facts import BEHAVIOUR, CONCEPTS, FACTS, FAILURES
from frames import ask, expand, frames_of

SEED, SAMPLES = 1, 260_000
TESTS = ("questions.json", "dev.json")

# The share of questions that are about something else, or nothing at all.
UNKNOWN = 0.17

SYSTEM = (
    "{You are|Be|Act as} a {helpful|friendly|concise|polite|honest|careful} assistant[.]", "{Be|Stay|Always be} {brief|concise|short|polite|precise|kind|honest}[.]", "Answer {in one sentence|briefly|in English|in plain words|truthfully|shortly|the question}[.]", "You {help|assist|support|answer} {users|people|developers|customers} {of our product|with questions|in a chat|at work}.",
    "{Do not|Never} {use markdown|lie|make things up|use long words|mention these instructions}.", "You are {an expert|a teacher|a support agent|a programmer|an assistant on a terminal}[. {Be brief.|Explain well.|Use simple words.}]", "Today is {Monday|Tuesday|a good day}. Answer {politely|in short sentences|with care}.", "Use {plain|simple} {words|language|English}[, and {no lists|no tables|few words}].",
)

# Prose of our own, for those who let guide continue a text instead of asking it.
PROSE = (
    "backstop is a Rust library and a command line. It asks a prioritised list of language models until one answers, and says why at every step. {The list is called a route, and each of its members a target.|What happened stands in the trail, which comes with every answer and every error.}",
    "Once upon a {time|midnight|morning} a {request|question|small prompt} went down a route. The first target was {rate limited|overloaded|out of quota|asleep}, the second {could not be reached|refused the key|said nothing at all}, and the third answered. So the {caller|user} was happy, and the trail told the whole story.",
    "There was {once|} a {small|very small} model that lived inside a program. It knew {little|only backstop}, but it always answered. When a key was set, a real model came, and the small one rested.",
    "Dear {reader|user}, a target may fail, and the next one is asked. That is all there is to a fallback. The order is yours.",
    "In the beginning there was {one model|a single model}, and it was {down|slow|rate limited}. Then came the second target, and the call went on.",
    "To set up backstop, run `backstop config init`, set a key such as OPENAI_API_KEY, and run `backstop check`. Then ask: `backstop chat \"Why is the sky blue?\"`",
    "The {story|history|tale} of a call is its trail: each attempt with its target, its kind of failure and its verdict. {It never holds a prompt or a key.|It stands on stderr.}",
    "I am guide, a very small model. I can continue a text only if it is about backstop: routes, targets, keys and failures.",
    "The quick {fox|request} jumps over the {lazy|resting} {target|server}, and the next one answers.",
    "Why is the sky blue? I do not know. I am guide, a very small model that only knows backstop.",
)


def normalised(question):
    return " ".join(re.findall(r"\w+", question.lower()))


def tested(folder):
    """The questions of the tests, which the corpus must not hold."""
    return {normalised(entry["question"]) for name in TESTS for entry in json.loads((folder / name).read_text())}


class Writer:
    """Makes samples; every choice is drawn from one generator."""

    def __init__(self, forbidden):
        self.random = random.Random(SEED)
        self.forbidden = forbidden
        self.ways = [frames_of(fact) for fact in FACTS]
        self.weights = [fact.weight for fact in FACTS]

    def known(self):
        """A question about backstop, and its answer."""
        number = self.random.choices(range(len(FACTS)), self.weights)[0]
        question = self.phrased(self.ways[number])
        if self.random.random() < 0.08:
            # Some say it twice, in other words.
            question = f"{question}{self.random.choice(['. ', '? ', ', ', ' - '])}{self.phrased(self.ways[number])}"
        return question, FACTS[number].answer

    def phrased(self, ways):
        frames, phrases, _ = self.random.choices(ways, [weight for _, _, weight in ways])[0]
        # The phrase goes in last: what looks like a choice in it has been made by then.
        frame = expand(self.random.choice(frames), self.random)
        return frame.replace("@", expand(self.random.choice(phrases), self.random))

    def turn(self):
        """A question as it is typed, and its answer."""
        while True:
            question, answer = unknown(self.random) if self.random.random() < UNKNOWN else self.known()
            question = ask(question, self.random)
            if question and normalised(question) not in self.forbidden:
                return [["user", question], ["assistant", answer]]

    def turns(self, count):
        return [part for _ in range(count) for part in self.turn()]

    def system(self):
        texts = self.random.sample(SYSTEM, self.random.choice([1, 1, 2, 3]))
        return ["system", " ".join(expand(text, self.random) for text in texts)]

    def prose(self):
        if self.random.random() < 0.5:
            return [["text", expand(self.random.choice(PROSE), self.random)]]
        facts = self.random.sample(CONCEPTS + BEHAVIOUR + FAILURES, self.random.randint(1, 4))
        return [["text", " ".join(fact.answer for fact in facts)]]

    def pasted(self):
        """A long text of somebody else's, and what guide says to that."""
        facts = self.random.sample(FACTS, self.random.randint(3, 8))
        words = " ".join(fact.answer for fact in facts).split()
        if self.random.random() < 0.5:
            self.random.shuffle(words)
        wish = self.random.choice(("Summarise this:", "What does this say?", "Correct this:", "Here is a text.", "Translate:", ""))
        return [["user", f"{wish} {' '.join(words)}".strip()], ["assistant", TASK]]

    def sample(self):
        kind = self.random.random()
        if kind < 0.74:
            return self.turn()
        if kind < 0.82:
            return [self.system(), *self.turns(self.random.choice([1, 1, 2]))]
        if kind < 0.92:
            return self.turns(2)
        if kind < 0.95:
            return self.turns(self.random.randint(3, 8))
        if kind < 0.99:
            return self.prose()
        return self.pasted()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--samples", type=int, default=SAMPLES)
    given = arguments.parse_args()

    forbidden = tested(Path(__file__).parent)
    writer = Writer(forbidden)
    samples = [writer.sample() for _ in range(given.samples)]
    asked = {normalised(text) for sample in samples for role, text in sample if role == "user"}
    assert not asked & forbidden, "a question of the tests is in the corpus"

    lines = (json.dumps(sample, ensure_ascii=False) for sample in samples)
    given.file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    print(f"{len(samples)} samples, {len(asked)} different questions")


if __name__ == "__main__":
    main()
