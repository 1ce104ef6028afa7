"""Networks that a training leaves as they are."""

from collections.abc import Iterable

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
