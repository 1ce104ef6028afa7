"""Estimators of others that methods are compared with or build upon, each a method on the command line."""
