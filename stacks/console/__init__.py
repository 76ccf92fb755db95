"""What the command lines of `stacks` and `analysis` share. It may import only the standard library."""
