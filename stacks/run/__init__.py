"""One run from the start of uWSGI and Locust to a verdict and a clean machine.

It may import `stacks.observe`, `stacks.catalogue` and `stacks.lifecycle`.
"""
