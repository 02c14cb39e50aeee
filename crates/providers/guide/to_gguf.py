"""Writes what train.py made as one GGUF file: matrices as Q8_0, norms as F32.

    python to_gguf.py FOLDER guide.gguf
"""

import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType, quantize

NAME = "guide"
DESCRIPTION = "A very small model built into backstop: answers questions about backstop itself, and nothing else."

# One piece for each message, then the beginning of the answer.
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}<|system|>{{ message['content'] }}"
    "{% elif message['role'] == 'user' %}<|user|>{{ message['content'] }}"
    "{% elif message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}<|end|>"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def write_description(writer):
    writer.add_name(NAME)
    writer.add_author("The backstop authors")
    writer.add_license("MIT OR Apache-2.0")
    writer.add_description(DESCRIPTION)
    writer.add_languages(["en"])


def write_shape(writer, shape):
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["inner"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["heads"])
    writer.add_rope_dimension_count(shape["width"] // shape["heads"])
    writer.add_rope_freq_base(shape["rope_base"])
    writer.add_layer_norm_rms_eps(shape["epsilon"])
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(2)


def write_tokenizer(writer, tokenizer):
    vocabulary = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.get)
    special = {token["content"] for token in tokenizer["added_tokens"]}
    end = vocabulary["<|end|>"]
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in special else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    # Nothing is put before a prompt; without a statement readers assume a number that means something else here.
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def write_tensors(writer, weights):
    # There is no output.weight: the token embeddings serve as such.
    for name, tensor in weights.items():
        if tensor.ndim == 1:
            writer.add_tensor(name, tensor.astype(np.float32))
        else:
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(name, quantize(tensor.astype(np.float32), kind), raw_dtype=kind)


def main():
    folder, target = map(Path, sys.argv[1:])
    writer = GGUFWriter(target, "llama")
    write_description(writer)
    write_shape(writer, json.loads((folder / "shape.json").read_text()))
    write_tokenizer(writer, json.loads((folder / "tokenizer.json").read_text()))
    write_tensors(writer, np.load(folder / "weights.npz"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
