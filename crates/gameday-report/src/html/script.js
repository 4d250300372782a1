'use strict';
// Zoom, pan and values of the timelines. Every shape says in data-a and data-b when it is, in
// milliseconds after T0; this places it again. Without it the page is whole.
(() => {
  const STEPS = [100, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5];
  const LOOKS = ['u', 's', 'd', 'n', 'm'];
  const WORDS = { u: 'up', s: 'slow', d: 'down', n: 'unknown', m: 'missed' };
  const RANK = { u: 0, s: 1, n: 2, m: 3, d: 4 };
  const SHAPES = {
    u: 'm-2 0a2 2 0 1 0 4 0a2 2 0 1 0 -4 0', s: 'm0 -3l3 5.4h-6z', d: 'm-3 -3l6 6m0 -6l-6 6',
    n: 'm-2.8 0a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0 -5.6 0', m: 'm0 -4v8',
  };
  const LEAST = 200;
  const px = (value) => Math.round(value * 10) / 10;
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const make = (name, attributes, text) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const moment = (ms) => {
    if (ms === 0) return 'T0';
    const size = Math.abs(ms), seconds = Math.floor(size / 1000), rest = Math.floor(size % 1000 / 100);
    const sign = ms < 0 ? '−' : '+';
    if (seconds >= 600 && seconds % 60 === 0 && !rest) return `${sign}${seconds / 60} min`;
    return rest ? `${sign}${seconds}.${rest} s` : `${sign}${seconds} s`;
  };
  const exact = (ms) => `${ms < 0 ? '−' : '+'}${(Math.abs(ms) / 1000).toFixed(3)} s`;
  const said = (value, unit) => {
    if (unit === 'ratio') return `${+(value * 100).toFixed(2)} %`;
    if (unit === 'number') return `${+value.toFixed(3)}`;
    return value < 1000 ? `${Math.round(value)} ms` : `${+(value / 1000).toFixed(3)} s`;
  };
  // The last item that is not after a moment.
  const latest = (items, at) => {
    let low = 0, high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (items[middle].at <= at) low = middle + 1; else high = middle;
    }
    return low ? items[low - 1] : null;
  };

  class Timeline {
    constructor(figure) {
      this.figure = figure;
      this.svg = figure.querySelector('svg.drawing');
      this.tip = figure.querySelector('.tip');
      this.out = figure.querySelector('output');
      const data = this.svg.dataset;
      this.from = +data.from; this.to = +data.to; this.left = +data.left;
      this.top = +data.top; this.bottom = +data.bottom; this.height = +data.height;
      this.zero = data.zero ? Date.parse(data.zero) : null;
      this.view = [this.from, this.to];
      this.read();
      this.listen();
      this.fit();
    }

    read() {
      const all = (selector) => [...this.svg.querySelectorAll(selector)];
      this.looks = all('g[data-looks]').map((group) => {
        let at = 0;
        const items = [...group.dataset.looks.matchAll(/([a-z])(-?\d+)/g)].map(([, kind, step]) => ({ at: at += +step, kind }));
        return { items, y: +group.dataset.y, paths: [...group.querySelectorAll('path')] };
      });
      this.curves = all('path[data-curve]').map((path) => {
        let at = 0;
        const [from, to, start, end] = path.dataset.scale.split(' ').map(Number);
        const items = path.dataset.curve.split(' ').map((pair) => {
          const [step, value] = pair.split(',');
          return { at: at += +step, value: value === '' ? null : +value };
        });
        const place = (value) => (to === from ? start : start + (value - from) / (to - from) * (end - start));
        return { items, path, place, unit: path.dataset.unit };
      });
      this.spots = all('[data-a]').map((element) => ({
        element, kind: element.tagName, a: +element.dataset.a, b: element.dataset.b === undefined ? null : +element.dataset.b,
        y: element.dataset.y, dx: +(element.dataset.dx || 0), fit: 'fit' in element.dataset,
      }));
      this.full = all('[data-full]');
      this.rights = all('[data-right]');
      this.marks = this.svg.querySelector('.marks');
      this.notches = (this.marks.dataset.notches || '').split(';').filter(Boolean).map((text) => {
        const [name, at] = text.split(' ');
        return { name, at: +at };
      });
      this.axis = this.svg.querySelector('.axis');
      this.cursor = this.svg.querySelector('.cursor');
      this.names = all('text.row').map((text) => ({ text, all: text.querySelector('title').textContent }));
      const notes = all('text.small');
      this.names.forEach((name, index) => { name.note = notes[index]; });
      const names = this.names.map((name) => name.all);
      // Rows in order: the tracks, of which the first may be the stages, which have no name.
      const tracks = all('g.track');
      this.rows = tracks.slice(tracks.length - names.length).map((track, index) => ({
        name: names[index],
        looks: this.looks.find((lane) => track.contains(lane.paths[0])),
        curve: this.curves.find((curve) => track.contains(curve.path)),
        spans: [...track.querySelectorAll('rect[data-state]')].map((rect) => ({ from: +rect.dataset.a, to: +rect.dataset.b, state: rect.dataset.state })),
        words: [...track.querySelectorAll('[data-word]')].map((path) => ({ at: +path.dataset.a, word: path.dataset.word })),
      }));
    }

    // The drawing is as wide as its place, so that letters keep their size on a phone.
    fit() {
      const width = this.svg.parentElement.clientWidth || 1000;
      this.width = Math.min(width, 1000) < 820 ? Math.max(width, 280) : 1000;
      this.right = this.width - this.left;
      this.svg.setAttribute('viewBox', `0 0 ${this.width} ${this.height}`);
      this.svg.classList.add('live');
      for (const { text, all, note } of this.names) {
        const room = Math.max(Math.floor((this.right - this.left - note.firstChild.length * 6 - 10) / 7.2), 8);
        text.firstChild.data = all.length > room ? `${all.slice(0, room - 1)}…` : all;
      }
      this.draw();
    }

    place(at) {
      const [from, to] = this.view;
      return this.left + (at - from) / Math.max(to - from, 1) * (this.right - this.left);
    }

    at(x) {
      const [from, to] = this.view;
      return from + (x - this.left) / (this.right - this.left) * (to - from);
    }

    draw() {
      const [from, to] = this.view;
      for (const spot of this.spots) {
        const left = this.place(clamp(spot.a, from - (to - from), to + (to - from)));
        if (spot.kind === 'rect') {
          const right = this.place(clamp(spot.b, from - (to - from), Math.min(this.to, to + (to - from))));
          spot.element.setAttribute('x', px(left));
          spot.element.setAttribute('width', px(Math.max(right - left, spot.b < from || spot.a > to ? 0 : 1)));
        } else if (spot.kind === 'text') {
          const start = Math.max(left, this.left) + spot.dx, end = Math.min(this.place(spot.b), this.right);
          spot.element.setAttribute('x', px(start));
          if (spot.fit) spot.element.setAttribute('visibility', end - start < spot.element.textContent.length * 6.5 + 4 ? 'hidden' : 'visible');
        } else {
          spot.element.setAttribute('transform', `translate(${px(left)} ${spot.y})`);
        }
      }
      for (const element of this.full) {
        if (element.tagName === 'rect') element.setAttribute('width', px(this.right - this.left));
        else element.setAttribute('x2', px(this.right));
      }
      for (const text of this.rights) text.setAttribute('x', px(this.right));
      this.svg.querySelector('[data-clip]').setAttribute('width', px(this.right - this.left + 12));
      this.looks.forEach((lane) => this.drawLooks(lane));
      this.curves.forEach((curve) => this.drawCurve(curve));
      this.drawAxis();
      this.drawMarks();
      this.svg.dataset.viewFrom = Math.round(from);
      this.svg.dataset.viewTo = Math.round(to);
    }

    // Of each two pixels the worst look.
    drawLooks(lane) {
      const paths = { u: '', s: '', d: '', n: '', m: '' };
      const shown = new Map();
      for (const look of lane.items) {
        const x = this.place(look.at);
        if (x < this.left - 6 || x > this.right + 6) continue;
        const bucket = Math.floor(x / 2.5), kept = shown.get(bucket);
        if (!kept || RANK[look.kind] > RANK[kept.kind]) shown.set(bucket, { x, kind: look.kind });
      }
      for (const { x, kind } of shown.values()) paths[kind] += `M${px(x)} ${lane.y}${SHAPES[kind]}`;
      LOOKS.forEach((kind, index) => lane.paths[index].setAttribute('d', paths[kind]));
    }

    // Of each pixel the smallest and the largest value, in their order.
    drawCurve(curve) {
      let text = '', pen = 'M', bucket = null, low = null, high = null;
      const flush = () => {
        if (!low) return;
        for (const item of low.at < high.at ? [low, high] : low === high ? [low] : [high, low]) {
          text += `${pen}${px(this.place(item.at))} ${px(curve.place(item.value))}`;
          pen = 'L';
        }
        low = high = null;
      };
      const margin = (this.view[1] - this.view[0]) * 0.1;
      for (const item of curve.items) {
        if (item.at < this.view[0] - margin || item.at > this.view[1] + margin) continue;
        if (item.value === null) { flush(); pen = 'M'; bucket = null; continue; }
        const here = Math.floor(this.place(item.at));
        if (here !== bucket) flush();
        bucket = here;
        if (!low || item.value < low.value) low = item;
        if (!high || item.value > high.value) high = item;
      }
      flush();
      curve.path.setAttribute('d', text);
    }

    drawAxis() {
      const [from, to] = this.view, room = Math.max(Math.floor((this.right - this.left) / 84), 2);
      const step = STEPS.find((one) => (to - from) / one <= room) || (to - from) / room;
      this.axis.replaceChildren();
      for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) {
        const x = px(this.place(tick));
        this.axis.append(make('line', { class: 'grid', x1: x, x2: x, y1: this.top, y2: this.bottom }));
        const anchor = x > this.right - 20 ? 'end' : x < this.left + 14 ? 'start' : 'middle';
        this.axis.append(make('text', { class: 'tick', x, y: this.bottom + 16, 'text-anchor': anchor }, moment(Math.round(tick))));
      }
    }

    // Near marks share a label, others go up a line, as in the page without its script.
    drawMarks() {
      const labels = [];
      for (const notch of this.notches) {
        const x = this.place(notch.at), last = labels[labels.length - 1];
        if (x < this.left - 1 || x > this.right + 1) continue;
        if (last && x - last.x < 5) last.text += ` ${notch.name}`;
        else labels.push({ text: notch.name, x });
      }
      const ends = [], lines = Math.max(Math.floor((this.top - 8) / 15), 1);
      this.marks.replaceChildren();
      for (const label of labels) {
        const width = label.text.length * 7;
        label.left = clamp(label.x - width / 2, this.left, Math.max(this.right - width, this.left));
        let level = ends.findIndex((end) => end + 6 <= label.left);
        // Where no line is free the mark stands without its label, until there is room.
        const free = level >= 0 || ends.length < lines;
        if (level < 0) level = Math.min(ends.length, lines - 1);
        if (free) ends[level] = label.left + width;
        const y = this.top - 5 - 15 * level;
        this.marks.append(make('line', { class: 'mark', x1: px(label.x), x2: px(label.x), y1: y + 2, y2: this.bottom }));
        if (free) this.marks.append(make('text', { class: 'mark-label', x: px(label.left), y }, label.text));
      }
    }

    look(from, to) {
      const width = clamp(to - from, Math.min(LEAST, this.to - this.from), this.to - this.from);
      const start = clamp(from, this.from, this.to - width);
      this.view = [start, start + width];
      this.draw();
      if (this.shown !== undefined) this.show(this.shown);
    }

    zoom(factor, at) {
      const [from, to] = this.view, middle = at === undefined ? this.shown ?? (from + to) / 2 : at;
      this.look(middle - (middle - from) / factor, middle + (to - middle) / factor);
    }

    pan(share) {
      const [from, to] = this.view, step = (to - from) * share;
      this.look(from + step, to + step);
    }

    // What there is at a moment, in words.
    lines(at) {
      const lines = [];
      for (const row of this.rows) {
        const text = this.valueOf(row, at);
        if (text) lines.push([row.name, text]);
      }
      return lines;
    }

    valueOf(row, at) {
      if (row.curve) {
        const item = latest(row.curve.items, at);
        return item && item.value !== null ? said(item.value, row.curve.unit) : 'no value';
      }
      if (row.looks) {
        const item = latest(row.looks.items, at);
        return item ? WORDS[item.kind] : 'no look';
      }
      const near = row.words.filter((item) => Math.abs(this.place(item.at) - this.place(at)) < 9).map((item) => item.word.slice(0, 120));
      if (near.length) return near.join('; ');
      const states = row.spans.filter((span) => span.from <= at && at < span.to).map((span) => span.state);
      return states.length ? states.join(', ') : null;
    }

    show(at) {
      at = Math.round(clamp(at, this.view[0], this.view[1]));
      this.shown = at;
      const x = this.place(at);
      for (const [key, value] of [['x1', x], ['x2', x]]) this.cursor.setAttribute(key, px(value));
      this.cursor.setAttribute('visibility', 'visible');
      const clock = this.zero === null ? '' : new Date(this.zero + at).toISOString().slice(11, 23) + ' UTC';
      const lines = this.lines(at);
      this.tip.replaceChildren();
      const head = document.createElement('strong');
      head.textContent = `${exact(at)}  ${clock}`;
      this.tip.append(head);
      for (const [name, text] of lines) {
        const line = document.createElement('div'), value = document.createElement('span');
        line.textContent = name;
        value.textContent = text;
        line.append(value);
        this.tip.append(line);
      }
      this.tip.hidden = false;
      const scroll = this.svg.parentElement, box = this.svg.getBoundingClientRect(), outer = this.figure.getBoundingClientRect();
      const left = box.left - outer.left + x / this.width * box.width, room = scroll.clientWidth;
      this.tip.style.top = `${box.top - outer.top + this.top}px`;
      this.tip.style.left = `${clamp(left + (left > room / 2 ? -this.tip.offsetWidth - 12 : 12), 0, Math.max(room - this.tip.offsetWidth, 0))}px`;
      return `${exact(at)}: ${lines.map((line) => line.join(' ')).join(', ')}`;
    }

    hide() {
      this.shown = undefined;
      this.tip.hidden = true;
      this.cursor.setAttribute('visibility', 'hidden');
    }

    listen() {
      const tools = this.figure.querySelector('.tools'), scroll = this.svg.parentElement;
      tools.hidden = false;
      tools.addEventListener('click', (event) => this.command(event.target.dataset.do));
      scroll.setAttribute('aria-label', 'Timeline, drawn; plus and minus zoom, arrows move, 0 shows all');
      scroll.addEventListener('keydown', (event) => this.key(event));
      scroll.addEventListener('blur', () => this.hide());
      const x = (event) => {
        const box = this.svg.getBoundingClientRect();
        return (event.clientX - box.left) / box.width * this.width;
      };
      const fingers = new Map();
      this.svg.addEventListener('wheel', (event) => {
        if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;
        event.preventDefault();
        if (event.shiftKey) this.pan((event.deltaY || event.deltaX) / 1000);
        else this.zoom(Math.exp(-event.deltaY / 300), this.at(x(event)));
      }, { passive: false });
      this.svg.addEventListener('dblclick', (event) => this.zoom(2, this.at(x(event))));
      this.svg.addEventListener('pointerdown', (event) => {
        fingers.set(event.pointerId, x(event));
        this.svg.setPointerCapture(event.pointerId);
      });
      this.svg.addEventListener('pointermove', (event) => {
        const here = x(event), before = fingers.get(event.pointerId);
        if (before === undefined) { this.show(this.at(here)); return; }
        const moved = this.at(before) - this.at(here);
        if (fingers.size === 1) {
          if (this.view[1] - this.view[0] < this.to - this.from) this.look(this.view[0] + moved, this.view[1] + moved);
          else this.show(this.at(here));
        } else {
          const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
          const factor = Math.abs(here - other) / Math.max(Math.abs(before - other), 1);
          if (factor > 0) this.zoom(factor, this.at(other));
        }
        fingers.set(event.pointerId, here);
      });
      const up = (event) => fingers.delete(event.pointerId);
      this.svg.addEventListener('pointerup', up);
      this.svg.addEventListener('pointercancel', up);
      this.svg.addEventListener('pointerleave', (event) => { up(event); this.hide(); });
      new ResizeObserver(() => this.fit()).observe(scroll);
    }

    command(what) {
      if (what === 'in') this.zoom(2);
      if (what === 'out') this.zoom(0.5);
      if (what === 'left') this.pan(-0.25);
      if (what === 'right') this.pan(0.25);
      if (what === 'all') this.look(this.from, this.to);
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = (this.view[1] - this.view[0]) / 100;
      const walk = (by) => {
        const at = (this.shown ?? (this.view[0] + this.view[1]) / 2) + by;
        if (at < this.view[0]) this.pan(-0.25);
        if (at > this.view[1]) this.pan(0.25);
        this.out.textContent = this.show(at);
      };
      const keys = {
        '+': () => this.zoom(2), '=': () => this.zoom(2), '-': () => this.zoom(0.5), '0': () => this.look(this.from, this.to),
        ArrowLeft: () => (event.shiftKey ? this.pan(-0.25) : walk(-step)), ArrowRight: () => (event.shiftKey ? this.pan(0.25) : walk(step)),
        Home: () => this.look(this.from, this.from + this.view[1] - this.view[0]), End: () => this.look(this.to - this.view[1] + this.view[0], this.to), Escape: () => this.hide(),
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    }
  }

  const timelines = [...document.querySelectorAll('figure[data-timeline]')].map((figure) => new Timeline(figure));
  // What is folded is printed too, but for trials that nobody opened; timelines are printed whole.
  addEventListener('beforeprint', () => {
    document.querySelectorAll('details:not(.trial)').forEach((details) => { details.open = true; });
    for (const timeline of timelines) { timeline.hide(); timeline.look(timeline.from, timeline.to); }
  });
  document.querySelectorAll('details').forEach((details) => details.addEventListener('toggle', () => timelines.forEach((timeline) => timeline.fit())));
})();
