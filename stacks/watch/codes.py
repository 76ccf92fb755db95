"""The exit codes of `watch`, which are those of every command of the pack, and the exit codes of Nagios plugins."""

OK, COULD_NOT, HUNG = 0, 1, 3
# The guidelines of monitoring-plugins.org.
NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN = range(4)
