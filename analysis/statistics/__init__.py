"""Numbers in, numbers out. It imports no other room, and of `stacks` only `stacks.lifecycle`."""
