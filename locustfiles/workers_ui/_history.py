"""Rows of a run that is under way -> its episodes and their counts, without reading any row twice.

It uses `stacks.lifecycle` to judge. It takes bytes of events.jsonl and returns numbers; it reads no file and no clock.
"""

import math
from bisect import insort
from collections import Counter
from itertools import chain

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.rates import wilson
from stacks.lifecycle.records import Event

OPEN = 2  # the newest episodes of a slot, which may still change


class History:
    """The episodes of every worker slot so far."""

    def __init__(self):
        self.lifecycle = Lifecycle()
        self.begin_ns = None  # time of the first row
        self.end_ns = None  # time of the verdict; later rows show the stop, which is no episode of the run
        self._partial = b""
        self._closed = {}  # episodes that cannot change any more, by slot
        self._outcomes = Counter()
        self._times = []

    def feed(self, data):
        """Add bytes that were appended to the file. An incomplete line waits for its rest."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            try:
                event = Event.from_json(line.decode())
            except (ValueError, KeyError, TypeError):
                continue  # the reader of the results reports a damaged line; a live view skips it
            if self.begin_ns is None:
                self.begin_ns = event.t_ns
            if self.end_ns is None:
                self.lifecycle.feed(event)
            if event.kind in ("verdict", "stop"):
                self.end_ns = self.end_ns or event.t_ns

    @property
    def origin_ns(self):
        """The time 0 of the pictures: the start of the load, or before the load the first row."""
        return self.lifecycle.load_begin_ns or self.begin_ns or self.lifecycle.now_ns

    def open_episodes(self):
        """Return the episodes that may still change, by slot. Count the others once and keep them."""
        open_by_slot = {}
        for slot in self.lifecycle.slots:
            closed = self._closed.setdefault(slot, [])
            episodes = self.lifecycle.slot_episodes(slot, len(closed))
            newly_closed, open_by_slot[slot] = episodes[:-OPEN], episodes[-OPEN:]
            for episode in newly_closed:
                self._outcomes[_trial(episode)] += 1
                if not math.isnan(episode.respawn_s):
                    insort(self._times, episode.respawn_s)
            closed += newly_closed
        return open_by_slot

    def episodes(self):
        """Return every episode, ordered by slot and generation."""
        open_by_slot = self.open_episodes()
        return [episode for slot in self.lifecycle.slots for episode in self._closed[slot] + open_by_slot[slot]]

    def newest(self, count):
        """Return the last `count` episodes of all slots, the newest first."""
        open_by_slot = self.open_episodes()
        tails = (self._closed[slot][-count:] + open_by_slot[slot] for slot in open_by_slot)
        return sorted(chain(*tails), key=began_ns, reverse=True)[:count]

    def since(self, t_ns):
        """Return the episodes that ended after `t_ns`, by slot, and the episode before them: its worker served then."""
        by_slot = {}
        for slot, open_episodes in self.open_episodes().items():
            episodes = list(open_episodes)
            for episode in reversed(self._closed[slot]):
                episodes.insert(0, episode)
                if began_ns(episode) < t_ns:
                    break
            by_slot[slot] = episodes
        return by_slot

    def counts(self):
        """Return respawns, hangs, the 95 % interval of the hang rate, and quantiles of the respawn time."""
        open_episodes = list(chain(*self.open_episodes().values()))
        outcomes = self._outcomes + Counter(map(_trial, open_episodes))
        times = list(self._times)
        for episode in open_episodes:
            if not math.isnan(episode.respawn_s):
                insort(times, episode.respawn_s)
        hung, initial = outcomes["hung"], outcomes["hung_initial"]
        trials = hung + outcomes["back"] + initial
        return {
            "respawns": hung + outcomes["back"],
            "hung": hung + initial,
            "hung_initial": initial,
            "trials": trials,
            "interval": wilson(hung + initial, trials),
            "p50_s": quantile(times, 0.5),
            "p95_s": quantile(times, 0.95),
        }


def began_ns(episode):
    """Return when an episode began: the start of the exit, else the exit, else the fork."""
    return episode.exit_begun_ns or episode.exited_ns or episode.forked_ns or 0


def quantile(times, share):
    """Return the value that this share of the sorted `times` does not exceed: infinity is never, None is no times."""
    return times[max(0, math.ceil(share * len(times)) - 1)] if times else None


def _trial(episode):
    if episode.outcome == "hung_at_fork":
        return "hung" if episode.generation else "hung_initial"
    return "back" if episode.is_respawn else "other"
