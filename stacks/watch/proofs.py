"""Asks the lifecycle whether a followed worker is proven to hang, and says so in a sentence."""

from __future__ import annotations

from typing import Any

from stacks.lifecycle.hangs import Hangs, Proof
from stacks.observe.child import Child
from stacks.watch import view

_PLACES = {view.AT_FORK: "since it was forked", view.IN_REQUEST: "in a request", view.AT_EXIT: "at its exit"}


def proof_of(hangs: Hangs, child: Child) -> tuple[Proof | None, str]:
    """Return the proof that a worker hangs, None if there is none, and where it hangs."""
    if child.leaving_ns or not child.is_ready:
        return hangs.proof(child.pid), view.AT_EXIT if child.leaving_ns else view.AT_FORK
    proof = hangs.deadlock(child.pid)
    return proof, view.AT_EXIT if proof is not None and proof.at_exit else view.IN_REQUEST


def describe(child: Child, proof: Proof, where: str) -> str:
    """Return the sentence for people."""
    return f"worker {child.slot} (pid {child.pid}) hangs {_PLACES[where]}: {proof.text}"


def facts(hangs: Hangs, child: Child, proof: Proof, where: str, now_ns: int) -> dict[str, Any]:
    """Return the data of the change WORKER_HUNG."""
    return {
        "reason": proof.text,
        "where": where,
        "evidence": hangs.evidence([child.pid]) or "",
        "proven_s": round((now_ns - proof.since_ns) / 1e9, 3),
        "hung_s": round((now_ns - child.forked_ns) / 1e9, 3) if where == view.AT_FORK else None,
    }
