"""The batched renderer in PyTorch: z-buffer, shading and camera effects; the same code on CPU and CUDA."""
