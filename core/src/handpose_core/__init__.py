"""The shared core of handpose: data, metrics, the hand model, the renderer, networks and training."""

__version__ = "0.1.0"
