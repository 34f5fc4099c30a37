// node pages.mjs ADDRESS PICTURE FOLDER: uses each page once as a person does who has no
// mouse, and writes pictures of the pages to FOLDER. It ends with status 1 if something
// does not work, if axe-core finds a fault, or if a page asks another server.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [address, picture, out] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const host = new URL(address).host;
const faults = [];
const patience = 240000; // for what a busy machine computes

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'] });

// tab opens the address in a window. What goes wrong in it is a fault.
async function tab(scheme, width) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: scheme, acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && faults.push(`console: ${m.text()}`));
  page.on('pageerror', (e) => faults.push(`script: ${e.message}`));
  page.on('request', (r) => !['blob:', 'data:'].includes(new URL(r.url()).protocol) && new URL(r.url()).host !== host && faults.push(`request: ${r.url()}`));
  await page.goto(address);
  await page.waitForSelector('h1');
  return page;
}

// press moves the focus by the Tab key to what has a role and a name, and presses keys.
async function press(page, role, name, ...keys) {
  const want = page.getByRole(role, { name, exact: typeof name === 'string' }).first();
  await want.waitFor();
  for (let i = 0; i < 200; i++) {
    if (await want.evaluate((e) => e === document.activeElement)) {
      for (const key of keys) await page.keyboard.press(key);
      return want;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`the Tab key does not reach the ${role} ${name}`);
}

const go = async (page, name) => {
  await press(page, 'link', name, 'Enter');
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
};

// judge looks for faults that a machine can see, and draws the page.
async function judge(page, name) {
  await page.evaluate(axe); // as a debugger does, which the page's policy does not forbid
  const found = await page.evaluate(() => axe.run({ resultTypes: ['violations'] }));
  for (const v of found.violations) faults.push(`${name}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(' | ')}`);
  const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  if (wide > width) faults.push(`${name}: the page is ${wide} pixels wide in a window of ${width}`);
  await page.screenshot({ path: path.join(out, `${name}.png`), fullPage: true });
}

// saved presses a button that downloads, and returns the file.
async function saved(page, name) {
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'button', name, 'Enter')]);
  return [download.suggestedFilename(), fs.readFileSync(await download.path())];
}

const isPNG = (b) => b.subarray(1, 4).toString() === 'PNG';

const steps = {
  async enlarge(page) {
    const start = Date.now();
    await page.setInputFiles('input[type=file]', picture); // a dialog of the system is no part of the page
    const slider = page.getByRole('slider', { name: 'Border between before and after' });
    await slider.waitFor();
    console.log(`first enlarged picture after ${Date.now() - start} ms`);
    await press(page, 'slider', 'Border between before and after', 'Home', 'PageUp', 'ArrowRight');
    const at = +(await slider.inputValue());
    assert(at > 0 && at < 50, `the slider is at ${at}`);
    assert((await page.locator('.compare img').nth(1).evaluate((e) => e.style.clipPath)).includes(`${at}%`));
    await page.reload();
    await slider.waitFor();
    await press(page, 'radio', '×3', 'ArrowLeft');
    await press(page, 'button', 'Enlarge to 902 × 600', 'Enter');
    const [name, file] = await saved(page, /^Download .*_x2\.png/);
    assert.equal(name, 'cat_x2.png');
    assert(isPNG(file) && file.readUInt32BE(16) === 902 && file.readUInt32BE(20) === 600, 'the file is 902 × 600');
  },
  async cutout(page) {
    await go(page, 'Cut out');
    const said = page.getByRole('status').filter({ hasText: '% of the picture' });
    await press(page, 'application', 'Picture to cut from', 'ArrowRight', 'ArrowDown', 'Enter');
    await said.waitFor();
    const one = await said.textContent();
    await press(page, 'application', 'Picture to cut from', 'ArrowUp', 'Shift+Enter', 'Backspace', 'Backspace');
    await said.waitFor({ state: 'detached' });
    await press(page, 'application', 'Picture to cut from', 'b', 'Shift+ArrowRight', 'Shift+ArrowDown', 'b');
    await said.waitFor();
    assert.notEqual(one, '');
    for (const form of ['cut-out', 'mask']) {
      const [name, file] = await saved(page, `Download the ${form}`);
      assert(isPNG(file) && file.readUInt32BE(16) === 451, `${name} has the size of the picture`);
    }
    await page.mouse.move(0, 0);
    await press(page, 'button', 'Start over', 'Enter');
    await press(page, 'button', 'Find everything', 'Enter');
    await page.getByText(/\d+ regions\./).waitFor();
    const stage = await page.locator('.stage canvas').boundingBox(); // the mouse, too
    await page.mouse.move(stage.x + 20, stage.y + 20);
    await page.mouse.down();
    await page.mouse.move(stage.x + 120, stage.y + 90, { steps: 4 });
    await page.mouse.up();
    await said.waitFor();
    await page.mouse.click(stage.x + 60, stage.y + 60);
    await page.keyboard.down('Shift');
    await page.mouse.click(stage.x + 160, stage.y + 100);
    await page.keyboard.up('Shift');
    await page.locator('.point.out').waitFor();
    assert.equal(await page.locator('.point').count(), 2);
  },
  async search(page) {
    await go(page, 'Search');
    await press(page, 'button', /^(Read the folder|Look for new pictures)$/, 'Enter');
    await page.getByText('3 pictures can be found.').waitFor();
    await page.getByText('1 pictures cannot be read').waitFor();
    await press(page, 'searchbox', 'What is in the picture');
    await page.keyboard.type('a cat');
    await page.keyboard.press('Enter');
    await page.getByText('3 of 3 pictures, nearest first').waitFor();
    assert.equal(await page.locator('.grid li').count(), 3);
    await page.locator('.grid img').first().evaluate((e) => e.decode());
  },
  async opened(page) {
    await press(page, 'button', /^small\/dots\.png/, 'Enter');
    await press(page, 'button', 'Look into it', 'Enter');
    await page.getByRole('heading', { level: 1, name: 'Look' }).waitFor();
  },
  async browse(page) {
    await go(page, 'Search');
    await press(page, 'button', 'Open a folder', 'Enter');
    await page.getByRole('button', { name: 'Open this folder' }).waitFor();
  },
  async look(page) {
    await press(page, 'button', 'Name it', 'Enter');
    await page.locator('meter').first().waitFor();
    await press(page, 'checkbox', 'from a place', 'Space');
    await press(page, 'button', 'Show where', 'Enter');
    await page.locator('.panels img').nth(1).waitFor();
    await page.locator('.panels img').nth(1).evaluate((e) => e.decode());
    await press(page, 'button', 'Imagine', 'Enter');
    await page.getByText('3 of 4 patches were hidden.').waitFor();
    await page.locator('.panels img').nth(5).evaluate((e) => e.decode());
  },
  async models(page) {
    await go(page, 'Models');
    await press(page, 'searchbox', 'Name or task');
    await page.keyboard.type('mae_vit_large');
    await press(page, 'button', /^Download, .*: mae_vit_large_patch16$/, 'Enter');
    await page.getByRole('button', { name: 'Accept and download' }).waitFor();
  },
  async device(page) {
    await go(page, 'Device');
    await page.getByRole('radio').first().waitFor();
    await press(page, 'button', 'Verify', 'Enter');
    await page.getByText(/\d+ passed, 0 failed/).waitFor();
    await page.reload(); // the job goes on
    await page.getByText(/\d+ passed, 0 failed/).waitFor();
    const other = await page.context().newPage(); // and another tab sees it
    await other.goto(page.url());
    await other.getByText(/\d+ passed, 0 failed/).waitFor();
    await other.close();
    await page.getByRole('button', { name: 'Verify', exact: true, disabled: false }).waitFor(); // that job ended
    await press(page, 'button', 'Measure', 'Enter'); // which takes seconds on any device
    await press(page, 'button', 'Cancel', 'Enter');
    await page.getByText('Measuring was cancelled.').waitFor();
    await press(page, 'button', 'Measure', 'Enter');
    await page.locator('.roof circle').nth(3).waitFor();
  },
};

try {
  const ready = Date.now();
  const page = await tab('light', 1100);
  console.log(`page ready after ${Date.now() - ready} ms`);
  await judge(page, 'start');
  for (const [name, step] of Object.entries(steps)) {
    console.log(name);
    await step(page);
    await judge(page, name);
    if (name === 'browse') await page.keyboard.press('Escape');
    if (name === 'browse') await page.goBack();
  }
  for (const [scheme, width] of [['dark', 1100], ['light', 360], ['dark', 360]]) {
    const page2 = await tab(scheme, width);
    await page2.evaluate((all) => Object.entries(all).forEach(([k, v]) => sessionStorage.setItem(k, v)),
      await page.evaluate(() => ({ ...sessionStorage })));
    await page2.reload();
    for (const name of ['Enlarge', 'Cut out', 'Search', 'Look', 'Models', 'Device']) {
      await go(page2, name);
      await page2.waitForFunction(() => !document.querySelector('main').textContent.includes('Looking for'));
      await judge(page2, `${name.toLowerCase().replace(' ', '')}-${scheme}-${width}`);
    }
    await page2.context().close();
  }
} catch (e) {
  faults.push(e.stack);
}
await browser.close();
for (const f of faults) console.log(`FAULT ${f}`);
process.exit(faults.length ? 1 : 0);
