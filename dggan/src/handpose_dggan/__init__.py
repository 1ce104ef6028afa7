"""DGGAN (thesis chapter 3): 3D hand pose from one RGB image, helped by depth maps learnt from unpaired images."""

__version__ = "0.1.0"
