"""Writes golden.json beside a shipped model: what PyTorch, in double precision, computes from the files as they are.

The parameters are the BF16 values of model.safetensors, everything after them is F64. For each prompt: ids (the end token
comes first), the greedy continuation, and the distance between best and second-best logit at every step, so that a test
knows where another order of additions may decide otherwise. For some prompts: the twenty largest logits after the last
token and the log of the sum of exponentials over all. For held_out.txt (documents of types that training never saw, joined
by empty lines): mean negative log-likelihood in windows of 512 tokens, each on its own, its first token not scored.
"""
import json
import os
import sys

import torch

import corpus
import data
import model
from tokenizer import Tokenizer

PROMPTS = ("Gets or sets the", "Returns the number of", "Initializes a new instance of the", "Throws ArgumentNullException:",
           "Determines whether the specified", "List<T>.", "Parameter cancellationToken:", "The exception that is thrown when")
WINDOW, NEW, HELD_OUT_CHARACTERS = 512, 64, 17500


@torch.no_grad()
def next_logits(p, config, ids):
    return model.logits(p, config, torch.tensor([ids]))[0, -1]


def greedy(p, config, ids, count):
    """(new ids, margins) of always taking the best token, through end tokens too."""
    ids, margins, begin = list(ids), [], len(ids)
    for _ in range(count):
        best = next_logits(p, config, ids).topk(2)
        margins.append(round((best.values[0] - best.values[1]).item(), 6))
        ids.append(best.indices[0].item())
    return ids[begin:], margins


@torch.no_grad()
def window_loss(p, config, ids):
    """(mean nats, tokens scored) of ids in windows."""
    nats, count = 0.0, 0
    for start in range(0, len(ids) - 1, WINDOW):
        part = torch.tensor(ids[start:start + WINDOW])
        scores = model.logits(p, config, part[None])[0, :-1].log_softmax(-1)
        nats -= scores.gather(1, part[1:, None]).sum().item()
        count += len(part) - 1
    return nats / count, count


def main(folder):
    torch.set_num_threads(1)
    p, config = model.load(folder)
    p = {name: value.double() for name, value in p.items()}
    tokenizer = Tokenizer.load(folder)
    with open(os.path.join(data.CACHE, "held_out.txt"), encoding="utf-8") as file:
        documents = file.read().split(corpus.END)
    text = ""
    for document in documents:
        if len(text) + len(document) > HELD_OUT_CHARACTERS:
            break
        text += document + "\n\n"
    text = text[:-1]
    with open(os.path.join(folder, "held_out.txt"), "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    made = {"made_by": f"weights/training/golden.py, PyTorch {torch.__version__}, F64 from the BF16 parameters", "prompts": []}
    for i, prompt in enumerate(PROMPTS):
        ids = [0, *tokenizer.encode(prompt)]
        continued, margins = greedy(p, config, ids, NEW)
        entry = {"text": prompt, "ids": ids, "greedy": continued, "margins": margins}
        if i < 3:
            scores = next_logits(p, config, ids)
            best = scores.topk(20)
            entry["top_logits"] = [[token, round(value, 6)] for token, value in zip(best.indices.tolist(), best.values.tolist())]
            entry["log_sum_exp"] = round(scores.logsumexp(-1).item(), 6)
        made["prompts"].append(entry)
        print(repr(prompt), repr(tokenizer.decode(continued)), "smallest margin", min(margins), flush=True)
    ids = [0, *tokenizer.encode(text)]
    mean, count = window_loss(p, config, ids)
    made["held_out"] = {"file": "held_out.txt", "tokens": len(ids), "window": WINDOW, "scored": count, "mean_nll": round(mean, 6)}
    print(made["held_out"])
    entries = ",\n  ".join(json.dumps(entry) for entry in made["prompts"])
    with open(os.path.join(folder, "golden.json"), "w", newline="\n") as file:
        file.write('{"made_by": %s,\n "held_out": %s,\n "prompts": [\n  %s]}\n' % (json.dumps(made["made_by"]), json.dumps(made["held_out"]), entries))


if __name__ == "__main__":
    main(sys.argv[1])
