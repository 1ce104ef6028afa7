"""MVHM (thesis chapter 5): a multi-view hand-mesh dataset anyone can generate, and estimators that use it."""

__version__ = "0.1.0"
