"""What may listen, and who may ask it: the addresses and the guard of the web UI and of `/metrics`.

`locustfiles/workers_ui` and the rooms of `stacks` use it, so it may import only the standard library.
"""
