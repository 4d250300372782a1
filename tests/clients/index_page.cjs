'use strict';
// Looks at the index of a folder of drills in Chromium: index_page.cjs PLAYWRIGHT DIR
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { contrast, launch, open } = require('./page.cjs');

const [playwright, dir] = process.argv.slice(2);
const index = JSON.parse(fs.readFileSync(path.join(dir, 'index.json')));
const url = pathToFileURL(path.join(dir, 'index.html')).href;
const TEXTS = 'h1, h2, h3, p, td, th, figcaption, .pill, .figure, .what, a:not(svg a)';
const clean = (text) => text.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (mark) => `\\u{${mark.charCodeAt(0).toString(16)}}`);

const number = (text) => (text === undefined ? null : +text);

async function numbers(page) {
  const drills = await page.$$eval('#drills tbody tr', (rows) => rows.map((row) => ({
    ms: [...row.querySelectorAll('td.n')].map((cell) => cell.dataset.ms), verdict: row.querySelector('.pill').textContent,
    scenario: row.querySelector('[data-label=Scenario]').textContent, link: row.querySelector('th a')?.getAttribute('href') ?? null,
    began: row.querySelector('th').textContent.slice(0, 19) })));
  assert.strictEqual(drills.length, index.drills.length);
  index.drills.forEach((drill, row) => {
    assert.deepStrictEqual(drills[row].ms.map(number), [drill.ttn.median_ms, drill.ttr.median_ms], drill.drill);
    assert.ok(drills[row].verdict.endsWith(drill.verdict.replace('_', ' ')));
    assert.ok(drills[row].scenario.startsWith(clean(drill.scenario)));
    assert.strictEqual(drills[row].link, drill.report);
    assert.strictEqual(drills[row].began, drill.started_at.slice(0, 19).replace('T', ' '));
  });
  const drawn = await page.$$eval('figure.drawn', (all) => all.map((figure) => ({ scenario: figure.dataset.scenario, what: figure.dataset.what,
    marks: [...figure.querySelectorAll('.drill-mark')].map((mark) => ({ ...mark.dataset,
      dots: mark.querySelectorAll('.point').length, crosses: mark.querySelectorAll('.look-down').length })) })));
  assert.strictEqual(drawn.length, 2 * index.trends.length);
  for (const trend of index.trends) {
    for (const what of ['ttn', 'ttr']) {
      const figure = drawn.find((one) => one.scenario === clean(trend.scenario) && one.what === what);
      assert.strictEqual(figure.marks.length, trend.points.length);
      trend.points.forEach((point, place) => {
        const [mark, times] = [figure.marks[place], point[what]];
        assert.deepStrictEqual([number(mark.median), +mark.came, +mark.never, +mark.unknown],
          [times.median_ms, times.came, times.never, times.unknown]);
        // What never came has a cross, and no dot stands for it.
        assert.deepStrictEqual([mark.dots, mark.crosses], [times.median_ms === null ? 0 : 1, times.never > 0 ? 1 : 0]);
      });
    }
  }
  const alerts = await page.$$eval('#alerts tbody tr:not(.detail)', (rows) => rows.map((row) => [row.querySelector('td.n').dataset.ms,
    row.querySelector('.pill').textContent]));
  assert.deepStrictEqual(alerts.map(([ms]) => number(ms)), index.alerts.map((one) => ((one.state === 'proved' ? one.last : one.proved_by)?.ttn_ms ?? null)));
  const words = { proved: 'proved', failed: 'failed', never: 'never proved' };
  index.alerts.forEach((alert, row) => assert.ok(alerts[row][1].endsWith(words[alert.state])));
  const counts = await page.$$eval('.numbers .figure', (all) => all.map((one) => +one.dataset.count));
  const count = (all, wanted) => all.filter(wanted).length;
  assert.deepStrictEqual(counts, [count(index.trends, (trend) => trend.points.at(-1).verdict === 'passed'), count(index.changes, (change) => change.worse),
    count(index.alerts, (alert) => alert.state === 'proved'), count(index.alerts, (alert) => alert.state === 'failed')]);
  assert.strictEqual(await page.$$eval('#left-out tbody tr', (all) => all.length), index.left_out.length);
  assert.strictEqual(await page.$$eval('#changes tbody', (all) => all.length), index.changes.length);
}

// Every drawing has words beside it, every table heads; what scrolls can be reached by keyboard.
async function told(page) {
  const drawings = await page.$$eval('svg', (all) => all.map((svg) => [svg.getAttribute('role'), svg.getAttribute('aria-label')]));
  assert.ok(drawings.every(([role, label]) => role === 'img' && label.length > 20), JSON.stringify(drawings.slice(0, 2)));
  assert.strictEqual(await page.$$eval('.scroll:not([tabindex="0"])', (all) => all.length), 0);
  const linked = index.drills.find((drill) => drill.report);
  if (!linked) return;
  await page.focus('#drills .scroll');
  await page.keyboard.press('Tab');
  const href = await page.evaluate(() => document.activeElement.href);
  const first = index.drills.find((drill) => drill.report).report;
  assert.strictEqual(href, new URL(first, url).href);
  assert.ok(href.startsWith('file:'), href);
}

async function safe(page) {
  const [scroll, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(scroll <= inner, `the page is ${scroll} px wide on ${inner}`);
  assert.strictEqual(await page.evaluate(() => window.owned), undefined, 'text of others ran');
  assert.strictEqual(await page.$$eval('img, iframe, object, embed, script', (all) => all.length), 0);
  assert.strictEqual(await page.$$eval('a[href^=javascript], [onerror]', (all) => all.length), 0);
  assert.ok(await page.$$eval('a[href]', (all) => all.every((a) => /^(#|\.\/)/.test(a.getAttribute('href')))), 'links are relative');
}

(async () => {
  const browser = await launch(playwright);
  try {
    const grounds = [];
    for (const [width, height, colorScheme] of [[1280, 800, 'light'], [1280, 800, 'dark'], [390, 844, 'light']]) {
      const { page, wrong } = await open(browser, url, { viewport: { width, height }, colorScheme });
      await numbers(page);
      await told(page);
      await safe(page);
      await contrast(page, TEXTS);
      grounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      assert.deepStrictEqual(wrong, [], `at ${width} px, ${colorScheme}`);
      await page.close();
    }
    assert.notStrictEqual(grounds[0], grounds[1], 'dark is dark');
  } finally {
    await browser.close();
  }
})().catch((error) => { console.error(error.message); process.exit(1); });
