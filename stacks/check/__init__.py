"""Checks a user's own uWSGI: reads its configuration, makes a harmless copy recycle, and says what to change.

It may import `stacks.run` and the rooms below it, not `stacks.campaign`.
"""
