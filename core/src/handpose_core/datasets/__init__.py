"""Readers of the authors' files: one module a dataset, each yielding samples as `sample` defines them."""
