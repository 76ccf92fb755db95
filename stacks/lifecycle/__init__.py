"""Rows of a run -> episodes -> verdict, and the file contract; pure: no clock, no process. It imports no other room."""
