"""The recorder: writes a row for every HTTP request of a locustfile. It may import `stacks.lifecycle`."""
