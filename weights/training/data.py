"""Token files of the corpus, made once and kept outside the repository, and the batches drawn from them."""
import os

import numpy
import torch

import corpus
import tokenizer

CACHE = os.path.join(os.path.expanduser("~"), ".cache", "coppice", "training")


def prepare():
    """Makes corpus, tokenizer and token files unless they are there. Every document is [end token, text]; one more ends the file."""
    if all(os.path.exists(os.path.join(CACHE, name)) for name in ("training.bin", "held_out.bin", "held_out.txt", "tokenizer.json")):
        return
    os.makedirs(CACHE, exist_ok=True)
    print("reading the documentation of the reference packs", flush=True)
    training, held_out = corpus.build()
    print(f"{len(training)} documents, {len(held_out)} held out; training the tokenizer", flush=True)
    made = tokenizer.train(training)
    for name, documents in (("training", training), ("held_out", held_out)):
        ids = [i for text in documents for i in (0, *made.encode(text))] + [0]
        numpy.array(ids, dtype="<u2").tofile(os.path.join(CACHE, name + ".bin"))
        with open(os.path.join(CACHE, name + ".txt"), "w", encoding="utf-8", newline="\n") as file:
            file.write(corpus.END.join(documents))
        print(name, len(ids), "tokens", flush=True)
    made.save(CACHE, 512)


def tokens(name):
    return numpy.fromfile(os.path.join(CACHE, name + ".bin"), dtype="<u2").astype(numpy.int64)


class Batches:
    """Rows that start where documents start; batch number and seed decide which, so a run can be resumed anywhere."""

    def __init__(self, ids, seed):
        self.ids, self.seed = ids, seed
        self.starts = numpy.flatnonzero(ids == 0)[:-1]

    def draw(self, number, rows, length):
        starts = self.starts[self.starts + length < len(self.ids)]
        chosen = numpy.random.default_rng([self.seed, number]).choice(starts, rows, replace=False)
        block = torch.from_numpy(self.ids[chosen[:, None] + numpy.arange(length + 1)])
        return block[:, :-1], block[:, 1:]


def rows(ids, length):
    """All of a token file: whole documents packed into rows of at most length + 1 tokens, each ending with an end token."""
    ends = numpy.flatnonzero(ids == 0)
    packed, begin, last = [], 0, 0
    for end in ends[1:]:
        if end - begin > length and last > begin:
            packed.append(ids[begin:last + 1][:length + 1])
            begin = last
        last = end
    packed.append(ids[begin:last + 1][:length + 1])
    return packed
