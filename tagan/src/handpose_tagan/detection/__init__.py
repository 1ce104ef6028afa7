"""Where the keypoints of unlabelled real hands come from."""
