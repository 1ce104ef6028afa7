"""Speed of the suite: throughput figures beside their targets and, where they install, beside peers."""
