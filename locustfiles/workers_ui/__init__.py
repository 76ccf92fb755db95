"""Locust's web UI with a tab for uWSGI's workers. It may import `recording`, `stacks.lifecycle` and `stacks.listen`."""
