// Fetches the page again and puts what is new into the old one, so that the reader's place, focus and
// selection stay as they are.
"use strict";
const EVERY_MS = 5000;
const lost = document.getElementById("lost");

function isReading() {
  const selected = window.getSelection();
  const typing = document.activeElement && document.activeElement.tagName === "INPUT";
  return document.hidden || typing || (selected && !selected.isCollapsed);
}

// The first thing in sight that has a name, and where it is.
function place() {
  for (const one of document.querySelectorAll("[data-key]")) {
    const box = one.getBoundingClientRect();
    if (box.bottom > 0 && box.height > 0) return { key: one.dataset.key, top: box.top };
  }
  return null;
}

function find(key) {
  return document.querySelector(`[data-key="${CSS.escape(key)}"]`);
}

function put(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const before = window.scrollY > 0 ? place() : null;
  const focused = document.activeElement && document.activeElement.getAttribute("href");
  document.getElementById("live").replaceWith(fresh.getElementById("live"));
  document.getElementById("read").replaceWith(fresh.getElementById("read"));
  document.title = fresh.title;
  if (focused) document.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  const after = before && find(before.key);
  if (after) window.scrollBy({ top: after.getBoundingClientRect().top - before.top, behavior: "instant" });
}

async function refresh() {
  try {
    if (!isReading()) {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      if (!isReading()) put(text);
      lost.hidden = true;
    }
  } catch {
    lost.hidden = false;
  }
  setTimeout(refresh, EVERY_MS);
}

setTimeout(refresh, EVERY_MS);
