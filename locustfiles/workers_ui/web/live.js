// Updates the Workers tab of Locust's page every second, and shows above the page why a stack did not start.
"use strict";

(() => {
  const EVERY_MS = 1000;
  let state = { phase: "", error: "", tab: "uwsgi-workers" };
  let drawnAt = "";

  const selected = () => new URL(location.href).searchParams.get("tab") === state.tab;

  // React replaces the content of <main>. So this element is put beside that content, and removed under another tab.
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
      ? `<b>✕ The stack could not be started, or it has ended.</b> ${Workers.escaped(state.error)}`
      : state.waiting
        ? "Waiting until the results of the last run are written. Then the stack starts."
        : busy
          ? `Starting <b>${Workers.name(state.choice)}</b>: ${Workers.escaped(state.words)} …`
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

  // Unfolds the fields of the stack, because the page exists for them. Hides the host, because the stack has its own.
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

  // Shows the host of the stack in Locust's header, which keeps the host of the form: each stack has a new port.
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
      // Locust has ended, and its own page says so.
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
  document.addEventListener("click", () => setTimeout(show, 100)); // the click may have changed the theme
  look();
})();
