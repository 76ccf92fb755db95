"""Watches a uWSGI without asking it anything: the observer, its collectors, and readers of /proc and of the host.

It may import `stacks.catalogue` and `stacks.lifecycle`.
"""
