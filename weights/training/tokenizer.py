"""Byte-level BPE: trains the merges, encodes, and writes Hugging Face's tokenizer.json.

Words are cut as GPT-2 cuts them, after every digit has been set apart. Token 0 ends a document, tokens 1..256 are the
bytes, every later token is one merge.
"""
import collections
import functools
import heapq
import json
import os
import re
import sys
import unicodedata

END = "<|endoftext|>"
SIZE = 4096


def classes():
    """Regular-expression classes of the letters and of the numbers of Unicode."""
    ranges = {"L": [], "N": []}
    for code in range(sys.maxunicode + 1):
        found = ranges.get(unicodedata.category(chr(code))[0])
        if found is None:
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return ("".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in ranges[kind]) for kind in "LN")


LETTER, NUMBER = classes()
DIGITS = re.compile(f"([{NUMBER}])")
WORDS = re.compile(f"'s|'t|'re|'ve|'m|'ll|'d| ?[{LETTER}]+| ?[{NUMBER}]+| ?[^\\s{LETTER}{NUMBER}]+|\\s+(?!\\S)|\\s+")


def words(text):
    for piece in DIGITS.split(text):
        yield from WORDS.findall(piece)


@functools.lru_cache(None)
def byte_letters():
    """The printable character that spells each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return {**{b: chr(b) for b in shown}, **{b: chr(256 + i) for i, b in enumerate(hidden)}}


class Tokenizer:
    """Merges in order of rank, as pairs of byte strings."""

    def __init__(self, merges):
        letters = sorted(byte_letters().items(), key=lambda item: item[1])
        self.tokens = [None, *(bytes([b]) for b, _ in letters), *(a + b for a, b in merges)]
        self.merges = merges
        self.ids = {token: i for i, token in enumerate(self.tokens) if token is not None}
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.known = {}

    def encode_word(self, word):
        ids = self.known.get(word)
        if ids is None:
            parts = [bytes([b]) for b in word.encode()]
            while len(parts) > 1:
                rank, i = min((self.ranks.get((parts[i], parts[i + 1]), 1 << 30), i) for i in range(len(parts) - 1))
                if rank == 1 << 30:
                    break
                parts[i:i + 2] = [parts[i] + parts[i + 1]]
            ids = self.known[word] = [self.ids[part] for part in parts]
        return ids

    def encode(self, text):
        return [i for word in words(text) for i in self.encode_word(word)]

    def decode(self, ids):
        return b"".join(END.encode() if i == 0 else self.tokens[i] for i in ids).decode("utf-8", "replace")

    def save(self, folder, context):
        """Writes tokenizer.json and tokenizer_config.json."""
        def spell(token):
            return "".join(byte_letters()[b] for b in token)

        level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        added = {"content": END, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        whole = {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": [{"id": 0, **added}], "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, level]},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": END, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"SpecialToken": {"id": END, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                         {"SpecialToken": {"id": END, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {END: {"id": END, "ids": [0], "tokens": [END]}}},
            "decoder": level,
            "model": {
                "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                "vocab": {END: 0, **{spell(token): i for token, i in self.ids.items()}},
                "merges": [f"{spell(a)} {spell(b)}" for a, b in self.merges]}}
        settings = {
            "add_prefix_space": False, "added_tokens_decoder": {"0": added}, "bos_token": END, "clean_up_tokenization_spaces": False,
            "eos_token": END, "model_max_length": context, "tokenizer_class": "PreTrainedTokenizerFast"}
        for name, value in (("tokenizer.json", whole), ("tokenizer_config.json", settings)):
            with open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n") as file:
                json.dump(value, file, ensure_ascii=False, indent=1)
                file.write("\n")

    @staticmethod
    def load(folder):
        spelled = {letter: b for b, letter in byte_letters().items()}
        with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as file:
            merges = [merge.split(" ") for merge in json.load(file)["model"]["merges"]]
        return Tokenizer([tuple(bytes(spelled[c] for c in part) for part in pair) for pair in merges])


def train(documents, size=SIZE):
    """Merges the most frequent pair, again and again; of equally frequent pairs the one that sorts first."""
    counts = collections.Counter(word for text in documents for word in words(text))
    spelled = [[bytes([b]) for b in word.encode()] for word in counts]
    weights = list(counts.values())
    pairs, places = collections.Counter(), collections.defaultdict(set)
    for i, parts in enumerate(spelled):
        for pair in zip(parts, parts[1:]):
            pairs[pair] += weights[i]
            places[pair].add(i)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    merges = []
    while len(merges) < size - 257:
        count, pair = heapq.heappop(heap)
        if -count != pairs[pair]:
            if pairs[pair] > 0:
                heapq.heappush(heap, (-pairs[pair], pair))
            continue
        merges.append(pair)
        changed = set()
        for i in places.pop(pair):
            parts = spelled[i]
            for before in zip(parts, parts[1:]):
                pairs[before] -= weights[i]
            at = 0
            while at < len(parts) - 1:
                if (parts[at], parts[at + 1]) == pair:
                    parts[at:at + 2] = [parts[at] + parts[at + 1]]
                at += 1
            for after in zip(parts, parts[1:]):
                pairs[after] += weights[i]
                places[after].add(i)
                changed.add(after)
        for after in changed:
            heapq.heappush(heap, (-pairs[after], after))
    return Tokenizer(merges)
