"""Looking at a dataset before it is trained on: which one is it, is it all there, and do its labels fit a hand."""
