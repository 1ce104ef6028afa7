"""The thesis's tables as data, and their runs: plan, train, test, compare, write down."""
