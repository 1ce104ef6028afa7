"""Speed against peers, and the tables of the thesis as runs."""

__version__ = "0.1.0"
