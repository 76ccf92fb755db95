"""Damages configurations in uWSGI's formats and lets a real binary read them, as `check` does.

`python -m tests.benchmarks.damaged_configurations [INPUTS] [FIRST_SEED]` writes a file of its name to results/bench/,
and exits with 1 if `read_effective` or `neutralise` raised anything but CannotCheck, or took longer than its limit.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "unit"))

from damage import damage  # noqa: E402

from stacks.catalogue import venvs  # noqa: E402
from stacks.check.effective_configuration import LIMIT_S, read_effective  # noqa: E402
from stacks.check.invocation import CannotCheck, Invocation  # noqa: E402
from stacks.check.neutralise import neutralise  # noqa: E402

PAIRS = {"http-socket": "127.0.0.1:0", "processes": 4, "module": "app:app", "max-requests": 100, "env": "A=b"}
FORMATS = {
    "ini": "[uwsgi]\n" + "".join(f"{key} = {value}\n" for key, value in PAIRS.items()),
    "yaml": "uwsgi:\n" + "".join(f"  {key}: {value}\n" for key, value in PAIRS.items()),
    "json": json.dumps({"uwsgi": PAIRS}, indent=1),
    "xml": "<uwsgi>\n" + "".join(f"  <{key}>{value}</{key}>\n" for key, value in PAIRS.items()) + "</uwsgi>\n",
}


def one(seed: int, uwsgi: Path) -> str:
    """Read one damaged configuration. Return what became of it."""
    chance = random.Random(seed)
    kind = chance.choice(sorted(FORMATS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / f"app.{kind}"
        file.write_text(FORMATS[kind], encoding="utf-8")
        what = f"seed {seed}, {kind}: {damage(file.rename(folder / 'app.bytes'), chance)}"
        (folder / "app.bytes").rename(file)
        data, began_s = file.read_bytes(), time.monotonic()
        try:
            invocation = Invocation(uwsgi, str(file), (), {"PATH": "/usr/bin:/bin"}, folder)
            effective = read_effective(invocation, folder)
            neutralise(effective.options, effective.binary_options, folder)
            result = "read"
        except CannotCheck as error:
            result = "refused in words" if str(error).strip() else f"FAULT: no words ({what})"
        except Exception as error:
            result = f"FAULT: {type(error).__name__}: {error} ({what})"
        if time.monotonic() - began_s > 3 * LIMIT_S:
            result = f"FAULT: too slow ({what})"
        return result if file.read_bytes() == data else f"FAULT: the configuration was changed ({what})"


def main(inputs: int = 500, first: int = 0) -> int:
    """Read `inputs` damaged configurations, and write the figures."""
    uwsgi = venvs.ensure("3.12", "pyuwsgi", "2.0.30.post1").uwsgi
    results = Counter(one(seed, uwsgi) for seed in range(first, first + inputs))
    (ROOT / "results" / "bench").mkdir(parents=True, exist_ok=True)
    text = json.dumps({"inputs": inputs, "first_seed": first, "results": dict(results)}, indent=1)
    (ROOT / "results" / "bench" / "damaged_configurations.json").write_text(text + "\n", encoding="utf-8")
    print(text)
    return int(any(result.startswith("FAULT") for result in results))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
