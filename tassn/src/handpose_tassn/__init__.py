"""TASSN (thesis chapter 4): 3D hand pose and mesh from video, learnt from 2D labels."""

__version__ = "0.1.0"
