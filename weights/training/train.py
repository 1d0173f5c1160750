"""Trains tiny on the corpus, or draft on tiny's predictions; resumes where it was stopped."""
import argparse
import json
import math
import os
import time

import numpy
import torch
import torch.nn.functional as F

import data
import model
from optimizer import BF16_PRODUCTS, Optimizer
from shared import Pair, share
from tokenizer import Tokenizer

PLANS = {
    # share of the peak rate after so many steps, straight lines between; rows and positions of a batch before the decay and in it
    "tiny": dict(rate={0: 0, 100: 1, 2200: 1, 2450: 0.7727, 2500: 0.6623, 2700: 0}, stable=(16, 256), final=(8, 512)),
    "draft": dict(rate={0: 0, 40: 1, 600: 1, 1000: 0}, stable=(8, 256), final=(4, 512)),
}
SEED = 20261124
SAVE_EVERY, TEST_EVERY = 50, 200


def rate(step, plan):
    """The share of the peak rate at which step number step, from 0 on, is taken: warm-up, constant, decay to nothing."""
    return numpy.interp(step + 1 if step < decay_from(plan) else step, list(plan["rate"]), list(plan["rate"].values()))


def decay_from(plan):
    """The step at which the rate begins to fall."""
    return max(step for step, share in plan["rate"].items() if share == 1)


def start_from(p, teacher):
    """Gives a smaller model the principal directions of the teacher's embedding, at the size that training starts from."""
    taught, own = teacher[0]["model.embed_tokens.weight"], p["model.embed_tokens.weight"]
    _, _, directions = torch.linalg.svd(taught - taught.mean(0), full_matrices=False)
    projected = taught @ directions[:own.shape[1]].t()
    own.data.copy_(projected * (taught.std() / projected.std()))


def loss_of(name, p, ids, targets, teacher):
    """Cross entropy with the text, or with the teacher's predictions; matrix products in BF16 where the processor has them."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16_PRODUCTS):
        scores = model.logits(p, model.CONFIGS[name], ids).flatten(0, 1).float()
        if teacher is None:
            return F.cross_entropy(scores, targets.flatten())
        with torch.no_grad():
            expected = model.logits(*teacher, ids).flatten(0, 1).float().softmax(-1)
        return F.cross_entropy(scores, expected)


@torch.no_grad()
def held_out_loss(p, config, packed):
    """(sum of nats, tokens scored) over rows that data.rows packed."""
    nats, count = 0.0, 0
    for row in packed:
        ids = torch.from_numpy(row)
        scores = model.logits(p, config, ids[None, :-1])[0]
        nats += F.cross_entropy(scores.double(), ids[1:], reduction="sum").item()
        count += len(row) - 1
    return nats, count


def curve(history, path):
    """The learning curve as a small SVG: training loss as a line, held-out loss as dots."""
    training, held = history["training"], history["held_out"]
    steps = max(s for s, _ in training)
    low, high = math.floor(min(v for _, v in training + held) * 2) / 2, 6.0

    def at(step, value):
        return f"{50 + 580 * step / steps:.1f},{20 + 300 * (high - min(value, high)) / (high - low):.1f}"

    lines = ['<svg xmlns="http://www.w3.org/2000/svg" width="660" height="370" font-family="sans-serif" font-size="12">',
             '<rect width="660" height="370" fill="white"/>']
    value = low
    while value <= high:
        x, y = at(0, value).split(",")
        lines.append(f'<path d="M{x} {y}h580" stroke="#ddd"/><text x="44" y="{float(y) + 4}" text-anchor="end">{value:g}</text>')
        value += 0.5
    for i in range(5):
        lines.append(f'<text x="{50 + 145 * i}" y="340" text-anchor="middle">{round(steps * i / 4)}</text>')
    lines.append('<text x="340" y="360" text-anchor="middle">step</text><text x="600" y="36" text-anchor="end">nats per token: '
                 'line training batch (mean of 10), dots held-out types</text>')
    lines.append('<polyline fill="none" stroke="#3367b0" points="' + " ".join(at(s, v) for s, v in training) + '"/>')
    lines += [f'<circle r="3" fill="#c0392b" cx="{p.split(",")[0]}" cy="{p.split(",")[1]}"/>' for p in (at(s, v) for s, v in held)]
    with open(path, "w", newline="\n") as file:
        file.write("\n".join(lines) + "\n</svg>\n")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("name", choices=PLANS)
    arguments.add_argument("--teacher", help="folder of the model to learn from; none: the text itself")
    arguments.add_argument("--out", required=True)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    data.prepare()
    name, plan, config = given.name, PLANS[given.name], model.CONFIGS[given.name]
    teacher = model.load(given.teacher) if given.teacher else None
    batches, held = data.Batches(data.tokens("training"), SEED), data.rows(data.tokens("held_out"), config.context)
    p = share(model.initial(config, SEED))
    optimizer, history, step, seen = Optimizer(p), {"training": [], "held_out": []}, 0, 0
    if teacher:
        start_from(p, teacher)
    steps, decay = max(plan["rate"]), decay_from(plan)
    checkpoint = os.path.join(data.CACHE, name + ".pt")
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint)
        for key, value in saved["p"].items():
            p[key].data.copy_(value)
        optimizer.state, history, step, seen = saved["optimizer"], saved["history"], saved["step"], saved["seen"]
    pair = Pair(p, lambda ids, targets: loss_of(name, p, ids, targets, teacher))
    print(name, sum(v.numel() for v in p.values()), "parameters, from step", step, flush=True)
    recent, began, spent = [], time.time(), time.process_time()
    while step < steps:
        shape = plan["final"] if step >= decay else plan["stable"]
        loss = pair.gradients_of(*batches.draw(step, *shape))
        optimizer.step(rate(step, plan))
        recent.append(loss)
        step, seen = step + 1, seen + shape[0] * shape[1]
        if step % 10 == 0:
            history["training"].append((step, sum(recent) / len(recent)))
            speed, busy = len(recent) * shape[0] * shape[1] / (time.time() - began), (time.process_time() - spent) / (time.time() - began)
            print(f"{name} {step}/{steps} loss {history['training'][-1][1]:.4f} {speed:.0f} tokens/s, {busy:.2f} cores", flush=True)
            recent, began, spent = [], time.time(), time.process_time()
        if step % TEST_EVERY == 0 or step == steps:
            nats, count = held_out_loss(p, config, held if step == steps else held[:24])
            history["held_out"].append((step, nats / count))
            print(f"{name} {step} held-out loss {nats / count:.4f}", flush=True)
        if step % SAVE_EVERY == 0 or step == steps:
            saved = {"p": {k: v.detach() for k, v in p.items()}, "optimizer": optimizer.state, "history": history, "step": step, "seen": seen}
            torch.save(saved, checkpoint + ".part")
            os.replace(checkpoint + ".part", checkpoint)
    model.save(p, config, given.out)
    Tokenizer.load(data.CACHE).save(given.out, config.context)
    curve(history, os.path.join(given.out, "learning.svg"))
    with open(os.path.join(data.CACHE, name + ".json"), "w") as file:
        json.dump({"steps": step, "tokens": seen, "parameters": sum(v.numel() for v in p.values()),
                   "products": "BF16" if BF16_PRODUCTS else "F32", **history}, file)


if __name__ == "__main__":
    main()
