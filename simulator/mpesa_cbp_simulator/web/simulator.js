"use strict";
// Keeps the live parts of a page as the simulator has them now; without this script a page is as true, once reloaded.
(() => {
  const content = document.getElementById("content");
  let seen = Number(content.dataset.changes);

  const key = (node) => `${node.tagName} ${node.getAttribute("href") || node.textContent}`;
  const reachable = (node) => [...node.querySelectorAll("a, button, summary, pre, [tabindex]")];

  const said = (node) => node.innerHTML.replaceAll(' open=""', "");

  function replace(old, next) {
    if (said(old) === said(next)) {
      return; // What is being clicked must not be taken away for the same again.
    }
    const open = new Set([...old.querySelectorAll("details[open]")].map((node) => node.id));
    const focused = old.contains(document.activeElement) ? key(document.activeElement) : null;
    for (const node of next.querySelectorAll("details")) {
      node.open = open.has(node.id);
    }
    old.replaceChildren(...next.childNodes);
    if (focused !== null) {
      reachable(old).find((node) => key(node) === focused)?.focus({ preventScroll: true });
    }
  }

  async function refresh() {
    const answer = await fetch(location.href);
    if (!answer.ok) {
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(old.id);
      if (next !== null) {
        replace(old, next);
      }
    }
    seen = Number(fresh.getElementById("content").dataset.changes);
  }

  async function look() {
    try {
      const answer = await fetch("/api/state");
      if (answer.ok && (await answer.json()).changes !== seen) {
        await refresh();
      }
    } catch {
      // The simulator was stopped; it is looked for again.
    }
    setTimeout(look, document.hidden ? 3000 : 500);
  }

  setTimeout(look, 300);
})();
