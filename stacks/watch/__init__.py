"""Watches running uWSGI masters that somebody else started: what each worker does, and which of them hang.

It may import `stacks.run`, `stacks.observe`, `stacks.catalogue`, `stacks.lifecycle` and `stacks.listen`; neither
`check` nor `campaign`.
"""
