"""A method of one parameter, so that the command line is tested without any real method."""
