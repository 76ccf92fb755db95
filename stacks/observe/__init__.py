"""Watches a uWSGI without asking it anything: the observer, its collectors, and what /proc and the host tell.

It may import `stacks.catalogue` and `stacks.lifecycle`.
"""
