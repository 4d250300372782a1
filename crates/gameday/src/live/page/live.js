// Keeps the state of the drill as the server tells it, and shows it. All text goes in as text, never as markup.
"use strict";
const MOST_LINES = 400;
const byId = (id) => document.getElementById(id);
const meta = (name) => document.querySelector(`meta[name="${name}"]`).content;
const state = { head: null, progress: {}, faults: [], curves: [], probes: [], alerts: [], trials: [], people: [], sweep: null };
// The drill's clock: `now_ms` was true at `at` of our own.
const clock = { now_ms: 0, at: 0, speed: 1, runs: false };
let session = null;
let source = null;
let stale = true;

function now() {
  if (!clock.runs) return clock.now_ms;
  // Events come at least once a second: a clock that nobody tells anything any more stands still.
  const passed = Math.min(performance.now() - clock.at, 3000);
  return clock.now_ms + passed * clock.speed;
}

function series(old, news) {
  const cells = news.whole || !old ? [] : old.cells;
  for (const [at, value] of news.cells) cells[at] = value;
  return { width_ms: news.width_ms, cells };
}

function put(list, changes) {
  for (const [at, value] of changes || []) {
    if (value.series) value.series = series(list[at] && list[at].series, value.series);
    list[at] = value;
  }
}

function append(list, news) {
  list.push(...(news || []));
  if (list.length > MOST_LINES) list.splice(0, list.length - MOST_LINES);
}

function take(said) {
  if (session && session !== said.session) return location.reload();
  session = said.session;
  const view = said.view;
  if (view.head) state.head = view.head;
  if (view.progress) state.progress = view.progress;
  for (const part of ["faults", "curves", "probes", "alerts", "trials"]) put(state[part], view[part]);
  state.sweep = said.sweep;
  if (!state.head) say("title", "Waiting for the drill");
  append(state.people, view.people);
  const over = said.over || Boolean(state.progress.ended);
  Object.assign(clock, { now_ms: view.now_ms, at: performance.now(), speed: said.speed, runs: !over });
  state.over = said.over;
  // Nothing more will come, and the server may go.
  if (said.over && state.progress.ended && !more()) source.close();
  byId("broken").hidden = !said.broken;
  byId("broken").textContent = said.broken || "";
  byId("people").hidden = said.over || Boolean(state.progress.ended) || said.speed !== 1;
  if (view.log) showLog(view.log);
  stale = true;
}

// Another drill of the sweep comes after this one; it begins a page of its own.
function more() { return Boolean(state.sweep && state.sweep.more && !state.progress.stopped); }

function connect() {
  source = new EventSource("/events");
  source.onopen = () => { byId("lost").hidden = true; };
  source.onmessage = (message) => { byId("lost").hidden = true; take(JSON.parse(message.data, shown)); };
  source.onerror = () => {
    // A drill that has ended takes its page with it.
    const last = state.progress.ended && !more();
    if (!last) byId("lost").hidden = false;
    clock.runs = false;
    if (source.readyState === EventSource.CLOSED && !last) {
      // Refused for good, by another server or without its password: the page asks for itself again.
      setTimeout(() => location.reload(), 2000);
    } else if (last) {
      source.close();
      byId("note").textContent = "this page is no longer served; see it again: gameday watch --page";
    }
  };
}

// Marks that turn letters around are shown as escapes, as everywhere; an ack names its alert as it is.
function shown(key, value) {
  if (typeof value !== "string" || key === "alert") return value;
  return value.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (mark) => `\\u{${mark.charCodeAt(0).toString(16)}}`);
}

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) if (value) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

function span(ms) {
  const size = Math.abs(ms);
  if (size < 60000) return `${(size / 1000).toFixed(size < 9950 ? 1 : 0)} s`;
  return `${Math.floor(size / 60000)} min ${String(Math.floor(size / 1000) % 60).padStart(2, "0")} s`;
}

function offset(ms) {
  const zero = state.head && state.head.zero_ms !== null ? state.head.zero_ms : 0;
  const after = ms - zero;
  return `${after < 0 ? "−" : "+"}${span(after)}`;
}

function until(due) {
  const left = due.at_ms - now();
  const range = due.latest_ms === null ? " at the earliest" : due.latest_ms - due.at_ms > 100 ? ` to ${span(due.latest_ms - now())}` : "";
  return left >= 0 ? `${due.what} due in ${span(left)}${range}` : `${due.what} was predicted ${span(left)} ago`;
}

function alertCard(alert) {
  const words = { inactive: "inactive", pending: "pending", firing: "firing", notified: "notified", resolved: "resolved" };
  const muted = alert.spans.some((one) => one.to === null && one.state === "suppressed");
  const details = [];
  const over = alert.over_ms !== null;
  if (over) details.push(`${alert.stage} from ${offset(alert.since_ms)} to ${offset(alert.over_ms)}, nobody was told`);
  else if (alert.stage !== "inactive") details.push(`since ${offset(alert.since_ms)}`);
  if (alert.ttn_ms !== null) details.push(`notified ${span(alert.ttn_ms)} after the fault took effect`);
  if (alert.due && !state.progress.ended) details.push(until(alert.due));
  if (alert.never) details.push(`predicted never: ${alert.never}`);
  if (alert.limit_ms !== null && alert.notified === null && !state.progress.ended) {
    const left = alert.limit_ms - now();
    details.push(left >= 0 ? `${span(left)} left of its limit` : `over its limit by ${span(left)}`);
  }
  if (alert.ack) details.push(`acknowledged by ${alert.ack[0]} at ${offset(alert.ack[1])}`);
  const button = element("button", { type: "button", class: "ack", "data-alert": alert.alert }, "Ack");
  const fired = alert.stage === "firing" || alert.stage === "notified";
  const stage = over ? "inactive" : alert.stage;
  return element("li", { class: `alert ${muted ? "muted" : stage}` },
    element("span", { class: "pill" }, muted ? "silenced" : words[stage]),
    element("span", { class: "name" }, alert.label, alert.expected ? null : element("small", {}, " not expected")),
    element("span", { class: "detail" }, details.join(" · ")),
    fired && !alert.ack && !byId("people").hidden ? button : null);
}

function probeCard(lane) {
  const word = lane.last || "waiting";
  return element("li", { class: `look ${word}` },
    element("span", { class: "pill" }, word),
    element("span", { class: "name" }, `${lane.probe} · ${lane.region}`),
    element("span", { class: "detail" }, lane.last ? `since ${offset(lane.since_ms)}` : "", lane.last !== "up" && lane.message ? `: ${lane.message}` : ""));
}

// Replaces a list unless it would stay as it is: a button that somebody is about to press must not go away.
function fill(id, items) {
  const list = byId(id);
  items.forEach((item, at) => {
    const old = list.children[at];
    if (!old) list.append(item);
    else if (old.outerHTML !== item.outerHTML) {
      const held = old.contains(document.activeElement) && item.querySelector("button");
      old.replaceWith(item);
      if (held) item.querySelector("button").focus();
    }
  });
  while (list.children.length > items.length) list.lastChild.remove();
}

function say(id, text) { if (byId(id).textContent !== text) byId(id).textContent = text; }

function showHead() {
  const { head, progress } = state;
  if (!head) return;
  say("drill", `${head.drill}${head.lab ? ` · lab ${head.lab}` : ""}${clock.speed !== 1 ? ` · ${clock.speed} times as fast` : ""}`);
  say("title", head.title);
  document.title = `${progress.ended || progress.stage || "gameday"} · ${head.title}`;
  byId("hypothesis").hidden = !head.hypothesis;
  say("hypothesis", head.hypothesis || "");
  say("stage", progress.ended || (progress.stopped ? "stopping" : progress.stage) || "…");
  const tone = progress.ended === "completed" ? "good" : progress.ended || progress.stopped ? "bad" : progress.stage === "faults" ? "hot" : "";
  byId("state").className = `state ${tone}`;
  const since = progress.trial ? `${span(now() - progress.from_ms)} since trial ${progress.trial[0]} began` : `${span(now())} since the drill began`;
  say("clock", head.zero_ms === null ? since : `${span(now() - head.zero_ms)} after the first fault`);
  const held = state.faults.filter((fault) => fault.injected !== null && fault.removed === null);
  const left = (fault) => fault.until_mitigated ? "until mitigated" : `${span(Math.max(0, fault.injected + fault.hold_ms - now()))} more`;
  if (!progress.ended && !state.over) say("note", held.map((fault) => `${fault.name}: ${left(fault)}`).join(" · "));
  else if (!progress.ended) say("note", "the journal ends here: the process that wrote it is gone (gameday heal)");
}

function showEnding() {
  const { progress, faults } = state;
  const shown = progress.stopped || progress.rollback || progress.ended;
  byId("ending").hidden = !shown;
  if (!shown) return;
  say("ending-title", progress.stopped ? `${progress.ended ? "Stopped" : "Stopping"}: ${progress.stopped}` : "Rollback");
  const lines = faults.filter((fault) => fault.ordered !== null).map((fault) => {
    if (fault.error) return ["bad", `${fault.name}: ${fault.error}`];
    return fault.removed !== null ? ["good", `${fault.name}: removed at ${offset(fault.removed)}`] : ["wait", `${fault.name}: is being removed`];
  });
  if (progress.rollback) {
    const word = progress.rollback.verified ? "rollback verified" : "ROLLBACK NOT VERIFIED: gameday heal";
    lines.push([progress.rollback.verified ? "good" : "bad", [word, ...progress.rollback.details].join(" · ").replaceAll("`", "")]);
  } else if (lines.length && !progress.ended) lines.push(["wait", "the rollback is not verified yet"]);
  if (progress.ended) lines.push([progress.ended === "completed" ? "good" : "bad", `the drill ${progress.ended === "completed" ? "completed" : `was ${progress.ended}`}`]);
  const sign = { good: "✓ ", bad: "✕ ", wait: "… " };
  fill("ending-list", lines.map(([tone, text]) => element("li", { class: tone }, sign[tone] + text)));
}

// Which point and trial it is, and what those before came to.
function showAround() {
  const { progress, trials, sweep } = state;
  byId("around").hidden = !sweep && !progress.trial;
  const trial = progress.trial && `trial ${progress.trial[0]} of ${progress.trial[1]}`;
  const title = [sweep && sweep.point, trial].filter(Boolean).join(" · ");
  say("around-title", title.charAt(0).toUpperCase() + title.slice(1));
  const items = (sweep ? sweep.earlier : []).map((text) => element("li", { class: "point" }, text));
  for (const row of trials) items.push(trialItem(row));
  fill("around-list", items);
}

function trialItem(row) {
  const came = row.alerts.map((alert) => `${alert.label} ${alertCame(alert)}`).join(" · ");
  const text = row.ended_ms === null ? state.progress.stage || "begins" : came || "over";
  const missed = row.alerts.some((alert) => alert.in_time === false || alert.stage === "inactive");
  return element("li", { class: row.ended_ms === null ? "now" : missed ? "bad" : "good" },
    element("span", { class: "number" }, `trial ${row.number}`), text);
}

function alertCame(alert) {
  if (alert.stage === "inactive") return "never came";
  if (alert.stage === "pending") return "was pending only";
  if (alert.stage === "firing") return "fired, and nobody was notified";
  const late = alert.in_time === false ? ", late" : "";
  return alert.ttn_ms === null ? "was notified" : `was notified after ${span(alert.ttn_ms)}${late}`;
}

function showLog(news) {
  const list = byId("log");
  for (const line of news) list.prepend(element("li", {}, line.text));
  while (list.children.length > MOST_LINES) list.lastChild.remove();
}

function show() {
  showHead();
  showEnding();
  showAround();
  fill("alerts", state.alerts.map(alertCard));
  byId("no-alerts").hidden = state.alerts.length > 0;
  fill("probes", state.probes.map(probeCard));
  drawTimeline(byId("picture"), byId("legend"), state, now());
}

async function send(word, described) {
  say("answer", "…");
  try {
    const answer = await fetch("/say", {
      method: "POST",
      headers: { "content-type": "application/json", "gameday-page": meta("gameday-page") },
      body: JSON.stringify({ who: byId("who").value.trim() || meta("gameday-who"), word }),
      signal: AbortSignal.timeout(15000),
    });
    const told = answer.headers.get("content-type") === "application/json" ? await answer.json() : { error: await answer.text() };
    say("answer", told.answer || `not taken: ${told.error}`);
    return answer.ok;
  } catch {
    say("answer", `${described} was not heard: no answer`);
    return false;
  }
}

function listen() {
  const who = byId("who");
  try { who.value = localStorage.getItem("gameday-who") || meta("gameday-who"); } catch { who.value = meta("gameday-who"); }
  who.addEventListener("change", () => { try { localStorage.setItem("gameday-who", who.value); } catch { /* a private window */ } });
  byId("note-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = byId("note-text");
    if (text.value.trim() && await send({ note: text.value }, "the note")) text.value = "";
  });
  byId("mitigated").addEventListener("click", () => send("mitigated", "that"));
  byId("alerts").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-alert]");
    if (button) send({ ack: button.dataset.alert }, "the ack");
  });
  const sure = byId("sure");
  byId("stop").addEventListener("click", () => sure.showModal());
  byId("sure-no").addEventListener("click", () => sure.close());
  byId("sure-yes").addEventListener("click", () => { sure.close(); send("stop", "the stop"); });
}

listen();
connect();
// Countdowns go on between events; a page that nobody sees is not drawn.
setInterval(() => {
  if (document.hidden || (!stale && !clock.runs)) return;
  stale = false;
  show();
}, 250);
window.addEventListener("resize", () => { stale = true; });
