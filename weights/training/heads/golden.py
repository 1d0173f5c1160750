"""Writes golden.json beside shipped heads: what PyTorch, in double precision, computes from the files as they are.

The states are the final ones of the model over the first tokens of a held-out text, rounded to F16; the heads' weights are the F16 values of
the files, the vocabulary matrix the BF16 values of the model's. Kept: the states, the tokens, and for each position of --rows and each head
the eight best tokens with their logits.
"""
import argparse
import glob
import json
import os

import torch

import heads
import states

LENGTH, ROWS, TOP = 12, (0, 5, 8), 8


@torch.no_grad()
def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--model", required=True)
    arguments.add_argument("--states", required=True)
    arguments.add_argument("folder")
    given = arguments.parse_args()
    target, text = states.Target(given.model), states.texts(given.states)[0]
    start = max(0, min(text.prompt, len(text.ids) - LENGTH))
    p = {}
    for path in glob.glob(os.path.join(given.folder, "*.safetensors")):
        p |= {name: torch.from_numpy(value.copy()) for name, value in states.read(path).items()}
    tokens = p.pop("token_map", torch.arange(target.vocabulary))
    p = {name: value.double() for name, value in p.items()}
    kind = "medusa" if "0.0.linear.weight" in p else "hydra++" if any(name.startswith(heads.PREFIX) for name in p) else "hydra"
    ids = torch.from_numpy(text.ids[start:start + LENGTH])
    given_states = torch.from_numpy(text.states[start:start + LENGTH].copy())
    x, matrix, embedding = given_states.double(), target.head[tokens].double(), target.embedding.double()
    if kind == "hydra++":
        mask = torch.full((LENGTH, LENGTH), float("-inf")).triu(1)
        x = heads.prefix(p, target, x, torch.arange(LENGTH), mask)
    made, head = [], 0
    while any(name.startswith(f"{head}." if kind == "medusa" else f"hydra_mlp.{head}.") for name in p):
        for row in ROWS:
            following = None if kind == "medusa" else embedding[ids[row + 1:row + 2 + head]][None]
            best = (heads.output(p, kind, head, x[row:row + 1], following) @ matrix.t())[0].topk(TOP)
            made.append({"head": head, "row": row, "tokens": tokens[best.indices].tolist(), "logits": [round(v, 6) for v in best.values.tolist()]})
        head += 1
    result = {"ids": ids.tolist(), "states": [[round(v, 8) for v in row] for row in given_states.double().tolist()], "best": made}
    with open(os.path.join(given.folder, "golden.json"), "w", newline="\n") as file:
        json.dump(result, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
