// Draws the timeline in pixels of the screen: what is readable on a wall is readable on a phone.
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const LOOKS = [["up", "look-up"], ["slow", "look-slow"], ["unknown", "look-unknown"], ["missed", "look-missed"], ["down", "look-down"]];
const SIGNS = { note: "✎", ack: "✓", mitigated: "⚑", stop: "■", guard: "!" };

function shape(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, typeof value === "number" ? value.toFixed(1) : value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function step(length, columns) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].map((s) => s * 1000);
  return steps.find((one) => length / one <= columns) || steps[steps.length - 1];
}

function tickText(ms) {
  if (ms === 0) return "0";
  const size = Math.abs(ms) / 1000;
  const text = size < 120 ? `${size} s` : size % 60 ? `${Math.floor(size / 60)}:${String(size % 60).padStart(2, "0")}` : `${size / 60} min`;
  return (ms < 0 ? "−" : "+") + text;
}

function valueText(value, unit) {
  if (value === null || value === undefined) return "—";
  if (unit === "ms") return `${Math.round(value)} ms`;
  if (unit === "ratio") return `${(value * 100).toFixed(1)} %`;
  return String(Number(value.toPrecision(4)));
}

function cut(text, most) { return text.length > most ? `${text.slice(0, most - 1)}…` : text; }

function name(into, text, y, most) {
  const label = shape("text", { class: "row", x: 0, y }, cut(text, most));
  label.append(shape("title", {}, text));
  into.append(label);
}

function lookPath(kind, x, y) {
  if (kind === 0) return `M${x.toFixed(1)} ${y - 3}v6`;
  if (kind === 1) return `M${x.toFixed(1)} ${y - 4}l3 6h-6z`;
  if (kind === 2) return `M${(x - 2.5).toFixed(1)} ${y}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0`;
  if (kind === 3) return `M${x.toFixed(1)} ${y - 5}v10`;
  return `M${(x - 3).toFixed(1)} ${y - 3}l6 6m0 -6l-6 6`;
}

const rows = {
  fault(into, fault, y, view) {
    name(into, fault.name, y + 17, view.most);
    if (fault.ordered === null) return;
    const from = view.x(fault.injected === null ? fault.ordered : fault.injected);
    const to = view.x(fault.removed === null ? view.now : fault.removed);
    const bar = shape("rect", { class: fault.removed === null ? "fault held" : "fault", x: from, y: y + 6, width: Math.max(2, to - from), height: 15, rx: 3 });
    bar.append(shape("title", {}, fault.what));
    into.append(bar);
  },
  curve(into, curve, y, view) {
    const top = y + 8, bottom = y + 70;
    name(into, curve.name, y + 32, view.most);
    into.append(shape("text", { class: curve.holds === false ? "small over" : "small", x: 0, y: y + 47 }, `now ${valueText(curve.value, curve.unit)}`));
    const cells = Object.entries(curve.series.cells).filter(([at, cell]) => cell && view.shows((Number(at) + 1) * curve.series.width_ms));
    const values = cells.flatMap(([, cell]) => cell).concat(curve.limit);
    const low = curve.unit === "ratio" ? Math.max(0, 1.02 - (1.02 - Math.min(...values)) * 1.15) : Math.min(0, ...values);
    const high = curve.unit === "ratio" ? 1.005 : Math.max(...values) * 1.12 || 1;
    const place = (value) => bottom - (value - low) / (high - low) * (bottom - top);
    const edge = place(curve.limit);
    into.append(shape("rect", { class: "band", x: view.left, y: curve.at_most ? edge : top, width: view.right - view.left, height: Math.max(0, curve.at_most ? bottom - edge : edge - top) }));
    into.append(shape("line", { class: "limit", x1: view.left, x2: view.right, y1: edge, y2: edge }));
    let path = "", before = -10;
    for (const [at, [least, most]] of cells) {
      const x = view.x((Number(at) + 0.5) * curve.series.width_ms);
      const worst = place(curve.at_most ? most : least), other = place(curve.at_most ? least : most);
      path += `${Number(at) - before > Math.max(4, 4000 / curve.series.width_ms) ? "M" : "L"}${x.toFixed(1)} ${worst.toFixed(1)}`;
      if (Math.abs(worst - other) > 1) path += `L${x.toFixed(1)} ${other.toFixed(1)}L${x.toFixed(1)} ${worst.toFixed(1)}`;
      before = Number(at);
    }
    if (path) into.append(shape("path", { class: "curve", d: path }));
    into.append(shape("text", { class: "limit-label", x: view.left + 4, y: edge + (curve.at_most ? -4 : 12) }, `limit ${valueText(curve.limit, curve.unit)}`));
  },
  look(into, lane, y, view) {
    name(into, view.several ? `${lane.probe} · ${lane.region}` : lane.region, y + 15, view.most);
    // Of several looks in one place of the screen the worst is drawn, and it is drawn last.
    const columns = new Map();
    for (const [at, worst] of Object.entries(lane.series.cells)) {
      if (worst === null || worst === undefined || !view.shows((Number(at) + 1) * lane.series.width_ms)) continue;
      const x = view.x((Number(at) + 0.5) * lane.series.width_ms);
      const column = Math.round(x / 4);
      columns.set(column, Math.max(columns.has(column) ? columns.get(column) : 0, worst));
    }
    const paths = LOOKS.map(() => "");
    for (const [column, worst] of columns) paths[worst] += lookPath(worst, column * 4, y + 11);
    paths.forEach((path, kind) => { if (path) into.append(shape("path", { class: LOOKS[kind][1], d: path })); });
  },
  alert(into, alert, y, view) {
    const middle = y + 18;
    name(into, alert.label, y + 22, view.most);
    into.append(shape("line", { class: "rail", x1: view.left, x2: view.right, y1: middle, y2: middle }));
    for (const one of alert.spans) {
      const from = view.x(one.from), to = view.x(one.to === null ? view.now : one.to);
      into.append(shape("rect", { class: one.state, x: from, y: middle - 6, width: Math.max(1, to - from), height: 12 }));
    }
    const at = (ms, d, kind) => { if (ms !== null) into.append(shape("path", { class: kind, d: `M${view.x(ms).toFixed(1)} ${middle - 6}${d}` })); };
    at(alert.notified, "l-5 -9h10z", "notice");
    at(alert.resolved, "m0 11l5 -5l-5 -5l-5 5z", "resolved");
    if (alert.ack) into.append(shape("text", { class: "sign", x: view.x(alert.ack[1]), y: middle + 5, "text-anchor": "middle" }, SIGNS.ack));
    if (alert.due && alert.due.at_ms > view.now && view.x(alert.due.at_ms) <= view.right) {
      into.append(shape("line", { class: "due", x1: view.x(alert.due.at_ms), x2: view.x(alert.due.at_ms), y1: middle - 8, y2: middle + 8 }));
    }
  },
  people(into, people, y, view) {
    name(into, "people", y + 17, view.most);
    for (const one of people.filter((one) => view.shows(one.at_ms))) {
      const sign = shape("text", { class: `sign ${one.kind}`, x: view.x(one.at_ms), y: y + 17, "text-anchor": "middle" }, SIGNS[one.kind]);
      sign.append(shape("title", {}, `${one.who ? `${one.who}: ` : ""}${one.kind === "note" ? "" : `${one.kind} `}${one.text}`));
      into.append(sign);
    }
  },
};
const HEIGHTS = { fault: 27, curve: 78, look: 22, alert: 34, people: 26 };

function drawTimeline(box, legend, state, now) {
  const width = box.clientWidth;
  if (!width || !state.head) return;
  const small = width < 560;
  const left = small ? 96 : 168, right = width - 8, top = 6;
  // Of several trials the present one is drawn.
  const start = state.progress.from_ms || 0;
  const zero = state.head.zero_ms === null ? start : state.head.zero_ms;
  const dues = state.alerts.filter((alert) => alert.due && alert.due.at_ms < now + 60000).map((alert) => alert.due.at_ms);
  const end = state.progress.ended ? Math.max(now, start + 1000) : Math.max(start + 20000, now + (now - start) * 0.03, ...dues);
  const view = { left, right, now, most: small ? 11 : 22, several: new Set(state.probes.map((lane) => lane.probe)).size > 1,
    shows: (ms) => ms > start,
    x: (ms) => left + (Math.max(start, Math.min(ms, end)) - start) / (end - start) * (right - left) };
  const list = [...state.faults.map((one) => ["fault", one]), ...state.curves.map((one) => ["curve", one]),
    ...state.probes.map((one) => ["look", one]), ...state.alerts.map((one) => ["alert", one])];
  if (state.people.length) list.push(["people", state.people]);
  const bottom = top + list.reduce((sum, [kind]) => sum + HEIGHTS[kind], 0) + 4;
  const svg = shape("svg", { class: "drawing", width, height: bottom + 24, "aria-hidden": "true" });
  const every = step(end - start, (right - left) / (small ? 64 : 84));
  for (let tick = Math.ceil((start - zero) / every) * every; tick + zero <= end; tick += every) {
    const at = view.x(tick + zero);
    svg.append(shape("line", { class: "grid", x1: at, x2: at, y1: top, y2: bottom }));
    const anchor = at > right - 24 ? "end" : at < left + 12 ? "start" : "middle";
    svg.append(shape("text", { class: "tick", x: at, y: bottom + 16, "text-anchor": anchor }, tickText(tick)));
  }
  for (const fault of state.faults.filter((fault) => fault.ordered !== null)) {
    const from = view.x(fault.effective === null ? fault.ordered : fault.effective);
    const to = view.x(fault.removed === null ? now : fault.removed);
    svg.append(shape("rect", { class: "shade", x: from, y: top, width: Math.max(0, to - from), height: bottom - top }));
  }
  let y = top;
  for (const [kind, one] of list) {
    rows[kind](svg, one, y, view);
    y += HEIGHTS[kind];
  }
  if (!state.progress.ended) svg.append(shape("line", { class: "now", x1: view.x(now), x2: view.x(now), y1: top, y2: bottom }));
  svg.append(shape("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }));
  box.replaceChildren(svg);
  box.setAttribute("aria-label", describeTimeline(state));
  if (!legend.childElementCount) drawLegend(legend);
}

function describeTimeline(state) {
  const faults = state.faults.map((fault) => `fault ${fault.name} ${fault.removed !== null ? "is removed" : fault.injected !== null ? "is in place" : "waits"}`);
  const alerts = state.alerts.map((alert) => `alert ${alert.label} is ${alert.stage}`);
  return `Timeline: ${faults.concat(alerts).join(", ")}`;
}

function drawLegend(legend) {
  const add = (made, word) => {
    const swatch = shape("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" });
    swatch.append(made);
    const item = document.createElement("li");
    item.append(swatch, word);
    legend.append(item);
  };
  LOOKS.forEach(([word, kind], at) => add(shape("path", { class: kind, d: lookPath(at, 0, 0) }), word));
  for (const word of ["pending", "firing", "suppressed"]) add(shape("rect", { class: word, x: -7, y: -5, width: 14, height: 10 }), word);
  add(shape("path", { class: "notice", d: "M0 5l-5 -9h10z" }), "notification");
  add(shape("path", { class: "resolved", d: "M0 5l5 -5l-5 -5l-5 5z" }), "resolved notice");
  add(shape("line", { class: "due", x1: 0, x2: 0, y1: -7, y2: 7 }), "predicted");
  add(shape("rect", { class: "band", x: -8, y: -6, width: 16, height: 12 }), "steady");
}
