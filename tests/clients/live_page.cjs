// Drives the live page of a drill in a real browser, as people would. Prints one line of JSON.
//
// live_page.cjs URL MODE [FOLDER]   (MODE: `stop`, or `see` for a drill that is over; FOLDER: for screenshots)
"use strict";
const { chromium } = require("playwright-core");
const assert = require("node:assert");
const [url, mode, folder] = process.argv.slice(2);
const FLAGS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const HOSTILE = '<img src=x onerror="window.hacked=1"> pool exhausted';

async function shots(page, what) {
  if (!folder) return;
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(700);
      await page.screenshot({ path: `${folder}/${what}-${width}-${colorScheme}.png`, fullPage: true });
    }
  }
}

async function fits(page) {
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(400);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(over <= 0, `at ${width} px the page is ${over} px too wide`);
  }
}

async function text(page, selector) { return page.locator(selector).innerText(); }

async function stop(page, context) {
  // Opened late: what was there before is there.
  await page.waitForFunction(() => document.getElementById("stage").textContent === "faults");
  await page.waitForSelector(".fault.held");
  await page.waitForSelector("path.curve", { state: "attached" });
  assert.match(await text(page, "#log"), /waiting for the steady state/);
  assert.match(await text(page, "#probes"), /up/);
  await fits(page);

  await page.fill("#who", "Mo");
  await page.fill("#note-text", HOSTILE);
  await page.press("#note-text", "Enter");
  await page.waitForFunction((note) => document.getElementById("log").textContent.includes(`Mo: ${note}`), HOSTILE);
  await page.reload();
  await page.waitForFunction((note) => document.getElementById("log").textContent.includes(`Mo: ${note}`), HOSTILE);
  assert.match(await text(page, "#log"), /waiting for the steady state/);
  assert.strictEqual(await page.inputValue("#who"), "Mo");
  await page.waitForSelector("text.sign.note", { state: "attached" });
  assert.strictEqual(await page.locator("img").count(), 0);
  assert.strictEqual(await page.evaluate(() => window.hacked), undefined);

  // A page of another origin presses the button, as far as a browser lets it.
  const other = await context.newPage();
  await other.goto("about:blank");
  for (const type of ["text/plain", "application/json"]) {
    await other.evaluate(([to, type]) => fetch(`${to}/say`, { method: "POST", mode: type === "text/plain" ? "no-cors" : "cors",
      headers: { "content-type": type }, body: '{"who":"evil","word":"stop"}' }).catch(() => {}), [url, type]);
  }
  await other.close();
  await page.waitForTimeout(1500);
  assert.strictEqual(await text(page, "#stage"), "faults");
  await shots(page, "running");

  await page.click("#stop");
  await page.click("#sure-no");
  await page.waitForTimeout(300);
  assert.strictEqual(await text(page, "#stage"), "faults", "asked and answered no");
  await page.click("#stop");
  await page.click("#sure-yes");
  await page.waitForFunction(() => document.getElementById("ending").textContent.includes("slow: removed"));
  await page.waitForFunction(() => document.getElementById("ending").textContent.includes("rollback verified"));
  await page.waitForFunction(() => document.getElementById("stage").textContent === "aborted");
  assert.match(await text(page, "#ending-title"), /Stopped: Mo stopped it/);
  await shots(page, "stopped");
}

async function see(page) {
  await page.waitForFunction(() => document.getElementById("stage").textContent !== "…");
  await page.waitForFunction(() => document.getElementById("ending").textContent.includes("rollback verified"));
  assert.ok(await page.locator("#people").isHidden(), "nobody can talk to a drill that is over");
  await fits(page);
  await shots(page, "over");
}

(async () => {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  const context = await browser.newContext();
  context.setDefaultTimeout(60000);
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) wrong.push(message.text()); });
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => { if (!request.url().startsWith(url) && !request.url().startsWith("data:")) wrong.push(request.url()); });
  await page.goto(url);
  await (mode === "stop" ? stop(page, context) : see(page));
  await browser.close();
  assert.deepStrictEqual(wrong, []);
})().catch((error) => { console.error(error); process.exit(1); });
