"""``handpose tassn adapt``: a trained model, fine-tuned on one video with 2D joints and no 3D label."""
