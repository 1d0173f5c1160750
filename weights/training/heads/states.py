"""What `coppice dump-hidden` wrote, and tensors of safetensors files, as NumPy arrays over mapped memory."""
import glob
import json
import os
import struct

import numpy
import torch

TYPES = {"F16": numpy.float16, "F32": numpy.float32, "I32": numpy.int32, "I64": numpy.int64, "BF16": numpy.uint16}


def read(path):
    """Tensors of a safetensors file by name; BF16 as F32."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
    data, found = numpy.memmap(path, dtype=numpy.uint8, mode="r", offset=8 + length), {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = data[begin:end].view(TYPES[entry["dtype"]]).reshape(entry["shape"])
        found[name] = (values.astype(numpy.uint32) << 16).view(numpy.float32) if entry["dtype"] == "BF16" else values
    return found


def write(path, tensors):
    """Writes PyTorch tensors: F32 as F16, I64 as they are."""
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, value in tensors.items():
        value = value.detach().half() if value.is_floating_point() else value
        blob = value.contiguous().numpy().tobytes()
        header[name] = {"dtype": "F16" if value.is_floating_point() else "I64", "shape": list(value.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


class Text:
    """One text: ids [T], states [T][D] in F16, and how many tokens are its prompt."""

    def __init__(self, ids, states, prompt):
        self.ids, self.states, self.prompt = ids, states, prompt


def texts(folder, layer="final"):
    """All texts of a folder, in order."""
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "hidden-*.safetensors"))):
        tensors = read(path)
        for start, count, prompt in tensors["texts"]:
            found.append(Text(tensors["ids"][start:start + count].astype(numpy.int64), tensors["hidden." + layer][start:start + count], int(prompt)))
    return found


class Target:
    """What heads need of the model that they draft for: embedding and head as F32, and the sizes of a layer."""

    def __init__(self, folder):
        with open(os.path.join(folder, "config.json")) as file:
            c = json.load(file)
        tensors = read(os.path.join(folder, "model.safetensors"))
        self.config, self.hidden, self.vocabulary = c, c["hidden_size"], c["vocab_size"]
        self.embedding = torch.from_numpy(numpy.array(tensors["model.embed_tokens.weight"]))
        self.head = self.embedding if c["tie_word_embeddings"] else torch.from_numpy(numpy.array(tensors["lm_head.weight"]))
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        self.head_size, self.mlp = self.hidden // self.heads, c["intermediate_size"]
        self.theta, self.epsilon, self.layers = c["rope_theta"], c["rms_norm_eps"], c["num_hidden_layers"]
        self.last = {name.split(f"layers.{self.layers - 1}.", 1)[1]: torch.from_numpy(numpy.array(value, dtype=numpy.float32))
                     for name, value in tensors.items() if f"layers.{self.layers - 1}." in name}
        self.norm = torch.from_numpy(numpy.array(tensors["model.norm.weight"], dtype=numpy.float32))
