"""Medusa and Hydra heads over a frozen model: parameters by their checkpoint names, and what they compute.

Shapes: T positions, D hidden size, H query heads, K key and value heads, E head size.
"""
import torch
import torch.nn.functional as F

PREFIX = "prefix_embeding_layer."       # misspelled as in the authors' code


def initial(kind, count, blocks, target, seed):
    """Parameters before training: Medusa heads are the identity, Hydra heads the identity on the state, the prefix layer the last layer."""
    random, made, d = torch.Generator().manual_seed(seed), {}, target.hidden
    for i in range(count):
        if kind == "medusa":
            for j in range(blocks):
                made[f"{i}.{j}.linear.weight"] = torch.zeros(d, d)
                made[f"{i}.{j}.linear.bias"] = torch.zeros(d)
            continue
        wide = (i + 2) * d
        made[f"hydra_mlp.{i}.0.res_connection.weight"] = torch.cat((torch.eye(d), torch.zeros(d, wide - d)), 1)
        made[f"hydra_mlp.{i}.0.res_connection.bias"] = torch.zeros(d)
        made[f"hydra_mlp.{i}.0.linear.weight"] = torch.randn(d, wide, generator=random) * 0.01
        made[f"hydra_mlp.{i}.0.linear.bias"] = torch.zeros(d)
        for j in range(1, blocks):
            made[f"hydra_mlp.{i}.{j}.linear.weight"] = torch.zeros(d, d)
            made[f"hydra_mlp.{i}.{j}.linear.bias"] = torch.zeros(d)
    if kind == "hydra++":
        for name, value in target.last.items():
            # What writes to the stream starts at nothing, so that at first the state is passed on as it is.
            made[f"{PREFIX}layers.0.{name}"] = torch.zeros_like(value) if name in ("self_attn.o_proj.weight", "mlp.down_proj.weight") else value.clone()
        made[PREFIX + "layers.0.input_layernorm.weight"] = torch.ones(d)
        made[PREFIX + "layers.0.post_attention_layernorm.weight"] = torch.ones(d)
        made[PREFIX + "norm.weight"] = target.norm.clone()
    return {name: value.requires_grad_() for name, value in made.items()}


def blocks_of(p, head):
    return sum(1 for name in p if name.startswith(head) and name.endswith(".linear.weight"))


def norm(x, gain, epsilon):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon) * gain


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def prefix(p, target, states, positions, mask):
    """The prefix layer's output [T][D] over states [T][D]; mask [T][T] is 0 where a row may look and -inf elsewhere."""
    def w(name):
        return p[f"{PREFIX}layers.0.{name}.weight"]

    length, size, group = len(states), target.head_size, target.heads // target.kv_heads
    frequencies = target.theta ** (-torch.arange(0, size, 2).double() / size)
    angles = positions.double()[:, None] * frequencies
    cos, sin = angles.cos().to(states.dtype), angles.sin().to(states.dtype)
    x = norm(states, w("input_layernorm"), target.epsilon)

    def heads(name, count):
        return F.linear(x, w("self_attn." + name)).view(length, count, size).transpose(0, 1)

    q = rotate(heads("q_proj", target.heads), cos, sin).reshape(target.kv_heads, group * length, size)
    k = rotate(heads("k_proj", target.kv_heads), cos, sin)
    scores = torch.matmul(q, k.transpose(1, 2)).view(target.kv_heads, group, length, length) * size ** -0.5 + mask
    mixed = torch.matmul(scores.softmax(-1).view(target.kv_heads, group * length, length), heads("v_proj", target.kv_heads))
    mixed = mixed.view(target.heads, length, size).transpose(0, 1).reshape(length, -1)
    x = states + F.linear(mixed, w("self_attn.o_proj"))
    h = norm(x, w("post_attention_layernorm"), target.epsilon)
    x = x + F.linear(F.silu(F.linear(h, w("mlp.gate_proj"))) * F.linear(h, w("mlp.up_proj")), w("mlp.down_proj"))
    return norm(x, p[PREFIX + "norm.weight"], target.epsilon)


def output(p, kind, head, states, following):
    """What the vocabulary matrix reads [T][D] of a head; following [T][head + 1][D] are the embeddings of the tokens after each row."""
    if kind == "medusa":
        z, name, first = states, f"{head}.", 0
    else:
        u, name, first = torch.cat((states[:, None], following), 1).flatten(1), f"hydra_mlp.{head}.", 1
        z = F.linear(u, p[f"{name}0.res_connection.weight"], p[f"{name}0.res_connection.bias"])
        z = z + F.silu(F.linear(u, p[f"{name}0.linear.weight"], p[f"{name}0.linear.bias"]))
    for j in range(first, blocks_of(p, name)):
        z = z + F.silu(F.linear(z, p[f"{name}{j}.linear.weight"], p[f"{name}{j}.linear.bias"]))
    return z
