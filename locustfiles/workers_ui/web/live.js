// Keeps the Workers tab of Locust's page up to date, and says above the page what stands in the way of a start.
"use strict";

(() => {
  const EVERY_MS = 1000;
  let state = { phase: "", error: "", tab: "uwsgi-workers" };
  let drawnAt = "";

  const selected = () => new URL(location.href).searchParams.get("tab") === state.tab;

  // React swaps what stands in <main>; ours is put beside it, and taken away when another tab is shown.
  function place() {
    const tabs = document.querySelector("main [role=tablist]");
    let element = document.getElementById("uwsgi-workers");
    if (!tabs || !selected()) {
      element?.remove();
      return null;
    }
    const container = tabs.closest(".MuiContainer-root") || tabs.parentElement;
    if (!element || element.parentElement !== container) {
      element?.remove();
      element = document.createElement("section");
      element.id = "uwsgi-workers";
      container.append(element);
      drawnAt = "";
    }
    return element;
  }

  function show() {
    const element = place();
    if (!element) return;
    const key = JSON.stringify([state, Workers.dark(), element.clientWidth]);
    if (key !== drawnAt) {
      drawnAt = key;
      Workers.draw(element, state);
    }
  }

  function banner() {
    const main = document.querySelector("main");
    if (!main) return;
    let note = document.getElementById("uwsgi-note");
    const busy = ["preparing", "starting"].includes(state.phase) && !state.over;
    const text = state.error
      ? `<b>✕ The stack could not be started or has ended.</b> ${Workers.escaped(state.error)}`
      : state.waiting
        ? "Waiting until the run before is written; then the stack is brought up."
        : busy
          ? `Bringing up <b>${Workers.name(state.choice)}</b>: ${Workers.escaped(state.words)} …`
          : "";
    if (!text) {
      note?.remove();
      return;
    }
    if (!note) {
      note = document.createElement("div");
      note.id = "uwsgi-note";
      note.setAttribute("role", "alert");
      main.prepend(note);
    }
    note.className = `w-note ${state.error ? "w-note-bad" : ""} ${Workers.dark() ? "w-dark" : "w-light"}`;
    if (note.innerHTML !== text) note.innerHTML = text;
  }

  // What is chosen here is what the page is for, so it is not left folded; the host is the chosen stack's.
  function form() {
    for (const button of document.querySelectorAll("form .MuiAccordionSummary-root:not([data-w-seen])")) {
      button.dataset.wSeen = "1";
      if (button.textContent.includes("Custom parameters") && button.getAttribute("aria-expanded") === "false") button.click();
    }
    for (const input of document.querySelectorAll("form input[name=host]")) {
      const field = input.closest(".MuiFormControl-root");
      if (field && !field.hidden) field.hidden = true;
    }
  }

  // Locust's header keeps the host that the form was sent with; the stack has a port of its own each time.
  function host() {
    if (!state.host) return;
    for (const place of document.querySelectorAll(".MuiAppBar-root p"))
      if (/^http:\/\/127\.0\.0\.1(:\d+)?$/.test(place.textContent) && place.textContent !== state.host) place.textContent = state.host;
  }

  async function look() {
    try {
      const answer = await fetch("./workers/state", { cache: "no-store" });
      if (answer.ok && !answer.redirected) state = await answer.json();
    } catch {
      // Locust has ended; its own page says so.
    }
    show();
    banner();
    host();
    setTimeout(look, EVERY_MS);
  }

  new MutationObserver(() => {
    form();
    show();
  }).observe(document.getElementById("root"), { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-selected"] });
  window.addEventListener("resize", show);
  document.addEventListener("click", () => setTimeout(show, 100)); // it may have been the theme
  look();
})();
