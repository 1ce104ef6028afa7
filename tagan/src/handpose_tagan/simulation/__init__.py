"""Simulated hands in bulk: made, and read again."""
