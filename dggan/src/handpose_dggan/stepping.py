"""How a training treats networks: leaves some as they are, and steps others by one loss."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn


class FixedNetworks:
    """Networks that a training does not train: without gradients, in evaluation, so that running means stay, too."""

    def __init__(self) -> None:
        self._networks: list[nn.Module] = []
        self._parameters: list[nn.Parameter] = []

    def hold(self, networks: Iterable[nn.Module]) -> None:
        """Gather no more gradients of these; parameters that gathered none before are not given back later."""
        self._networks = list(networks)
        self._parameters = [p for network in self._networks for p in network.parameters() if p.requires_grad]
        for parameter in self._parameters:
            parameter.requires_grad_(False)

    def settle(self) -> None:
        """Put them into evaluation."""
        for network in self._networks:
            network.eval()

    def release(self, training: bool) -> None:
        """Give them back, in training or evaluation as the rest."""
        for network in self._networks:
            network.train(training)
        for parameter in self._parameters:
            parameter.requires_grad_(True)
        self._networks, self._parameters = [], []


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
