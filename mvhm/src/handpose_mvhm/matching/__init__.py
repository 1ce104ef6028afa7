"""The parts of the spin match: fit of the palm, fingers, small rotations. `handpose_mvhm.spin_match` joins them."""
