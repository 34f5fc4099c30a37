// node pages.mjs ADDRESS PICTURE FOLDER: uses each page once as a person does who has no
// mouse, then what a mouse, a finger and the clipboard do, and writes pictures of the pages
// to FOLDER. It ends with status 1 if something does not work, if axe-core finds a fault, or
// if a page asks another server. Beside PICTURE is small/stripes.png, and
// above its folder eye.png.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [address, picture, out] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const host = new URL(address).host;
const faults = [];
const patience = +(process.env.PATIENCE || 240000); // for what a busy machine computes, in milliseconds

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'] });

// tab opens the address in a window. What goes wrong in it is a fault.
async function tab(scheme, width, options = {}) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: scheme, acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const meant = (m) => m.location().url.includes('missing') || m.text().includes('willReadFrequently'); // by the tests themselves
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && !meant(m) && faults.push(`console: ${m.text()}`));
  page.on('pageerror', (e) => faults.push(`script: ${e.message}`));
  page.on('request', (r) => !['blob:', 'data:'].includes(new URL(r.url()).protocol) && new URL(r.url()).host !== host && faults.push(`request: ${r.url()}`));
  await page.goto(address);
  await page.waitForSelector('h1');
  return page;
}

// like makes a tab work on the same picture as another one.
async function like(page, other) {
  await page.evaluate((all) => Object.entries(all).forEach(([k, v]) => sessionStorage.setItem(k, v)),
    await other.evaluate(() => ({ ...sessionStorage })));
  await page.reload();
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

// transfer is what a clipboard or a mouse carries: a file of a picture.
const transfer = (page, file, name) => page.evaluateHandle(([text, called]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], called, { type: 'image/png' }));
  return carried;
}, [fs.readFileSync(file).toString('base64'), name]);

async function paste(page, file, name) {
  await page.evaluate((carried) => document.activeElement.dispatchEvent(
    new ClipboardEvent('paste', { clipboardData: carried, bubbles: true, cancelable: true })), await transfer(page, file, name));
  await page.locator('.current').getByText(name, { exact: true }).waitFor();
}

async function drop(page, onto, file, name) {
  const dataTransfer = await transfer(page, file, name);
  await page.dispatchEvent(onto, 'dragover', { dataTransfer });
  await page.locator('.drop.over').waitFor();
  await page.dispatchEvent(onto, 'drop', { dataTransfer });
  await page.locator('.current').getByText(name, { exact: true }).waitFor();
  assert.equal(await page.locator('.drop.over').count(), 0);
}

const stripes = path.join(path.dirname(picture), 'small', 'stripes.png');

// slid asserts where the slider is, in percent. The thumb has a width.
async function slid(slider, want) {
  const at = +(await slider.inputValue());
  assert(Math.abs(at - want) < 5, `the slider is at ${at}, want ${want}`);
  const clip = await slider.page().locator('.compare img').nth(1).evaluate((e) => e.style.clipPath);
  assert(clip.includes(`${at}%`), `the picture is cut at ${clip}, the slider is at ${at}`);
}

// opaque waits until the most opaque pixel of the mask on the page Cut out is as wanted: 90
// in a preview, 150 in a mask, 0 if there is none.
const opaque = (page, want) => page.waitForFunction((alpha) => {
  const canvas = document.querySelector('.stage canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((most, v, i) => (i % 4 === 3 ? Math.max(most, v) : most), 0) === alpha;
}, want);

const isPNG = (b) => b.subarray(1, 4).toString() === 'PNG';

// touched moves the slider by a finger, on a small screen.
async function touched(page) {
  const phone = await tab('light', 360, { hasTouch: true });
  await like(phone, page);
  const slider = phone.getByRole('slider', { name: 'Border between before and after' });
  await slider.waitFor();
  await slider.scrollIntoViewIfNeeded();
  const { x, y, width } = await slider.boundingBox();
  await phone.touchscreen.tap(x + 0.25 * width, y + 30);
  await slid(slider, 25);
  const finger = await phone.context().newCDPSession(phone);
  const touch = (type, at) => finger.send('Input.dispatchTouchEvent', { type, touchPoints: at === undefined ? [] : [{ x: x + at * width, y: y + 30 }] });
  await touch('touchStart', 0.25);
  for (const at of [0.35, 0.5, 0.7]) await touch('touchMove', at);
  await touch('touchEnd');
  await slid(slider, 70);
  await judge(phone, 'enlarged-light-360');
  await phone.context().close();
}

const steps = {
  async enlarge(page) {
    const start = Date.now();
    await page.setInputFiles('input[type=file]', picture); // a dialog of the system is no part of the page
    const slider = page.getByRole('slider', { name: 'Border between before and after' });
    await slider.waitFor();
    console.log(`first enlarged picture after ${Date.now() - start} ms`);
    await press(page, 'slider', 'Border between before and after', 'Home', 'PageUp', 'ArrowRight');
    await slid(slider, 10.5);
    await slider.scrollIntoViewIfNeeded();
    const { x, y, width } = await slider.boundingBox();
    await page.mouse.move(x + 0.3 * width, y + 40);
    await page.mouse.down();
    await slid(slider, 30);
    await page.mouse.move(x + 0.8 * width, y + 60, { steps: 4 });
    await page.mouse.up();
    await slid(slider, 80);
    await page.reload();
    await slider.waitFor();
    await touched(page);
    await paste(page, stripes, 'pasted.png');
    assert.equal(await slider.count(), 0, 'the picture that was pasted is not enlarged yet');
    await drop(page, 'h1', picture, 'cat.png');
    await slider.waitFor();
    assert.equal(await page.getByText('vertebra pull realesr_general_x4v3').count(), 1);
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
    await opaque(page, 0);
    const stage = await page.locator('.stage canvas').boundingBox(); // the mouse, too
    await page.mouse.move(stage.x + 60, stage.y + 60);
    await opaque(page, 90);
    assert.equal(await said.count() + (await page.locator('.point').count()), 0, 'a preview is no prompt');
    await page.mouse.move(0, 0);
    await opaque(page, 0);
    await press(page, 'button', 'Find everything', 'Enter');
    await page.getByText(/\d+ regions?\./).waitFor();
    await page.mouse.move(stage.x + 20, stage.y + 20);
    await page.mouse.down();
    await page.mouse.move(stage.x + 120, stage.y + 90, { steps: 4 });
    await page.mouse.up();
    await said.waitFor();
    await opaque(page, 150);
    const box = await page.locator('.stage .box').boundingBox();
    assert(Math.abs(box.x - stage.x - 20) < 2 && Math.abs(box.width - 100) < 2 && Math.abs(box.height - 70) < 2, `the box is ${JSON.stringify(box)}`);
    await page.mouse.click(stage.x + 60, stage.y + 60);
    const leaveOut = async () => {
      await page.keyboard.down('Shift');
      await page.mouse.click(stage.x + 160, stage.y + 100);
      await page.keyboard.up('Shift');
      await page.locator('.point.out').waitFor();
    };
    await leaveOut();
    assert.equal(await page.locator('.point').count(), 2);
    await page.mouse.move(0, 0);
    await press(page, 'button', 'Undo', 'Enter');
    await page.locator('.point.out').waitFor({ state: 'detached' });
    assert.equal(await page.locator('.point.in').count(), 1);
    await press(page, 'button', 'Undo', 'Enter');
    await page.locator('.point').waitFor({ state: 'detached' });
    assert.equal(await page.locator('.stage .box').count(), 1);
    await press(page, 'button', 'Undo', 'Enter');
    await page.locator('.stage .box').waitFor({ state: 'detached' });
    await opaque(page, 0);
    await page.mouse.click(stage.x + 60, stage.y + 60);
    await leaveOut();
    await said.waitFor();
  },
  async search(page) {
    await go(page, 'Search');
    await press(page, 'button', /^(Read the folder|Look for new pictures)$/, 'Enter');
    await page.getByText('3 pictures can be found.').waitFor();
    await page.getByText('1 picture cannot be read').waitFor();
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
  async brought(page) {
    await paste(page, picture, 'cat.png');
    assert.equal(await page.locator('.panels').count(), 0, 'nothing is known of the picture that was pasted');
    await drop(page, '.drop', stripes, 'stripes.png');
    await press(page, 'button', 'Name it', 'Enter');
    await page.locator('meter').first().waitFor();
  },
  async models(page) {
    await go(page, 'Models');
    await press(page, 'searchbox', 'Name or task');
    await page.keyboard.type('mae_vit_large');
    await press(page, 'button', /^Download, .*: mae_vit_large_patch16$/, 'Enter');
    await page.getByRole('button', { name: 'Accept and download' }).waitFor();
  },
  async repository(page) {
    const look = async (name) => {
      await press(page, 'textbox', 'Repository', 'Control+A');
      await page.keyboard.type(name);
      await page.keyboard.press('Enter');
    };
    await look('me/missing');
    await page.getByRole('alert').filter({ hasText: 'me/missing: the server answers 404' }).waitFor();
    await look('hf:me/nc');
    await page.getByText('Licence: cc-by-nc-4.0', { exact: true }).waitFor();
    await press(page, 'button', /^Download, .* kB ?: hf:me\/nc$/, 'Enter');
    await page.getByText('cc-by-nc-4.0 forbids commercial use.', { exact: true }).waitFor();
    await look('me/slow');
    await page.getByText('Licence: the repository names none', { exact: true }).waitFor();
    await press(page, 'button', /^Download, .* kB ?: hf:me\/slow$/, 'Enter');
    await page.getByText(/model\.safetensors: .* of .* kB/).waitFor();
    await page.reload(); // the job goes on
    await press(page, 'button', 'Cancel', 'Enter');
    await page.getByText('Download of hf:me/slow was cancelled.').waitFor();
    await look('https://huggingface.co/me/net');
    await page.getByText('Licence: apache-2.0', { exact: true }).waitFor();
    await press(page, 'button', /^Download, .* kB ?: hf:me\/net$/, 'Enter');
    await page.getByText('hf:me/net is here. It fits srvgg').waitFor();
    await page.getByRole('button', { name: 'Delete hf:me/net' }).waitFor();
  },
  async gone(page) {
    await go(page, 'Enlarge');
    assert.equal(await page.getByText('vertebra pull realesr_general_x4v3').count(), 0);
    await press(page, 'combobox', 'Network', 'ArrowDown');
    await press(page, 'button', 'Enlarge to 360 × 240', 'Enter');
    const [name, file] = await saved(page, /^Download .*_x4\.png/);
    assert.equal(name, 'stripes_x4.png');
    assert(isPNG(file) && file.readUInt32BE(16) === 360, 'the file is 360 pixels wide');
    await page.getByText('360 × 240 pixels by srvgg.').waitFor();
    await judge(page, 'finer');
    await go(page, 'Models');
    await press(page, 'button', 'Delete hf:me/net', 'Enter');
    await press(page, 'button', 'Delete', 'Enter');
    await page.getByRole('button', { name: 'Delete hf:me/net' }).waitFor({ state: 'detached' });
    assert.equal(await page.getByText('hf:me/net is here').count(), 0);
    await go(page, 'Enlarge');
    assert.equal(await page.getByRole('combobox', { name: 'Network' }).count(), 0);
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

// readme draws the pictures that README.md shows.
async function readme() {
  const draw = async (scheme, name, height, prepare) => {
    const page = await tab(scheme, 0, { viewport: { width: 560, height } });
    const top = await prepare(page);
    await page.evaluate(() => document.activeElement.blur());
    await page.mouse.move(0, 0);
    if (top) await top.evaluate((e) => scrollTo(0, e.getBoundingClientRect().top + scrollY - 12));
    await page.screenshot({ path: path.join(out, `readme-${name}.png`) });
    await page.context().close();
  };
  await draw('light', 'enlarge', 612, async (page) => {
    await page.setInputFiles('input[type=file]', path.join(path.dirname(picture), '..', 'eye.png'));
    await page.locator('.compare img').nth(1).evaluate((e) => e.decode());
  });
  await draw('dark', 'models', 600, async (page) => {
    await go(page, 'Models');
    await press(page, 'searchbox', 'Name or task');
    await page.keyboard.type('sam_');
    await page.getByText('3 models').waitFor();
    return page.getByRole('heading', { name: 'From Hugging Face' }).locator('..');
  });
  await draw('light', 'device', 484, async (page) => {
    await go(page, 'Device');
    await page.locator('.roof circle').nth(3).waitFor();
    return page.getByRole('heading', { name: 'How fast is it?' }).locator('..');
  });
}

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
    await like(page2, page);
    for (const name of ['Enlarge', 'Cut out', 'Search', 'Look', 'Models', 'Device']) {
      await go(page2, name);
      await page2.waitForFunction(() => !document.querySelector('main').textContent.includes('Looking for'));
      await judge(page2, `${name.toLowerCase().replace(' ', '')}-${scheme}-${width}`);
    }
    await page2.context().close();
  }
  await readme();
} catch (e) {
  faults.push(e.stack);
}
await browser.close();
for (const f of faults) console.log(`FAULT ${f}`);
process.exit(faults.length ? 1 : 0);
