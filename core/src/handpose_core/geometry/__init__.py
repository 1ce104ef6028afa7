"""Geometry of hands and cameras, without learning."""
