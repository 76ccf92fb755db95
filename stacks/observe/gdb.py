"""The command of gdb that prints the native backtrace of every thread of a process. gdb stops the process meanwhile."""

LIMIT_S = 20.0  # a gdb that takes longer is killed; the time is for symbols on a slow disk
GDB = ("gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-ex", "thread apply all bt 32")
