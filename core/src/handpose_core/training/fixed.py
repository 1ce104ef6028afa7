"""Networks that a training leaves as they are."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import pytorch_lightning as pl
from torch import nn


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


class LeavesFixed(pl.LightningModule):
    """A module of which a training may leave parts as they are, running means too; the first of its class's bases."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fixed = FixedNetworks()

    @abstractmethod
    def untrained(self) -> Iterable[nn.Module]:
        """What the training to come does not train."""

    def setup(self, stage: str) -> None:
        """Keep what is not trained as it is, before the optimisers and processes learn of it."""
        super().setup(stage)
        if stage == "fit":
            self._fixed.release(self.training)
            self._fixed.hold(self.untrained())

    def teardown(self, stage: str) -> None:
        """Let go of what was kept."""
        if stage == "fit":
            self._fixed.release(self.training)

    def on_train_start(self) -> None:
        """Keep the running means of what is not trained."""
        self._fixed.settle()

    def train(self, mode: bool = True) -> "LeavesFixed":
        """As PyTorch's, but for what the training under way does not train: it stays in evaluation."""
        super().train(mode)
        self._fixed.settle()
        return self
