"""A Llama decoder: RMSNorm, RoPE with halves rotated, grouped-query attention, SwiGLU, head tied to the embedding.

Shapes: B rows, T positions, D hidden size, H query heads, K key and value heads, E head size.
"""
import json
import math
import os
import struct

import torch
import torch.nn.functional as F

EPSILON = 1e-5
THETA = 10000.0


class Config:
    """Sizes of one model; field names are Hugging Face's."""

    def __init__(self, hidden, layers, heads, kv_heads, mlp, vocabulary=4096, context=512):
        self.hidden, self.layers, self.heads, self.kv_heads = hidden, layers, heads, kv_heads
        self.mlp, self.vocabulary, self.context = mlp, vocabulary, context
        self.head_size = hidden // heads

    def hugging_face(self):
        return {
            "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 0,
            "eos_token_id": 0, "head_dim": self.head_size, "hidden_act": "silu", "hidden_size": self.hidden,
            "initializer_range": 0.02, "intermediate_size": self.mlp, "max_position_embeddings": self.context,
            "mlp_bias": False, "model_type": "llama", "num_attention_heads": self.heads, "num_hidden_layers": self.layers,
            "num_key_value_heads": self.kv_heads, "pretraining_tp": 1, "rms_norm_eps": EPSILON, "rope_scaling": None,
            "rope_theta": THETA, "tie_word_embeddings": True, "torch_dtype": "bfloat16", "use_cache": True,
            "vocab_size": self.vocabulary}


CONFIGS = {"tiny": Config(256, 5, 4, 2, 768), "draft": Config(96, 2, 3, 1, 256)}
PROJECTIONS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
NORMS = ("input_layernorm", "post_attention_layernorm")


def initial(config, seed):
    """Parameters by their checkpoint names; what writes to the residual stream starts smaller."""
    random = torch.Generator().manual_seed(seed)
    queries, keys = config.heads * config.head_size, config.kv_heads * config.head_size
    shapes = dict(zip(PROJECTIONS, (
        (queries, config.hidden), (keys, config.hidden), (keys, config.hidden), (config.hidden, queries),
        (config.mlp, config.hidden), (config.mlp, config.hidden), (config.hidden, config.mlp))))
    made = {"model.embed_tokens.weight": torch.randn(config.vocabulary, config.hidden, generator=random) * 0.02}
    for layer in range(config.layers):
        for name in NORMS:
            made[f"model.layers.{layer}.{name}.weight"] = torch.ones(config.hidden)
        for name, shape in shapes.items():
            scale = 1 / math.sqrt(shape[1])
            if name in ("self_attn.o_proj", "mlp.down_proj"):
                scale /= math.sqrt(2 * config.layers)
            made[f"model.layers.{layer}.{name}.weight"] = torch.randn(*shape, generator=random) * scale * 0.5
    made["model.norm.weight"] = torch.ones(config.hidden)
    return {name: value.requires_grad_() for name, value in made.items()}


def norm(x, gain):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * gain


def rope_tables(config, length):
    """(cos, sin), each [T][E/2], in F64."""
    frequencies = THETA ** (-torch.arange(0, config.head_size, 2).double() / config.head_size)
    angles = torch.arange(length).double()[:, None] * frequencies
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def attention(p, prefix, config, x, cos, sin, mask):
    rows, length, _ = x.shape
    size, group = config.head_size, config.heads // config.kv_heads

    def heads(name, count):
        return F.linear(x, p[f"{prefix}.{name}.weight"]).view(rows, length, count, size).transpose(1, 2)

    q = rotate(heads("q_proj", config.heads), cos, sin).reshape(rows, config.kv_heads, group * length, size)
    k = rotate(heads("k_proj", config.kv_heads), cos, sin)
    scores = torch.matmul(q, k.transpose(2, 3)).view(rows, config.kv_heads, group, length, length) * size ** -0.5 + mask
    mixed = torch.matmul(scores.softmax(-1).view(rows, config.kv_heads, group * length, length), heads("v_proj", config.kv_heads))
    mixed = mixed.view(rows, config.heads, length, size).transpose(1, 2).reshape(rows, length, -1)
    return F.linear(mixed, p[f"{prefix}.o_proj.weight"])


def logits(p, config, ids):
    """Scores of the next token [B][T][V] for ids [B][T]."""
    length = ids.shape[1]
    cos, sin = (table.to(p["model.norm.weight"].dtype) for table in rope_tables(config, length))
    mask = torch.full((length, length), float("-inf"), dtype=p["model.norm.weight"].dtype).triu(1)
    x = F.embedding(ids, p["model.embed_tokens.weight"])
    for layer in range(config.layers):
        prefix = f"model.layers.{layer}"
        x = x + attention(p, prefix + ".self_attn", config, norm(x, p[prefix + ".input_layernorm.weight"]), cos, sin, mask)
        h = norm(x, p[prefix + ".post_attention_layernorm.weight"])
        gated = F.silu(F.linear(h, p[prefix + ".mlp.gate_proj.weight"])) * F.linear(h, p[prefix + ".mlp.up_proj.weight"])
        x = x + F.linear(gated, p[prefix + ".mlp.down_proj.weight"])
    return F.linear(norm(x, p["model.norm.weight"]), p["model.embed_tokens.weight"])


def save(p, config, folder):
    """Writes config.json, generation_config.json and model.safetensors in BF16, rounded to nearest even."""
    os.makedirs(folder, exist_ok=True)
    generation = {"_from_model_config": True, "bos_token_id": 0, "do_sample": False, "eos_token_id": 0}
    for name, value in (("config.json", config.hugging_face()), ("generation_config.json", generation)):
        with open(os.path.join(folder, name), "w", newline="\n") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(p):
        blob = p[name].detach().bfloat16().contiguous().view(torch.int16).numpy().tobytes()
        header[name] = {"dtype": "BF16", "shape": list(p[name].shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def load(folder):
    """(parameters as F32, config) of a folder that save wrote."""
    with open(os.path.join(folder, "config.json")) as file:
        c = json.load(file)
    config = Config(c["hidden_size"], c["num_hidden_layers"], c["num_attention_heads"], c["num_key_value_heads"], c["intermediate_size"],
                    c["vocab_size"], c["max_position_embeddings"])
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    p = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            p[name] = torch.frombuffer(data[begin:end], dtype=torch.int16).view(torch.bfloat16).view(entry["shape"]).float()
    return p, config
