"""Watches running uWSGI masters that somebody else started: what each worker does, and which of them hang.

It may import `stacks.observe`, `stacks.catalogue` and `stacks.lifecycle`; neither `check` nor `campaign`.
"""
