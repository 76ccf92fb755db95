"""Opens az:// URLs, with the key of a storage account where there is one.

pyarrow ignores a key in such a URL, and ends the process if it has none for a server without TLS (26.0).
"""

from __future__ import annotations

import os
import urllib.parse
from typing import Any

KEY = "AZURE_STORAGE_KEY"  # the variable of Azure's own tools
CLOUD = ".core.windows.net"


def open_azure(url: str) -> tuple[Any, str]:
    """Return the file system of pyarrow and the path in it.

    `url` is az://CONTAINER[:KEY]@ACCOUNT.dfs.core.windows.net/PATH, or az://ACCOUNT[:KEY]@HOST:PORT/CONTAINER/PATH for
    a server of one's own, with `?enable_tls=false` if it has no TLS. Raises ValueError, OSError.
    """
    from pyarrow import fs

    parts = urllib.parse.urlsplit(url)
    key = urllib.parse.unquote(parts.password or "") or os.environ.get(KEY, "")
    name, host, path = parts.username or "", parts.hostname or "", parts.path.strip("/")
    if not key:
        if "enable_tls=false" in parts.query:
            raise ValueError(f"a server without TLS needs a key, in the URL or in {KEY}")
        files, root = fs.FileSystem.from_uri(urllib.parse.urlunsplit(parts._replace(scheme="abfs")))
        return files, str(root)
    if host.endswith(CLOUD):
        return fs.AzureFileSystem(account_name=host.partition(".")[0], account_key=key), f"{name}/{path}"
    scheme = "http" if "enable_tls=false" in parts.query else "https"
    place = parts.netloc.rpartition("@")[2]
    server = {"blob_storage_authority": place, "blob_storage_scheme": scheme}
    server |= {"dfs_storage_authority": place, "dfs_storage_scheme": scheme}
    return fs.AzureFileSystem(account_name=name, account_key=key, **server), path
