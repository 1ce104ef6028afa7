"""Synthetic data: pose sampling, scenes, and writers of the datasets' own layouts."""
