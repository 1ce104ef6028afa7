"""Files: written whole or not at all, claimed before they are written, and checked by their content."""
