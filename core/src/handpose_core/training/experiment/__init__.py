"""What an experiment of several trainings needs, checked before the first of them: samples, weights, starts, disk."""
