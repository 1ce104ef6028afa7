"""Simulated hands in the places of real ones: matched, laid over, in bulk."""
