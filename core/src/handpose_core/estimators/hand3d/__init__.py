"""Zimmermann & Brox 2017: ``handpose recipe hand3d/demo``. The networks are in `handpose_core.nn.hand3d`."""
