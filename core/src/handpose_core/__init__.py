"""The shared core of handpose: data, metrics, the hand model, the renderer, networks and training."""

__version__ = "0.1.0"
#: Of generated data: raised whenever the same seeds give other pictures or labels. 2: published segment lengths, 2026;
#: 3: poses are freed of penetration at the shape that is drawn.
DATA_VERSION = f"{__version__}+data.3"
