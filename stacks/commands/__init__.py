"""The command line of `python -m stacks`, one file a command. It may import every other room of `stacks`."""
