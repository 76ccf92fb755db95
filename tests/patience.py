"""How long tests wait for what must come: only what hangs needs so long, however busy the machine is."""

LIMIT_S = 600
