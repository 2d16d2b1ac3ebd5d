"use strict";
const form = document.getElementById("filter");
const all = (selector) => [...document.querySelectorAll(selector)];
const wanted = (name) => new Set([...form.querySelectorAll(`input[name=${name}]:checked`)].map((box) => box.value));

function apply() {
  const severities = wanted("severity"), roles = wanted("role"), changed = wanted("changed").size > 0;
  const findings = all(".finding");
  for (const item of [...findings, ...all(".row")]) {
    item.hidden = !(severities.has(item.dataset.severity) && roles.has(item.dataset.role));
  }
  for (const node of all(".node")) {
    node.hidden = changed && !node.querySelector(".finding:not([hidden])");
  }
  // A finding stands at every path that leads to its declaration, and is counted once.
  const number = (items) => new Set(items.map((item) => item.dataset.fingerprint)).size;
  document.getElementById("count").textContent =
    `${number(findings.filter((item) => !item.hidden))} of ${number(findings)} findings shown`;
}

// A finding in a closed branch of the tree is opened before it is gone to.
function show(item) {
  for (let around = item.parentElement; around; around = around.parentElement) {
    if (around.tagName === "DETAILS") around.open = true;
  }
  item.focus();
  item.scrollIntoView({ block: "center" });
}

function step(by) {
  const shown = all(".finding[id]").filter((item) => !item.hidden && !item.closest(".node[hidden]"));
  if (!shown.length) return;
  const here = shown.indexOf(document.activeElement);
  show(shown[here < 0 ? (by > 0 ? 0 : shown.length - 1) : (here + by + shown.length) % shown.length]);
}

form.addEventListener("change", apply);
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("open").addEventListener("click", () => all("details").forEach((item) => { item.open = true; }));
document.getElementById("close").addEventListener("click", () => all("details").forEach((item) => { item.open = false; }));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "n") step(1);
  if (event.key === "p") step(-1);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest(".list a");
  const target = link && document.getElementById(link.hash.slice(1));
  if (target) { event.preventDefault(); show(target); }
});
form.hidden = false;
apply();
