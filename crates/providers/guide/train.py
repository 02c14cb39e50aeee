"""Trains the tokenizer and the weights of guide on the corpus.

    python train.py CORPUS FOLDER [--steps N]

Reads what corpus.py writes; writes FOLDER/tokenizer.json, FOLDER/weights.npz and FOLDER/shape.json. The number of
steps alone decides when it ends, and every random number comes from one seed.
"""

import argparse
import json
import math
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END, SPECIAL = 0, ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
VOCABULARY, WIDTH, LAYERS, HEADS, INNER, CONTEXT = 1024, 160, 5, 5, 448, 512
EPSILON, ROPE_BASE = 1e-5, 10000.0

SEED, STEPS, WARMUP, RATE, DECAY = 1, 3600, 200, 3e-3, 0.05
# Most chats are short. Every eighth batch has rows as long as the whole context, for the conversations.
SHORT, SHORT_ROWS, LONG_ROWS, LONG_EVERY = 128, 32, 8, 8
# What the user says matters for what follows; the model need not learn to say it.
QUESTION_WEIGHT = 0.1
# Once an answer has begun, the rest of it is known by heart. Two of three are cut after so many tokens, which leaves
# room for more questions in the same time.
GIST = 12


def train_tokenizer(texts):
    """A byte-level BPE with GPT-2's way of cutting words; every byte has a token, so any input can be written."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY
    return tokenizer


def encode(tokenizer, samples):
    """Each sample as its tokens, and the weight of each token as something to be predicted."""
    parts = [part for sample in samples for part in sample]
    encoded = iter(tokenizer.encode_batch([text for _, text in parts]))
    for number, sample in enumerate(samples):
        tokens, weights = [], []
        for role, _ in sample:
            ids = next(encoded).ids
            gist = number % 3 and len(sample) == 2 and role == "assistant"
            said = role in ("assistant", "text")
            if role != "text":
                tokens.append(SPECIAL.index(f"<|{role}|>"))
                weights.append(0.0)
            if gist:
                ids = ids[:GIST]
            tokens += ids
            weights += [1.0 if said else QUESTION_WEIGHT] * len(ids)
            if said and not gist:
                tokens.append(END)
                weights.append(1.0)
        yield tokens, weights


def pack(samples, length):
    """Rows of `length` + 1 tokens, each with as many whole samples as fit: (tokens, weights, number of sample)."""
    rows, used = [], length + 1
    for tokens, weights in samples:
        if used + len(tokens) > length + 1:
            rows.append(np.zeros((3, length + 1), np.float32))
            used, number = 0, 0
        number += 1
        place = slice(used, used + len(tokens))
        rows[-1][0, place], rows[-1][1, place], rows[-1][2, place] = tokens, weights, number
        # The first token of a sample does not follow from the one before it.
        rows[-1][1, used] = 0.0
        used += len(tokens)
    return np.stack(rows)


def batches(rows, size, random):
    """Batches without end; the rows are shuffled anew whenever all have been seen."""
    while True:
        order = random.permutation(len(rows))
        for start in range(0, len(rows) - size + 1, size):
            yield rows[order[start : start + size]]


def initial(key):
    keys = iter(jax.random.split(key, 1 + 7 * LAYERS))
    shapes = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (WIDTH, WIDTH),
        "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (INNER, WIDTH),
        "ffn_up": (INNER, WIDTH),
        "ffn_down": (WIDTH, INNER),
    }

    def matrix(name, shape):
        # What is added to the residual stream begins small, so that its sum over the layers does.
        scale = 0.02 / math.sqrt(2 * LAYERS) if name in ("attn_output", "ffn_down") else 0.02
        return jax.random.normal(next(keys), shape) * scale

    def layer():
        matrices = {name: matrix(name, shape) for name, shape in shapes.items()}
        return matrices | {"attn_norm": jnp.ones(WIDTH), "ffn_norm": jnp.ones(WIDTH)}

    return {
        "token_embd": matrix("token_embd", (VOCABULARY, WIDTH)),
        "output_norm": jnp.ones(WIDTH),
        "blk": [layer() for _ in range(LAYERS)],
    }


def norm(x, weight):
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPSILON) * weight


def rotate(x):
    """Rotary positions over neighbouring pairs, as the architecture `llama` has them in GGUF files."""
    size = WIDTH // HEADS
    angles = jnp.arange(x.shape[1])[:, None] / ROPE_BASE ** (jnp.arange(0, size, 2) / size)
    cos, sin = jnp.cos(angles)[None, :, None], jnp.sin(angles)[None, :, None]
    a, b = x[..., 0::2], x[..., 1::2]
    return jnp.stack([a * cos - b * sin, a * sin + b * cos], -1).reshape(x.shape)


def forward(weights, tokens, sample):
    """Scores of the next token at each place; a token sees what precedes it in its own sample."""
    rows, length = tokens.shape
    before = jnp.tril(jnp.ones((length, length), bool))
    visible = (before & (sample[:, :, None] == sample[:, None, :]))[:, None]
    hidden = weights["token_embd"][tokens]
    for layer in weights["blk"]:
        x = norm(hidden, layer["attn_norm"])
        q, k, v = ((x @ layer[name].T).reshape(rows, length, HEADS, -1) for name in ("attn_q", "attn_k", "attn_v"))
        scores = jnp.einsum("bthd,bshd->bhts", rotate(q), rotate(k)) / math.sqrt(WIDTH // HEADS)
        attention = jax.nn.softmax(jnp.where(visible, scores, -1e9), -1)
        mixed = jnp.einsum("bhts,bshd->bthd", attention, v).reshape(rows, length, WIDTH)
        hidden = hidden + mixed @ layer["attn_output"].T
        x = norm(hidden, layer["ffn_norm"])
        gated = jax.nn.silu(x @ layer["ffn_gate"].T) * (x @ layer["ffn_up"].T)
        hidden = hidden + gated @ layer["ffn_down"].T
    return norm(hidden, weights["output_norm"]) @ weights["token_embd"].T


def loss(weights, batch):
    tokens, weight, sample = batch[:, 0].astype(jnp.int32), batch[:, 1], batch[:, 2]
    scores = forward(weights, tokens[:, :-1], sample[:, :-1])
    each = optax.softmax_cross_entropy_with_integer_labels(scores, tokens[:, 1:])
    return (each * weight[:, 1:]).sum() / weight[:, 1:].sum()


def train(rows, long_rows, steps):
    random = np.random.default_rng(SEED)
    short, long = batches(rows, SHORT_ROWS, random), batches(long_rows, LONG_ROWS, random)
    weights = initial(jax.random.PRNGKey(SEED))
    rate = optax.warmup_cosine_decay_schedule(0.0, RATE, min(WARMUP, steps // 2), steps, RATE / 100)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, b2=0.98, weight_decay=DECAY))
    state = optimizer.init(weights)

    @jax.jit
    def step(weights, state, batch):
        value, gradient = jax.value_and_grad(loss)(weights, batch)
        updates, state = optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, updates), state, value

    print(f"{sum(x.size for x in jax.tree.leaves(weights))} weights, {len(rows)} + {len(long_rows)} rows", flush=True)
    begun = time.monotonic()
    for number in range(1, steps + 1):
        batch = next(long if number % LONG_EVERY == 0 else short)
        weights, state, value = step(weights, state, batch)
        if number % 100 == 0 or number == steps:
            print(f"step {number}: loss {float(value):.4f}, {time.monotonic() - begun:.0f} s", flush=True)
    return weights


def flat(weights):
    """The tensors under their names in a GGUF file."""
    named = {name: weights[name] for name in ("token_embd", "output_norm")}
    named |= {f"blk.{i}.{name}": x for i, layer in enumerate(weights["blk"]) for name, x in layer.items()}
    return {f"{name}.weight": np.asarray(x) for name, x in named.items()}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--steps", type=int, default=STEPS)
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)

    samples = [json.loads(line) for line in given.corpus.read_text().splitlines()]
    tokenizer = train_tokenizer(text for sample in samples for _, text in sample)
    tokenizer.save(str(given.folder / "tokenizer.json"))

    encoded = [sample for sample in encode(tokenizer, samples) if len(sample[0]) <= CONTEXT + 1]
    fits = lambda sample: len(sample[0]) <= SHORT + 1
    rows = pack([sample for sample in encoded if fits(sample)], SHORT)
    long_rows = pack([sample for sample in encoded if not fits(sample)], CONTEXT)

    np.savez(given.folder / "weights.npz", **flat(train(rows, long_rows, given.steps)))
    shape = {"context": CONTEXT, "width": WIDTH, "layers": LAYERS, "heads": HEADS, "inner": INNER}
    (given.folder / "shape.json").write_text(json.dumps(shape | {"epsilon": EPSILON, "rope_base": ROPE_BASE}))


if __name__ == "__main__":
    main()
