"""Writers of the datasets' own on-disk layouts, one file a dataset, for synthetic twins."""
