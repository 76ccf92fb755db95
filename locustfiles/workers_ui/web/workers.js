// Draws the state of uWSGI's workers (the JSON of `_view.py`) into an element, in the live tab and in a report.
"use strict";

const Workers = (() => {
  const LOOKS = {
    // state: [height as a share of the lane, text of the legend]
    serving: [0.78, "serving"],
    leaving: [0.26, "leaving: its exit has begun, and no worker has replaced it"],
    starting: [0.5, "starting: forked, but not ready yet"],
    hung: [0.78, "hung"],
    crashed: [0.5, "died before it was ready"],
  };
  const VERDICTS = { recovers: "good", invalid: "unsure", throttled: "unsure" };
  const LEFT = 46, RIGHT = 150, NARROW = 16, PLOT = 84, GAP = 30;

  const escaped = (text) =>
    String(text).replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);
  const seconds = (s) => (s === null || s === undefined ? "–" : s === "never" ? "never" : s < 10 ? `${s.toFixed(2)} s` : `${s.toFixed(1)} s`);
  const percent = (share) => `${+(100 * share).toPrecision(3)} %`;

  // Returns about `count` round numbers for an axis. With a `count` of 3 or more, at least one of them is not 0.
  function ticks(low, high, count) {
    const raw = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const numbers = [];
    for (let t = Math.ceil(low / step) * step; t <= high + 1e-9; t += step) numbers.push(+t.toFixed(6));
    return numbers;
  }

  function lanes(state, x, box) {
    const slots = [...new Set(state.slots.map((s) => s[0]))];
    const row = new Map(slots.map((slot, index) => [slot, index]));
    const middle = (slot) => box.top + (row.get(slot) + 0.5) * box.lane;
    const parts = [];
    for (const [slot, what, begin, end, note] of state.lanes) {
      const height = LOOKS[what][0] * box.lane, from = x(begin), width = Math.max(0.8, x(end) - from);
      const title = `<title>slot ${escaped(slot)}: ${what}, ${escaped(note)}, ${seconds(end - begin)}</title>`;
      const at = `x="${from.toFixed(1)}" y="${(middle(slot) - height / 2).toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"`;
      parts.push(`<rect class="w-${what}" ${at}>${title}</rect>`);
      if (what === "hung") {
        parts.push(`<rect class="w-hatch" ${at}>${title}</rect>`);
        const r = Math.min(5, box.lane * 0.3), mx = from, my = middle(slot);
        const cross = `M${mx - r} ${my - r}L${mx + r} ${my + r}M${mx - r} ${my + r}L${mx + r} ${my - r}`;
        parts.push(`<path class="w-cross-under" d="${cross}"/><path class="w-cross" d="${cross}"/>`);
      }
    }
    const every = Math.ceil(11 / box.lane);
    for (const [slot, what, since] of state.slots) {
      const y = (middle(slot) + 3.5).toFixed(1);
      if (row.get(slot) % every) continue;
      parts.push(`<text class="w-axis" text-anchor="end" x="${LEFT - 8}" y="${y}">${escaped(slot)}</text>`);
      if (box.right === RIGHT) {
        const mark = what === "hung" ? "✕ " : "";
        parts.push(`<text class="w-now w-now-${escaped(what)}" x="${box.end + 10}" y="${y}">${mark}${escaped(what)} ${seconds(since)}</text>`);
      }
    }
    return parts.join("");
  }

  // Returns the path of a step curve with one step for each second. A row is [begin, value].
  function steps(rows, x, y, base) {
    if (!rows.length) return "";
    let path = `M${x(rows[0][0]).toFixed(1)} ${base}`;
    for (const [begin, value] of rows)
      path += `L${x(begin).toFixed(1)} ${y(value).toFixed(1)}L${x(begin + 1).toFixed(1)} ${y(value).toFixed(1)}`;
    return `${path}L${x(rows[rows.length - 1][0] + 1).toFixed(1)} ${base}`;
  }

  // Returns the groups of neighbouring rows whose value is not 0.
  function runs(rows) {
    const groups = [];
    rows.forEach(([begin, value], index) => {
      if (!value) return;
      if (!index || !rows[index - 1][1]) groups.push([]);
      groups[groups.length - 1].push([begin, value]);
    });
    return groups;
  }

  function plot(state, x, box, top, label, index, also) {
    const base = top + PLOT;
    const most = Math.max(1, ...state.seconds.map((s) => Math.max(s[index], also ? s[also] : 0)));
    const high = ticks(0, most * 1.1, 3).pop() || 1;
    const scale = Math.max(high, most * 1.05);
    const y = (value) => base - (PLOT * value) / scale;
    const parts = [`<text class="w-label" x="${LEFT}" y="${top - 7}">${label}</text>`];
    for (const tick of ticks(0, scale, 3))
      parts.push(
        `<line class="w-grid" x1="${LEFT}" x2="${box.end}" y1="${y(tick)}" y2="${y(tick)}"/>` +
          `<text class="w-axis" text-anchor="end" x="${LEFT - 8}" y="${y(tick) + 3.5}">${tick}</text>`,
      );
    const rows = (i) => state.seconds.map((s) => [s[0], s[i]]);
    parts.push(`<path class="w-area" d="${steps(rows(index), x, y, base)}"/>`);
    for (const failed of also ? runs(rows(also)) : [])
      parts.push(`<path class="w-failed" d="${steps(failed, x, y, base)}"/>`);
    const last = state.seconds[state.seconds.length - 1];
    if (last && box.right === RIGHT) {
      parts.push(`<text class="w-now" x="${box.end + 10}" y="${top + 12}">${last[index]}${index === 1 ? "/s" : ""}</text>`);
      if (also && last[also])
        parts.push(`<text class="w-now w-now-hung" x="${box.end + 10}" y="${top + 28}">✕ ${last[also]} failed/s</text>`);
    }
    return parts.join("");
  }

  function picture(state, width) {
    const count = state.slots.length;
    const right = width > 760 ? RIGHT : NARROW;
    const lane = Math.max(6, Math.min(22, 420 / Math.max(1, count)));
    const box = { top: 26, lane, right, end: width - right };
    const span = Math.max(5, state.now_s - state.from_s);
    const x = (s) => LEFT + ((Math.max(s, state.from_s) - state.from_s) / span) * (box.end - LEFT);
    const first = count ? box.top + count * lane + GAP : box.top, second = first + PLOT + GAP, bottom = second + PLOT;
    const parts = count ? [`<text class="w-label" x="${LEFT}" y="16">Worker slots</text>`] : [];
    for (const tick of ticks(state.from_s, state.from_s + span, Math.max(3, width / 130)))
      parts.push(
        `<line class="w-grid" x1="${x(tick)}" x2="${x(tick)}" y1="${box.top}" y2="${bottom}"/>` +
          `<text class="w-axis" text-anchor="middle" x="${x(tick)}" y="${bottom + 17}">${tick}</text>`,
      );
    parts.push(lanes(state, x, box));
    parts.push(plot(state, x, box, first, "Requests per second: answered (area) and failed (line)", 1, 2));
    parts.push(plot(state, x, box, second, "Requests in flight", 3));
    parts.push(`<text class="w-axis" text-anchor="middle" x="${(LEFT + box.end) / 2}" y="${bottom + 34}">seconds since the load began</text>`);
    const hung = state.slots.filter((s) => s[1] === "hung").length;
    return (
      `<svg role="img" aria-label="${count} worker slots, ${hung} hung" width="${width}" height="${bottom + 42}">` +
      `<defs><pattern id="w-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
      `<line x1="0" y1="0" x2="0" y2="6"/></pattern></defs>${parts.join("")}</svg>`
    );
  }

  function legend(state) {
    const visible = new Set(state.lanes.map((l) => l[1]));
    return Object.entries(LOOKS)
      .filter(([what]) => visible.has(what))
      .map(([what, [height, words]]) => {
        const h = 14 * height, at = `x="0.5" y="${8 - h / 2}" width="25" height="${h}"`;
        const hatch = what === "hung" ? `<rect class="w-hatch" ${at}/>` : "";
        return `<span><svg width="26" height="16"><rect class="w-${what}" ${at}/>${hatch}</svg>${words}</span>`;
      })
      .join("");
  }

  function tile(title, value, more, bad) {
    return `<div class="w-tile${bad ? " w-bad" : ""}"><h3>${title}</h3><p>${escaped(value)}</p><small>${escaped(more)}</small></div>`;
  }

  function tiles(state) {
    const c = state.counts;
    const range = c.interval ? `95 %: ${percent(c.interval[0])} to ${percent(c.interval[1])}` : "no respawn yet";
    const first = c.hung_initial ? `, ${c.hung_initial} of them in the first generation` : "";
    return (
      tile("Hung", `${c.hung ? "✕ " : ""}${c.hung} of ${c.trials}`, range + first, c.hung) +
      tile("Came back", `${c.trials - c.hung}`, `of ${c.respawns} respawns`) +
      tile("Respawn time p50", seconds(c.p50_s), "from the start of the exit to ready", c.p50_s === "never") +
      tile("Respawn time p95", seconds(c.p95_s), "a hung worker counts as never", c.p95_s === "never")
    );
  }

  function verdict(state) {
    const judgement = state.verdict;
    if (!judgement) return "";
    const kind = VERDICTS[judgement.verdict] || "bad";
    const sign = { good: "✓", bad: "✕", unsure: "?" }[kind];
    const evidence = judgement.evidence ? `<code>${escaped(judgement.evidence)}</code>` : "";
    const helps = state.helps.map((sentence) => `<p>${escaped(sentence)}</p>`).join("");
    return `<div class="w-verdict w-${kind}"><b>${sign} ${escaped(judgement.verdict)}</b> ${escaped(judgement.reason)}${evidence}${helps}</div>`;
  }

  const HEADS = ["Slot", "Generation", "Outcome", "Old pid", "New pid", "Exit begun", "Exited", "Forked", "Ready", "Took", "Reason"];

  function table(state, link) {
    const rows = state.episodes.map((episode) => {
      const bad = !["ready", "undecided"].includes(episode[2]);
      const cells = episode.map((value, index) => {
        if (value === null || value === "") return "<td>–</td>";
        if (index === 2) return `<td>${bad ? "✕ " : ""}${escaped(value).replaceAll("_", " ")}</td>`;
        return `<td>${index > 4 && index < 10 && value !== "never" ? value.toFixed(3) : escaped(value)}</td>`;
      });
      return `<tr${bad ? ' class="w-bad"' : ""}>${cells.join("")}</tr>`;
    });
    const heads = HEADS.map((head) => `<th scope="col">${head}</th>`).join("");
    const csv = link ? `<a class="w-button" href="./workers/episodes.csv" download>Download CSV</a>` : "";
    return (
      `<div class="w-head"><h2>Episodes</h2><small>the newest ${state.episodes.length}; times are seconds since the load began</small>${csv}</div>` +
      `<div class="w-table"><table><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`
    );
  }

  const name = (choice) =>
    choice.url ? escaped(choice.url) : `${escaped(choice.stack)} <span>at</span> ${escaped(choice.version)}`;

  function title(state) {
    const c = state.choice;
    const threads = c.threads ? `, ${escaped(c.threads)} threads each` : "";
    const watched = c.pid ? `the pack watches its master, pid ${escaped(c.pid)}, and sends it no signal` : "only the load is recorded; with PID= of its master, its workers are shown too";
    const numbers = c.url ? watched : `${escaped(c.workers)} workers, max-requests ${escaped(c.max_requests)}${threads}`;
    return (
      `<div class="w-head"><h2>${name(c)}</h2><small>${numbers}</small>` +
      `<span class="w-phase w-phase-${escaped(state.phase)}">${escaped(state.words)}</span></div>`
    );
  }

  function dark() {
    const rgb = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g) || [255, 255, 255];
    return 0.3 * rgb[0] + 0.6 * rgb[1] + 0.1 * rgb[2] < 128;
  }

  function draw(element, state, link = true) {
    element.className = `w-workers ${dark() ? "w-dark" : "w-light"}`;
    if (!state.phase) {
      element.innerHTML = "<p>No stack has run yet. Choose a stack under <b>New</b>, and press Start.</p>";
      return;
    }
    const width = Math.max(320, element.clientWidth - 32);
    const earlier = state.from_s > 0.5 ? `<small>the last ${Math.round(state.now_s - state.from_s)} s</small>` : "";
    const page = link && state.page ? `<a href="./workers/report.html" target="_blank">the page of results</a>, ` : "";
    const results = state.over && state.directory ? `<p class="w-results">Results: ${page}<code>${escaped(state.directory)}</code></p>` : "";
    const lifecycle = state.slots.length
      ? `<div class="w-tiles">${tiles(state)}</div>`
      : "";
    const chart = state.slots.length || state.seconds.length
      ? `<div class="w-legend">${legend(state)}${earlier}</div>${picture(state, width)}`
      : "";
    const scroll = element.querySelector(".w-table")?.scrollTop || 0;
    element.innerHTML =
      title(state) + verdict(state) + lifecycle + chart + (state.slots.length ? table(state, link) : "") + results;
    const body = element.querySelector(".w-table");
    if (body) body.scrollTop = scroll;
  }

  // Draws a report from the data in its page. Locust's own script sets the theme later, so this function draws again.
  function report(id, data) {
    const element = document.getElementById(id), state = JSON.parse(document.getElementById(data).textContent);
    const again = () => draw(element, state, false);
    again();
    requestAnimationFrame(() => setTimeout(again, 0));
    window.addEventListener("resize", again);
    new MutationObserver(again).observe(document.head, { childList: true });
  }

  return { draw, dark, report, escaped, name };
})();
