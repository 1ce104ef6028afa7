"""How a training steps several networks by one loss, while another looks on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn


@contextmanager
def looking_on(network: nn.Module) -> Iterator[None]:
    """For a while the network hands gradients on, and gathers none."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def minimise(
    loss: Tensor,
    optimizers: Sequence[LightningOptimizer],
    backward: Callable[[Tensor], None],
    scaler: torch.amp.GradScaler | None,
) -> None:
    """A step of several optimisers by the gradients of one loss.

    In fp16 each of them may change the scale that the next one's gradients are divided by, while they were all made
    at that of the loss.

    Args:
        loss: one value.
        optimizers: of the networks it depends on.
        backward: Lightning's ``manual_backward``.
        scaler: of the loss in fp16, None in other precisions.
    """
    for optimizer in optimizers:
        optimizer.zero_grad()
    made_at = _scale(scaler, loss)
    backward(loss)
    for optimizer in optimizers:
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if scaler is not None and gradients:
            torch._foreach_mul_(gradients, _scale(scaler, loss) / made_at)
        optimizer.step()


def _scale(scaler: torch.amp.GradScaler | None, loss: Tensor) -> Tensor:
    """What losses are multiplied by, without waiting for the device."""
    one = torch.ones_like(loss.detach(), dtype=torch.float32)
    return one if scaler is None else scaler.scale(one)
