"""Made-up things, none of them a hand: what a detector of hands must learn to leave alone."""
