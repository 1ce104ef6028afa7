"""TAGAN (thesis chapter 2): simulated hands matched to real poses, laid over real pictures, and blended in."""

__version__ = "0.1.0"
