"""The recorder: it writes a row for every HTTP request of a locustfile. It may import `stacks.lifecycle.records`."""
