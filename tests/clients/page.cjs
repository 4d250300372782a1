'use strict';
// What the looks at a report and at an index have in common.
const assert = require('node:assert');

const ARGS = ['--no-sandbox', '--headless', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const launch = (playwright) => require(playwright).chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS });

// A page that is told of everything that goes wrong on it.
async function open(browser, url, options) {
  const page = await browser.newPage({ reducedMotion: 'reduce', ...options });
  const wrong = [];
  page.on('console', (message) => wrong.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('request', (request) => { if (request.url() !== url) wrong.push(`request: ${request.url()}`); });
  page.on('dialog', (dialog) => { wrong.push('dialog'); dialog.dismiss(); });
  await page.goto(url);
  return { page, wrong };
}

// Text on its ground, by WCAG 2: at least 4.5.
async function contrast(page, selector) {
  const ratios = await page.evaluate((selector) => {
    const rgb = (text) => text.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
    const ground = (element) => {
      for (let one = element; one; one = one.parentElement) {
        const color = rgb(getComputedStyle(one).backgroundColor);
        if (color.length === 3 || color[3] > 0) return color;
      }
      return [255, 255, 255];
    };
    return [...document.querySelectorAll(selector)].filter((one) => one.textContent.trim()).map((one) => {
      const [a, b] = [light(rgb(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), one.className || one.tagName];
    });
  }, selector);
  const worst = ratios.sort((a, b) => a[0] - b[0])[0];
  assert.ok(worst[0] >= 4.5, `contrast ${worst}`);
}

module.exports = { contrast, launch, open };
