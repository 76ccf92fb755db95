"""Runs on many machines: Locust's own distributed mode, the parts of its processes, and the observer where uWSGI runs.

It may import `stacks.campaign` and the rooms below it.
"""
