"""Trains draft heads on hidden states that `coppice dump-hidden` wrote, for a bounded time.

The loss is the cross entropy with the model's own distribution where the head's token will be chosen (teacher loss of Hydra++), over a
shortlist of the vocabulary: what heads say of a token outside it would never be proposed.
"""
import argparse
import json
import os
import sys
import time

import numpy
import torch

import heads
import states

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from optimizer import BF16_PRODUCTS, Optimizer  # noqa: E402

SEED = 20261130
BATCH = 1024            # tokens of a step
PROMPT_WEIGHT = 0.3     # of a position in a prompt: the model would have said something else there
HELD_OUT_OF = 25        # one text of this number is held out
WARM, DECAY = 0.03, 0.6 # shares of the time


def spent():
    """Seconds of this process on each of its threads: a busy machine, or one that stops it for a while, trains no less."""
    return time.process_time() / torch.get_num_threads()


def shortlist(texts, target, size):
    """The tokens that occur most often, then those with the lowest ids, ascending."""
    counts = numpy.bincount(numpy.concatenate([text.ids for text in texts]), minlength=target.vocabulary)
    chosen = numpy.argsort(-counts, kind="stable")[:size]
    covered = counts[chosen].sum() / counts.sum()
    return torch.from_numpy(numpy.sort(chosen)), float(covered)


class Batch:
    """Texts one after the other: ids and states [T], the text of each position, and its place in that text."""

    def __init__(self, texts):
        self.ids = torch.from_numpy(numpy.concatenate([text.ids for text in texts]))
        self.states = torch.from_numpy(numpy.concatenate([text.states for text in texts]).astype(numpy.float32))
        self.owner = torch.cat([torch.full((len(text.ids),), i) for i, text in enumerate(texts)])
        self.place = torch.cat([torch.arange(len(text.ids)) for text in texts])
        self.prompt = torch.cat([torch.full((len(text.ids),), text.prompt) for text in texts])

    def mask(self):
        seen = (self.owner[:, None] == self.owner[None, :]) & (self.place[:, None] >= self.place[None, :])
        return torch.zeros(len(self.ids), len(self.ids)).masked_fill(~seen, float("-inf"))

    def rows(self, head):
        """Positions whose head has a target: the state that chooses its token is in the same text."""
        ahead = head + 1
        count = len(self.ids) - ahead
        return torch.nonzero(self.owner[:count] == self.owner[ahead:]).flatten()


def outputs(p, kind, count, target, batch):
    """(rows, what the vocabulary matrix reads there) of every head."""
    base = heads.prefix(p, target, batch.states, batch.place, batch.mask()) if kind == "hydra++" else batch.states
    for head in range(count):
        rows = batch.rows(head)
        following = None
        if kind != "medusa":
            following = target.embedding[batch.ids[rows[:, None] + torch.arange(1, head + 2)]]
        yield rows, heads.output(p, kind, head, base[rows], following)


def loss_of(p, kind, count, target, matrix, batch):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16_PRODUCTS):
        with torch.no_grad():
            expected = torch.nn.functional.linear(batch.states, matrix).float().softmax(-1)
        total = 0
        for head, (rows, z) in enumerate(outputs(p, kind, count, target, batch)):
            chooses = rows + head + 1
            weight = torch.where(batch.place[chooses] >= batch.prompt[chooses] - 1, 1.0, PROMPT_WEIGHT)
            scores = torch.nn.functional.linear(z, matrix).float()
            nats = scores.logsumexp(-1) - (expected[chooses] * scores).sum(-1)
            total = total + (nats * weight).sum() / weight.sum()
        return total / count


@torch.no_grad()
def accuracy(p, kind, count, target, tokens, matrix, texts):
    """For each head, how often the model's first choice after a true beginning is among the head's first 1, 2, 4 and 8."""
    hits, seen = numpy.zeros((count, 4)), numpy.zeros(count)
    for text in texts:
        batch = Batch([text])
        choice = torch.nn.functional.linear(batch.states, target.head).argmax(-1)
        for head, (rows, z) in enumerate(outputs(p, kind, count, target, batch)):
            kept = batch.place[rows + head + 1] >= text.prompt - 1
            best = tokens[torch.nn.functional.linear(z[kept], matrix).topk(8).indices] == choice[rows[kept] + head + 1][:, None]
            seen[head] += len(best)
            for i, width in enumerate((1, 2, 4, 8)):
                hits[head, i] += best[:, :width].any(-1).sum()
    return (hits / seen[:, None]).round(4).tolist()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("kind", choices=("medusa", "hydra", "hydra++"))
    arguments.add_argument("--model", required=True)
    arguments.add_argument("--states", required=True, help="folder that dump-hidden wrote")
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--heads", type=int, default=3)
    arguments.add_argument("--blocks", type=int, default=1)
    arguments.add_argument("--shortlist", type=int, default=8192, help="tokens that heads may propose; 0 for all")
    arguments.add_argument("--minutes", type=float, default=15)
    arguments.add_argument("--base", required=True, help="the model's name")
    arguments.add_argument("--fingerprint", required=True, help="of the model, as dump-hidden says it")
    given = arguments.parse_args()
    torch.set_num_threads(2)
    torch.set_flush_denormal(True)
    target, texts = states.Target(given.model), states.texts(given.states)
    held = texts[::HELD_OUT_OF]
    training = [text for i, text in enumerate(texts) if i % HELD_OUT_OF]
    tokens, covered = torch.arange(target.vocabulary), 1.0
    if given.shortlist:
        tokens, covered = shortlist(training, target, given.shortlist)
    matrix = target.head[tokens]
    p = heads.initial(given.kind, given.heads, given.blocks, target, SEED)
    optimizer = Optimizer(p, matrices=[name for name, value in p.items() if value.dim() == 2])
    random, began, step, recent, seen = numpy.random.default_rng(SEED), spent(), 0, [], 0
    order = []
    print(f"{given.kind}: {sum(v.numel() for v in p.values()):,} parameters, {sum(len(t.ids) for t in training):,} tokens in {len(training)} texts, "
          f"{covered:.4f} of them on the shortlist", flush=True)
    while (done := (spent() - began) / (60 * given.minutes)) < 1:
        chosen, size = [], 0
        while size < BATCH:
            if not order:
                order = list(random.permutation(len(training)))
            chosen.append(training[order.pop()])
            size += len(chosen[-1].ids)
        loss = loss_of(p, given.kind, given.heads, target, matrix, Batch(chosen))
        loss.backward()
        optimizer.step(min(done / WARM, 1, (1 - done) / DECAY) if step else 0.01)
        step, seen = step + 1, seen + size
        recent.append(loss.item())
        if step % 25 == 0:
            speed = seen / (spent() - began)
            print(f"{given.kind} step {step} {100 * done:.0f}% loss {numpy.mean(recent):.4f} {speed:.0f} tokens/s", flush=True)
            recent = []
    reached = accuracy(p, given.kind, given.heads, target, tokens, matrix, held)
    print(given.kind, "held out, first 1, 2, 4, 8:", reached, flush=True)
    os.makedirs(given.out, exist_ok=True)
    name = "medusa" if given.kind == "medusa" else "hydra"
    layer = {key: value for key, value in p.items() if key.startswith(heads.PREFIX)}
    rest = {key: value for key, value in p.items() if key not in layer}
    if given.shortlist:
        (layer if layer else rest)["token_map"] = tokens
    states.write(os.path.join(given.out, f"{name}_lm_head.safetensors"), rest)
    if layer:
        states.write(os.path.join(given.out, "prefix_layer.safetensors"), layer)
    config = {"base_model_name_or_path": given.base, "base_model_fingerprint": given.fingerprint, "hidden_size": target.hidden,
              "vocab_size": target.vocabulary, f"{name}_num_heads": given.heads, f"{name}_num_layers": given.blocks}
    if name == "hydra":
        config |= {"hydra_head_arch": "prefix-mlp" if layer else "mlp", "grounded_heads": True, "hidden_state_offset": 0}
    training = {"minutes": given.minutes, "steps": step, "tokens_seen": seen, "texts": len(texts), "tokens": sum(len(t.ids) for t in texts),
                "shortlist_covers": round(covered, 4), "held_out_texts": len(held), "accuracy_first_1_2_4_8_by_head": reached}
    with open(os.path.join(given.out, "config.json"), "w", newline="\n") as file:
        json.dump({**config, "training": training}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
