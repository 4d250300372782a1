'use strict';
// Looks at a drill's report in Chromium: report_page.cjs PLAYWRIGHT DRILL_DIR
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { contrast, launch, open } = require('./page.cjs');

const [playwright, drill] = process.argv.slice(2);
const report = JSON.parse(fs.readFileSync(path.join(drill, 'report.json')));
const url = pathToFileURL(path.join(drill, 'report.html')).href;
const TEXTS = 'h1, h2, p, td, th, dt, dd, .pill, .figure, .what, a, summary';

async function numbers(page) {
  const alert = report.trials[0].alerts[0], trial = report.trials[0];
  const shown = await page.$$eval('.number .figure', (all) => all.map((one) => (one.dataset.ms === undefined ? one.textContent.trim() : +one.dataset.ms)));
  // Sooner than the probes look again is known to lie within one look.
  const healed = trial.self_heal_ms < trial.look_ms ? `0 ms to ${(trial.look_ms / 1000).toFixed(1)} s` : trial.self_heal_ms;
  const said = [alert.ack && alert.ack.tta_ms, trial.mitigation && trial.mitigation.ttm_ms].filter((ms) => typeof ms === 'number');
  assert.deepStrictEqual(shown, [alert.ttd_ms, alert.ttn_ms, ...said, trial.ttr_ms, healed, alert.hang_over_ms]);
  const stages = await page.$$eval('.stages tbody tr', (rows) => rows.map((row) => row.querySelectorAll('td.n')[1].textContent));
  const exact = (ms) => (ms === null ? '—' : `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')} s`);
  assert.deepStrictEqual(stages, ['scrape', 'rule', 'hold', 'hand_off', 'group'].map((name) => exact(alert.stages_ms[name])));
  assert.strictEqual(await page.$$eval('.briefing dt', (all) => all.length), trial.briefing.length);
  assert.strictEqual(await page.$$eval('#log tbody tr', (all) => all.length), trial.log.length);
  assert.match(await page.textContent('.verdict .word'), new RegExp(report.verdict.replace('_', ' '), 'i'));
}

async function keys(page) {
  const view = () => page.$eval('svg.drawing', (svg) => [+svg.dataset.viewFrom, +svg.dataset.viewTo]);
  const whole = await view();
  const curve = () => page.$eval('path[data-curve]', (path) => path.getAttribute('d'));
  const before = await curve();
  await page.focus('#timeline .scroll');
  await page.keyboard.press('+');
  await page.keyboard.press('+');
  const near = await view();
  assert.ok(Math.abs((near[1] - near[0]) * 4 - (whole[1] - whole[0])) < 10, `${near} of ${whole}`);
  assert.notStrictEqual(await curve(), before, 'the curve is drawn again');
  await page.keyboard.press('Shift+ArrowLeft');
  assert.ok((await view())[0] < near[0], 'it moved to the left');
  await page.keyboard.press('ArrowRight');
  assert.match(await page.textContent('#timeline output'), /s: /, 'values are told');
  assert.ok(await page.isVisible('#timeline .tip'));
  await page.keyboard.press('0');
  assert.deepStrictEqual(await view(), whole);
  // With the mouse: values where it is, and the middle of the picture by ctrl and wheel.
  const drawing = await page.$('svg.drawing');
  await drawing.scrollIntoViewIfNeeded();
  const box = await drawing.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  assert.match(await page.textContent('#timeline .tip'), /UTC/);
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -200);
  await page.keyboard.up('Control');
  await page.waitForFunction((width) => {
    const data = document.querySelector('svg.drawing').dataset;
    return data.viewTo - data.viewFrom < width;
  }, whole[1] - whole[0]);
  await page.click('#timeline [data-do=all]');
  assert.deepStrictEqual(await view(), whole);
}

async function wide(page) {
  const [scroll, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(scroll <= inner, `the page is ${scroll} px wide on ${inner}`);
  assert.strictEqual(await page.evaluate(() => window.owned), undefined, 'text of others ran');
  assert.strictEqual(await page.$$eval('img, iframe, object, embed', (all) => all.length), 0);
  assert.strictEqual(await page.$$eval('a[href^=javascript], [onerror]', (all) => all.length), 0);
}

(async () => {
  const browser = await launch(playwright);
  try {
    const grounds = [];
    for (const [width, height, colorScheme] of [[1280, 800, 'light'], [1280, 800, 'dark'], [390, 844, 'light']]) {
      const { page, wrong } = await open(browser, url, { viewport: { width, height }, colorScheme });
      await numbers(page);
      await wide(page);
      await contrast(page, TEXTS);
      if (width > 1000) await keys(page);
      grounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      assert.deepStrictEqual(wrong, [], `at ${width} px, ${colorScheme}`);
      await page.close();
    }
    assert.notStrictEqual(grounds[0], grounds[1], 'dark is dark');
    // Without its script the page is whole.
    const { page, wrong } = await open(browser, url, { javaScriptEnabled: false });
    await page.close();
    assert.deepStrictEqual(wrong, []);
    const html = fs.readFileSync(path.join(drill, 'report.html'), 'utf8');
    assert.match(html.split('<script>')[0], /class="curve" d="M[\d.]/);
  } finally {
    await browser.close();
  }
})().catch((error) => { console.error(error.message); process.exit(1); });
