"""LightningDataModules, one file a dataset: splits, crops, augmentation and loaders."""
