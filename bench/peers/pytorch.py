"""Prefill and decode speed of a Llama checkpoint in plain PyTorch, on the CPU:
pytorch.py --model DIR --type f32|bf16 --threads N --prefill P --decode D.

The forward pass as a PyTorch user would write it: projections of one input joined, keys and values of all positions allocated
beforehand, inference mode.
Prints what `coppice bench --json` prints of its rows. Measures once, behind one warm-up of each test.
"""
import argparse
import json
import os
import struct
import time

import torch
import torch.nn.functional as F

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def load(folder, dtype):
    """All tensors of model.safetensors, which are BF16, as `dtype`."""
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        data = bytearray(file.read())
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "BF16":
            raise SystemExit(f"{name}: must be BF16, is {entry['dtype']}")
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data, dtype=torch.int16, count=(end - begin) // 2, offset=8 + length + begin)
        tensors[name] = values.view(torch.bfloat16).view(entry["shape"]).to(dtype).clone()
    return tensors


class Llama:
    """A model with the keys and values of one sequence."""

    def __init__(self, folder, dtype, positions):
        with open(os.path.join(folder, "config.json")) as file:
            config = json.load(file)
        self.layers = config["num_hidden_layers"]
        self.heads, self.kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.size = config["hidden_size"] // self.heads
        self.epsilon = config["rms_norm_eps"]
        w = load(folder, dtype)
        self.embedding, self.final = w["model.embed_tokens.weight"], w["model.norm.weight"]
        self.head = w.get("lm_head.weight", self.embedding)
        self.weights = []
        for i in range(self.layers):
            of = lambda name: w[f"model.layers.{i}.{name}.weight"]
            self.weights.append((
                of("input_layernorm"), torch.cat([of(f"self_attn.{x}_proj") for x in "qkv"]), of("self_attn.o_proj"),
                of("post_attention_layernorm"), torch.cat([of("mlp.gate_proj"), of("mlp.up_proj")]), of("mlp.down_proj")))
        self.keys = torch.zeros(self.layers, self.kv_heads, positions, self.size, dtype=dtype)
        self.values = torch.zeros_like(self.keys)
        frequencies = config["rope_theta"] ** (-torch.arange(0, self.size, 2).double() / self.size)
        angles = torch.arange(positions).double()[:, None] * frequencies
        self.cos, self.sin = (torch.cat((f(angles), f(angles)), -1).to(dtype) for f in (torch.cos, torch.sin))

    def norm(self, x, gain):
        x32 = x.float()
        return (x32 * torch.rsqrt(x32.pow(2).mean(-1, keepdim=True) + self.epsilon)).to(x.dtype) * gain

    def turn(self, x, cos, sin):
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat((-b, a), -1) * sin

    def forward(self, tokens, start):
        """Logits behind the last of `tokens`, which stand at positions start, start + 1, …"""
        count, end, group = len(tokens), start + len(tokens), self.heads // self.kv_heads
        x = self.embedding[tokens]
        cos, sin = self.cos[start:end], self.sin[start:end]
        mask = torch.full((count, end), float("-inf"), dtype=x.dtype).triu(start + 1).repeat(group, 1) if count > 1 else None
        for i, (norm1, qkv, output, norm2, gate_up, down) in enumerate(self.weights):
            joined = F.linear(self.norm(x, norm1), qkv).view(count, -1, self.size).transpose(0, 1)
            turned = self.turn(joined[:self.heads + self.kv_heads], cos, sin)
            self.keys[i, :, start:end] = turned[self.heads:]
            self.values[i, :, start:end] = joined[self.heads + self.kv_heads:]
            q = turned[:self.heads].reshape(self.kv_heads, group * count, self.size)
            scores = torch.matmul(q, self.keys[i, :, :end].transpose(1, 2)) * self.size ** -0.5
            if mask is not None:
                scores = scores + mask
            mixed = torch.matmul(torch.softmax(scores, -1), self.values[i, :, :end])
            x = x + F.linear(mixed.view(self.heads, count, self.size).transpose(0, 1).reshape(count, -1), output)
            gate, up = F.linear(self.norm(x, norm2), gate_up).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, down)
        return F.linear(self.norm(x[-1:], self.final), self.head)[0]

    def prefill(self, count):
        begin = time.perf_counter()
        self.forward(torch.arange(count) % 1000, 0)
        return count / (time.perf_counter() - begin)

    def decode(self, count):
        token = torch.tensor([1])
        begin = time.perf_counter()
        for position in range(count):
            token = self.forward(token, position).argmax()[None]
        return count / (time.perf_counter() - begin)


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--type", choices=TYPES, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prefill", type=int, required=True)
    parser.add_argument("--decode", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = Llama(arguments.model, TYPES[arguments.type], max(arguments.prefill, arguments.decode))
    rows = []
    for name, run, count in (
            (f"prefill-{arguments.prefill}", model.prefill, arguments.prefill),
            (f"decode-{arguments.decode}@0", model.decode, arguments.decode)):
        run(count)
        rows.append({"name": name, "tokens_per_s": run(count)})
    print(json.dumps({"version": torch.__version__, "rows": rows}))


main()
