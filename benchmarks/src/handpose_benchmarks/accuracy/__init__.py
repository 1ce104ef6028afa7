"""How near ready-made models come to labelled pictures that they never saw."""
