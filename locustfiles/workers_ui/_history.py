"""The rows of a run that is under way -> its episodes and what they add up to, without going through all of them again.

A pure judge over `stacks.lifecycle`: bytes of events.jsonl in, numbers out; nothing here reads a file or a clock.
"""

import math
from bisect import insort
from collections import Counter
from itertools import chain

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.rates import wilson
from stacks.lifecycle.records import Event

OPEN = 2  # the newest of a slot that may still change


class History:
    """What has become of every worker slot so far."""

    def __init__(self):
        self.lifecycle = Lifecycle()
        self.begin_ns = None  # of the first row; the pictures begin with the load, once it has
        self.end_ns = None  # of the verdict: what the stop does to the workers is no news of them
        self._partial = b""
        self._closed = {}
        self._outcomes = Counter()
        self._times = []

    def feed(self, data):
        """Take in what was appended to the file; a line that is not complete waits for its rest."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            try:
                event = Event.from_json(line.decode())
            except (ValueError, KeyError, TypeError):
                continue  # the run's own reader names the line; a view goes on
            if self.begin_ns is None:
                self.begin_ns = event.t_ns
            if self.end_ns is None:
                self.lifecycle.feed(event)
            if event.kind in ("verdict", "stop"):
                self.end_ns = self.end_ns or event.t_ns

    @property
    def origin_ns(self):
        """Where the time of the pictures begins."""
        return self.lifecycle.load_begin_ns or self.begin_ns or self.lifecycle.now_ns

    def look(self):
        """Put away the episodes that can change no more; returns those that can, by slot."""
        open_ones = {}
        for slot in self.lifecycle.slots:
            closed = self._closed.setdefault(slot, [])
            episodes = self.lifecycle.slot_episodes(slot, len(closed))
            done, open_ones[slot] = episodes[:-OPEN], episodes[-OPEN:]
            for episode in done:
                self._outcomes[_trial(episode)] += 1
                if not math.isnan(episode.respawn_s):
                    insort(self._times, episode.respawn_s)
            closed += done
        return open_ones

    def episodes(self):
        """Every episode, by slot and generation."""
        open_ones = self.look()
        return [episode for slot in self.lifecycle.slots for episode in self._closed[slot] + open_ones[slot]]

    def newest(self, count):
        """The last episodes of all slots, the newest first."""
        open_ones = self.look()
        tails = (self._closed[slot][-count:] + open_ones[slot] for slot in open_ones)
        return sorted(chain(*tails), key=began_ns, reverse=True)[:count]

    def since(self, t_ns):
        """By slot, the episodes that were not over before `t_ns`, and the one before them, which was serving then."""
        found = {}
        for slot, open_ones in self.look().items():
            episodes = list(open_ones)
            for episode in reversed(self._closed[slot]):
                episodes.insert(0, episode)
                if began_ns(episode) < t_ns:
                    break
            found[slot] = episodes
        return found

    def counts(self):
        """Respawns, hung, their share with its 95 % interval, and the times from exit begun to ready."""
        open_ones = list(chain(*self.look().values()))
        outcomes = self._outcomes + Counter(map(_trial, open_ones))
        times = list(self._times)
        for episode in open_ones:
            if not math.isnan(episode.respawn_s):
                insort(times, episode.respawn_s)
        hung, first = outcomes["hung"], outcomes["hung_initial"]
        trials = hung + outcomes["back"] + first
        return {
            "respawns": hung + outcomes["back"],
            "hung": hung + first,
            "hung_initial": first,
            "trials": trials,
            "interval": wilson(hung + first, trials),
            "p50_s": quantile(times, 0.5),
            "p95_s": quantile(times, 0.95),
        }


def began_ns(episode):
    """When an episode began: its exit, else its end, else its fork."""
    return episode.exit_begun_ns or episode.exited_ns or episode.forked_ns or 0


def quantile(times, share):
    """The time within which `share` of them were back: one of the sorted values, infinity for never, None for none."""
    return times[max(0, math.ceil(share * len(times)) - 1)] if times else None


def _trial(episode):
    if episode.outcome == "hung_at_fork":
        return "hung" if episode.generation else "hung_initial"
    return "back" if episode.is_respawn else "other"
