"""Two processes of one thread each work on halves of every batch: on a busy machine that is twice as fast as two threads in one."""
import multiprocessing

import torch

PART = 1024  # positions worked on at once, so that scores and activations stay small


def share(p):
    """The same parameters in memory that forked processes share, each with a place for its gradient."""
    for value in p.values():
        value.data = value.data.clone().share_memory_()
    return p


def accumulate(p, ids, targets, loss_of, whole):
    """Adds the gradients of the mean loss over whole positions; gives the sum of the losses here divided by whole."""
    rows, total = max(1, PART // ids.shape[1]), 0.0
    for i in range(0, len(ids), rows):
        loss = loss_of(ids[i:i + rows], targets[i:i + rows]) * (ids[i:i + rows].numel() / whole)
        loss.backward()
        total += loss.item()
    return total


class Pair:
    """The other process, and the place where it leaves its gradients."""

    def __init__(self, p, loss_of):
        self.p, self.loss_of = p, loss_of
        self.gradients = {name: torch.zeros_like(value).detach().share_memory_() for name, value in p.items()}
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=self.work, args=(theirs,), daemon=True)
        self.process.start()

    def work(self, pipe):
        while True:
            ids, targets, whole = pipe.recv()
            loss = accumulate(self.p, torch.from_numpy(ids), torch.from_numpy(targets), self.loss_of, whole)
            for name, value in self.p.items():
                self.gradients[name].copy_(value.grad)
                value.grad = None
            pipe.send(loss)

    def gradients_of(self, ids, targets):
        """Leaves in p the gradients of the mean loss of a batch; gives that loss."""
        half, whole = len(ids) // 2, ids.numel()
        self.pipe.send((ids[half:].numpy(), targets[half:].numpy(), whole))
        loss = accumulate(self.p, ids[:half], targets[:half], self.loss_of, whole) + self.pipe.recv()
        for name, value in self.p.items():
            value.grad.add_(self.gradients[name])
        return loss
