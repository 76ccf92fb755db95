"""Episodes of a worker slot -> the spans of its lane in the picture, and its state now. Pure.

States: serving; leaving (exit begun, or ended and not yet replaced); starting (forked, not ready); hung; crashed.
"""

from workers_ui._history import began_ns

SERVING, LEAVING, STARTING, HUNG, CRASHED = "serving", "leaving", "starting", "hung", "crashed"


def spans(episodes, now_ns):
    """Return (state, begin_ns, end_ns, note) of one slot, in order. The last span ends at `now_ns`."""
    lane = []
    serving_ns = None
    for episode in episodes:
        forked_ns = episode.forked_ns
        left_ns = episode.exit_begun_ns or episode.exited_ns
        if serving_ns is not None:
            lane.append((SERVING, serving_ns, left_ns or forked_ns or now_ns, f"pid {episode.previous_pid}"))
        serving_ns = None
        if episode.outcome == "hung_at_exit":
            lane.append((HUNG, left_ns or now_ns, now_ns, f"pid {episode.previous_pid} never ended: {episode.cause}"))
            continue
        if left_ns is not None and left_ns < (forked_ns or now_ns):
            lane.append((LEAVING, left_ns, forked_ns or now_ns, f"pid {episode.previous_pid}"))
        if forked_ns is None:
            continue
        note = f"pid {episode.pid}"
        if episode.outcome == "ready":
            serving_ns = episode.ready_ns
            lane.append((STARTING, forked_ns, serving_ns, note))
        elif episode.outcome == "hung_at_fork":
            lane.append((HUNG, forked_ns, now_ns, f"{note} never became ready: {episode.cause}"))
        elif episode.outcome in ("crashed", "killed"):
            lane.append((CRASHED, forked_ns, episode.decided_ns or now_ns, f"{note} {episode.cause}"))
        else:
            lane.append((STARTING, forked_ns, now_ns, note))
    if serving_ns is not None:
        lane.append((SERVING, serving_ns, now_ns, f"pid {episodes[-1].pid}"))
    return _without_overlap(lane)


def _without_overlap(lane):
    """End each span where the next one begins: a worker that hung until it was killed has a successor."""
    cut = []
    for index, (state, begin_ns, end_ns, note) in enumerate(lane):
        if index + 1 < len(lane):
            end_ns = min(end_ns, max(begin_ns, lane[index + 1][1]))
        cut.append((state, begin_ns, end_ns, note))
    return cut


def lanes(history, now_ns, window_ns, most_spans):
    """Return the spans of all slots in the last `window_ns`, and the start of this window in seconds.

    A span is (slot, state, begin_s, end_s, note). If there are more than `most_spans`, the window becomes shorter, so
    that no span in it is left out.
    """
    origin_ns = history.origin_ns
    from_ns = max(origin_ns, now_ns - window_ns)
    in_window = []
    for slot, episodes in history.since(from_ns).items():
        for state, begin_ns, end_ns, note in spans(episodes, now_ns):
            if end_ns > from_ns and end_ns > begin_ns:
                in_window.append((begin_ns, end_ns, slot, state, note))
    if len(in_window) > most_spans:
        in_window.sort(key=lambda span: span[1])
        from_ns = in_window[-most_spans - 1][1]  # the end of the newest span that is left out
        in_window = in_window[-most_spans:]
    rows = [
        (slot, state, round((max(begin, from_ns) - origin_ns) / 1e9, 3), round((end - origin_ns) / 1e9, 3), note)
        for begin, end, slot, state, note in sorted(in_window, key=lambda span: (span[2], span[0]))
    ]
    return rows, round((from_ns - origin_ns) / 1e9, 3)


def states(history, now_ns):
    """Return (slot, state, seconds in this state, note) of every slot at `now_ns`."""
    rows = []
    for slot, episodes in history.open_episodes().items():
        last = spans(episodes, now_ns)[-1:] or [(LEAVING, began_ns(episodes[-1]), now_ns, "")]
        state, begin_ns, _, note = last[0]
        if state == CRASHED:
            note = f"{note}; no worker has replaced it"
        rows.append((slot, state, round(max(0, now_ns - begin_ns) / 1e9, 1), note))
    return rows
