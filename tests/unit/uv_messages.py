"""Error messages of uv, for tests. Those without a note are verbatim from uv 0.13."""

from __future__ import annotations

# The download of an interpreter fails.
NO_NETWORK = """error: Failed to install cpython-3.12.16-linux-x86_64-gnu
  cause: Request failed after 3 retries in 9.2s
  cause: client error (Connect)
  cause: dns error
  cause: failed to lookup address information: Name or service not known
"""
NO_WHEEL = """error: No solution found when resolving dependencies
  cause: Because pyuwsgi==2.0.26 has no usable wheels and you require pyuwsgi==2.0.26, we can conclude that your \
requirements are unsatisfiable.

hint: Wheels are required for `pyuwsgi` because building from source is disabled for all packages (i.e., with \
`--no-build`)
"""
NO_VERSION = """error: No solution found when resolving dependencies
  cause: Because there is no version of pyuwsgi==2.0.99 and you require pyuwsgi==2.0.99, we can conclude that your \
requirements are unsatisfiable.
"""
REFUSED = """error: Request failed after 3 retries in 8.6s
  cause: Failed to fetch: http://127.0.0.1:9/simple/pyuwsgi/
  cause: client error (Connect)
  cause: tcp connect error
  cause: Connection refused (os error 111)
"""
OFFLINE = """error: No solution found when resolving dependencies
  cause: Because pyuwsgi was not found in the cache and you require pyuwsgi==2.0.27.post1, we can conclude that your \
requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, registry packages may \
only be read from the cache.
"""
# From uv 0.9, which drew the chain as a tree.
NO_WHEEL_DRAWN = """  × No solution found when resolving dependencies:
  ╰─▶ Because pyuwsgi==2.0.26 has no wheels with a matching Python ABI tag (e.g., `cp313`) and you require
      pyuwsgi==2.0.26, we can conclude that your requirements are unsatisfiable.
"""
NOT_BUILT = """error: Failed to build `uwsgi==2.0.19`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)

         [stderr]
         Exception: you need a C compiler to build uWSGI

hint: Build failures usually indicate a problem with the package or the build environment
"""
