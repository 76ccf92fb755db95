"""The command line of `python -m stacks`: one file for each command. It may import every other room of `stacks`.

A file that is a command has what `command_line.Command` lists. The other files hold what several commands share.
"""
