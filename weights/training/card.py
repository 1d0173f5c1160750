"""Measures the two models and writes their cards."""
import json
import math
import os

import torch

import corpus
import data
import golden
import model
import train
from tokenizer import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
OPENINGS = ("Gets or sets the", "Returns the number of", "Gets a value that indicates whether", "Creates a new", "Removes the",
            "Reads the next", "Converts the specified", "The exception that is thrown when", "Represents a", "Dictionary<TKey, TValue>.")
TEMPERATURE, LONGEST = 0.7, 96

CARD = """# {name}

{what}

| | |
|---|---|
| architecture | Llama: {layers} layers, hidden {hidden}, {heads} query heads and {kv} key and value head{s} of {size}, MLP {mlp}, context {context}, tied head |
| parameters | {parameters:,}, BF16, {megabytes:.1f} MB |
| tokenizer | byte-level BPE, 4,096 tokens (the same for `tiny` and `draft`); a text starts with `<|endoftext|>`, a document ends with it |
| data | XML documentation of the .NET 10 reference packs (Microsoft.NETCore.App.Ref, Microsoft.AspNetCore.App.Ref): {documents:,} documents, {tokens:,} tokens, instruction listings and repeated texts left out |
| training | {steps:,} steps, {seen:,} tokens, {objective}; Muon for the matrices, AdamW for the rest; matrix products in {products}; warm-up, constant rate, linear decay |
| held out | one type in {held_of}: {held_documents:,} documents, {held_tokens:,} tokens, {held_bytes:,} bytes |
| held-out loss | **{loss:.3f} nats per token, {bits:.3f} bits per byte** (end tokens counted as tokens, not as bytes) |{extra}

Made by `weights/training/run` from the documentation on the machine that runs it; nobody's weights were used. The documentation
is part of .NET, (c) .NET Foundation and Contributors, MIT licence; the model is under this repository's licence.
It writes English API documentation and knows nothing else. It states nothing reliable about the real .NET library.
{curve}
## Ten samples

Unselected: seeds 0 to 9, temperature {temperature}, nothing else cut, until the end of the document or {longest} tokens. Bold is the prompt.

{samples}
"""


@torch.no_grad()
def sample(p, config, tokenizer, prompt, seed):
    random = torch.Generator().manual_seed(seed)
    ids = [0, *tokenizer.encode(prompt)]
    for _ in range(LONGEST):
        chances = (golden.next_logits(p, config, ids) / TEMPERATURE).softmax(-1)
        ids.append(torch.multinomial(chances, 1, generator=random).item())
        if ids[-1] == 0:
            break
    text = tokenizer.decode([i for i in ids if i != 0])[len(prompt):]
    escaped = (part.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_").replace("\n", "<br>\n   ") for part in (prompt, text))
    return f"{seed + 1}. **{next(escaped)}**{next(escaped)}"


@torch.no_grad()
def agreement(draft, tiny, packed):
    """(share of positions where the best tokens agree, mean of the sum of the smaller probabilities)."""
    same, overlap, count = 0, 0.0, 0
    for row in packed:
        ids = torch.from_numpy(row)[None, :-1]
        a, b = model.logits(*draft, ids)[0], model.logits(*tiny, ids)[0]
        same += (a.argmax(-1) == b.argmax(-1)).sum().item()
        overlap += torch.minimum(a.softmax(-1), b.softmax(-1)).sum().item()
        count += ids.numel()
    return same / count, overlap / count


def write(name, what, objective, tiny=None):
    folder = os.path.join(HERE, "..", name)
    (p, config), tokenizer = model.load(folder), Tokenizer.load(folder)
    with open(os.path.join(data.CACHE, name + ".json")) as file:
        run = json.load(file)
    texts = {}
    for part in ("training", "held_out"):
        with open(os.path.join(data.CACHE, part + ".txt"), encoding="utf-8") as file:
            texts[part] = file.read().split(corpus.END)
    packed = data.rows(data.tokens("held_out"), config.context)
    held_bytes = sum(len(tokenizer.tokens[i]) for row in packed for i in row[1:] if i)
    nats, count = train.held_out_loss(p, config, packed)
    extra = ""
    if tiny:
        same, overlap = agreement((p, config), tiny, packed)
        extra = (f"\n| as a drafter for tiny | best token the same at {same:.1%} of held-out positions; "
                 f"a sampled token is accepted with probability {overlap:.1%} |")
    samples = "\n".join(sample(p, config, tokenizer, prompt, seed) for seed, prompt in enumerate(OPENINGS))
    with open(os.path.join(folder, "README.md"), "w", encoding="utf-8", newline="\n") as file:
        file.write(CARD.format(
            name=name, what=what, layers=config.layers, hidden=config.hidden, heads=config.heads, kv=config.kv_heads,
            s="" if config.kv_heads == 1 else "s", size=config.head_size, mlp=config.mlp, context=config.context,
            parameters=run["parameters"], megabytes=os.path.getsize(os.path.join(folder, "model.safetensors")) / 1e6,
            documents=len(texts["training"]), tokens=len(data.tokens("training")), steps=run["steps"], seen=run["tokens"],
            objective=objective, products=run["products"], held_of=corpus.HELD_OUT_OF, held_documents=len(texts["held_out"]),
            held_tokens=count,
            held_bytes=held_bytes, loss=nats / count, bits=nats / math.log(2) / held_bytes, extra=extra,
            curve="\n![learning curve](learning.svg)\n", temperature=TEMPERATURE, longest=LONGEST, samples=samples))
    print(name, "held-out loss", nats / count, "bits per byte", nats / math.log(2) / held_bytes, extra, flush=True)
    return p, config


def main():
    torch.set_num_threads(1)
    tiny = write("tiny", "A small language model of .NET API documentation, so that a fresh clone speaks.", "next token of the text")
    write("draft", "A smaller model that guesses what `tiny` will say, for speculative decoding.",
          "tiny's distribution over the next token", tiny)
    golden.main(os.path.join(HERE, "..", "tiny"))


if __name__ == "__main__":
    main()
