"""One run: uWSGI and Locust start, the load comes, the run gets its verdict, and no process is left.

This room may import `stacks.observe`, `stacks.catalogue` and `stacks.lifecycle`.
"""
