"""Statistics: numbers in, numbers out. It may import no other room, and of `stacks` only `stacks.lifecycle`."""
