"""The command line: ``handpose``, its registry of methods and commands, and how errors end it."""
