"""The ready files in `stacks/deploy`: they are well formed, and what they name exists."""

from __future__ import annotations

import ast
import re
import shlex
from typing import Any

import pytest

from stacks.catalogue import ROOT, load
from stacks.commands.command_line import parser
from stacks.hosts.container import RECORDER, with_recorder

yaml = pytest.importorskip("yaml")
DEPLOY = ROOT / "stacks/deploy"
# The fields of `spec` in the CRD of the official operator (locustio/k8s-operator 0.1.6, charts/locust-operator/crds).
SPEC = {"annotations", "labels", "image", "imagePullPolicy", "imagePullSecrets", "workers", "args", "env", "master"}
SPEC |= {"worker", "locustfile", "metrics"}


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def observe_options(command: list[str]) -> Any:
    words = command[command.index("observe") :]
    return parser(["observe"]).parse_args(words)


def test_the_resource_has_the_fields_of_the_operator_and_a_locustfile_that_is_python() -> None:
    test, config, pod, service = documents("locusttest.yaml")
    assert (test["apiVersion"], test["kind"]) == ("locust.io/v1", "LocustTest")
    assert set(test["spec"]) <= SPEC
    assert {"PACK_LOCATION", "PACK_CAMPAIGN", "PACK_OBSERVERS"} == {row["name"] for row in test["spec"]["env"]}
    assert all(isinstance(row["value"], str) for row in test["spec"]["env"])
    assert test["spec"]["locustfile"]["configMap"]["name"] == config["metadata"]["name"]
    ast.parse(config["data"]["locustfile.py"])
    words = shlex.split(test["spec"]["args"])
    assert f"locustfile.py,{RECORDER}" in with_recorder(words)
    assert words[words.index("--expect-workers") + 1] == str(test["spec"]["workers"])
    assert pod["spec"]["shareProcessNamespace"] is True
    assert service["spec"]["selector"] == pod["metadata"]["labels"]
    assert f"http://{service['metadata']['name']}:8080" in words


def test_the_observer_of_the_pod_takes_its_options() -> None:
    test, _, pod, _ = documents("locusttest.yaml")
    script = pod["spec"]["containers"][1]["command"][2]
    line = next(line for line in script.splitlines() if " observe " in line).replace('"$pid"', "12")
    options = observe_options(shlex.split(line))
    assert options.master == f"{test['metadata']['name']}-master"  # the service that the operator makes
    assert (options.pid, options.url) == (12, "http://127.0.0.1:8080")


def test_the_services_of_compose_name_each_other_and_their_options_exist() -> None:
    (compose,) = documents("compose.yaml")
    services = compose["services"]
    assert set(services) == {"uwsgi", "master", "worker"}
    usual = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in services["uwsgi"]["entrypoint"]]
    options = observe_options(usual)
    assert options.version in load().versions
    assert (ROOT / f"stacks/{options.stack}.ini").is_file()
    for name in ("master", "worker"):
        files = with_recorder(services[name]["command"])[1].split(",")
        assert all((ROOT / file.removeprefix("/opt/uwsgi-respawn-pack/")).is_file() for file in files)
    assert "master" in services["worker"]["command"]
    assert (DEPLOY / services["master"]["build"]["context"]).resolve() == ROOT


def test_the_dockerfile_copies_what_exists() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    sources = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert {"analysis", "locustfiles", "stacks", "pyproject.toml", "uv.lock", "Makefile"} <= set(sources)
    assert all((ROOT / source).exists() for source in sources)
    code = next(line for line in lines if " -c " in line).partition(" -c ")[2]
    ast.parse(shlex.split(code)[0])


def test_the_recorder_stands_beside_the_locustfile_that_is_named_or_not() -> None:
    assert with_recorder(["--worker"]) == ["-f", f"locustfile.py,{RECORDER}", "--worker"]
    assert with_recorder(["-f", "a.py,b.py", "-u", "2"]) == ["-f", f"a.py,b.py,{RECORDER}", "-u", "2"]
