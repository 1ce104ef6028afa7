"""People in whom no hand is seen, by the anny package."""
