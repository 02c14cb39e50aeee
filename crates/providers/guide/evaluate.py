"""Asks a GGUF file the questions of a list, through the server of llama.cpp, and counts the right answers.

    python evaluate.py LLAMA_SERVER guide.gguf questions.json

An answer is right if every list of `needs` has a member that occurs in it, and no member of `never` does; upper and
lower case are the same. The answers are greedy, so the figure is the same each time.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(server, model):
    """The base URL of a server that has loaded the model, on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [server, "-m", model, "-ngl", "0", "-t", "1", "-np", "1", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{base}/health")
                break
            except (urllib.error.URLError, ConnectionError):
                if process.poll() is not None:
                    raise SystemExit(f"the server ended with {process.returncode}")
                time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        process.wait()


def ask(base, question):
    body = {"messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 160}
    request = urllib.request.Request(
        f"{base}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["choices"][0]["message"]["content"]


def is_right(answer, entry):
    said = answer.lower()
    has = all(any(word.lower() in said for word in alternatives) for alternatives in entry["needs"])
    return has and not any(word.lower() in said for word in entry["never"])


def main():
    server, model, questions = sys.argv[1:]
    entries = json.loads(Path(questions).read_text())
    right = 0
    with serving(server, model) as base:
        for entry in entries:
            answer = ask(base, entry["question"])
            good = is_right(answer, entry)
            right += good
            print(f"{'right' if good else 'WRONG'}  {entry['question']}\n       {answer!r}")
    print(f"{right} of {len(entries)} right")


if __name__ == "__main__":
    main()
