"""Muon for the matrices of the layers (orthogonalised momentum), AdamW for the embedding and the gains."""
import math

import torch

MATRIX_RATE, OTHER_RATE = 0.02, 3e-3
MATRIX_DECAY = 0.1
MOMENTUM, ADAM = 0.95, (0.9, 0.95)


def bf16_products():
    """Whether this processor multiplies BF16 matrices itself: three to four times as fast as F32 here, and emulated where it does not."""
    try:
        with open("/proc/cpuinfo") as file:
            return "avx512_bf16" in file.read()
    except OSError:
        return False


BF16_PRODUCTS = bf16_products()


def orthogonal(g):
    """Five Newton-Schulz steps that push the singular values of each matrix of [N][R][C], R <= C, towards 1."""
    x = g / (g.norm(dim=(1, 2), keepdim=True) + 1e-7)
    x = x.bfloat16() if BF16_PRODUCTS else x
    for _ in range(5):
        a = x @ x.transpose(1, 2)
        x = 3.4445 * x + torch.baddbmm(-4.7750 * a, a, a, alpha=2.0315) @ x
    return x.float()


class Optimizer:
    """Both rules; state is a dictionary of tensors, so that a run can be resumed."""

    def __init__(self, p, matrices=None):
        self.p = p
        self.matrices = matrices or [name for name in p if name.endswith("_proj.weight")]
        self.others = [name for name in p if name not in self.matrices]
        self.state = {"momentum": {n: torch.zeros_like(p[n]) for n in self.matrices},
                      "first": {n: torch.zeros_like(p[n]) for n in self.others},
                      "second": {n: torch.zeros_like(p[n]) for n in self.others}, "steps": 0}

    @torch.no_grad()
    def step(self, scale):
        """One step at scale times the peak rates; clears the gradients."""
        self.state["steps"] += 1
        groups = {}
        for name in self.matrices:
            g = self.p[name].grad
            m = self.state["momentum"][name].lerp_(g, 1 - MOMENTUM)
            update = g.lerp(m, MOMENTUM)
            tall = update.shape[0] > update.shape[1]
            groups.setdefault(tuple(sorted(update.shape)), []).append((name, tall, update.t() if tall else update))
        for members in groups.values():
            for (name, tall, _), update in zip(members, orthogonal(torch.stack([update for _, _, update in members]))):
                w = self.p[name]
                rate = MATRIX_RATE * scale * math.sqrt(max(1, w.shape[0] / w.shape[1]))
                w.mul_(1 - MATRIX_RATE * scale * MATRIX_DECAY).sub_(update.t() if tall else update, alpha=rate)
        steps, (b1, b2) = self.state["steps"], ADAM
        for name in self.others:
            g = self.p[name].grad
            first = self.state["first"][name].lerp_(g, 1 - b1)
            second = self.state["second"][name].mul_(b2).addcmul_(g, g, value=1 - b2)
            self.p[name].addcdiv_(first, (second / (1 - b2 ** steps)).sqrt_().add_(1e-10), value=-OTHER_RATE * scale / (1 - b1 ** steps))
        for value in self.p.values():
            value.grad = None
