// The try-it page in two tabs: choose an account, come in, talk, see each other, under its own strict CSP.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage } from '@rotunda/harness/chromium.mjs';
import { eventually, openWorld } from './people.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

async function tab(query = '', context) {
  const complaints = [];
  const url = `${world.server.origin}/try/${query}`;
  const page = context ? await context.newPage() : await openPage(world.browser, 'about:blank', { outside: world.outside });
  page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
  page.on('pageerror', (e) => complaints.push(e.message));
  const response = await page.goto(url);
  assert.equal(response.status(), 200, 'the page is built into the server (npm run build in web/)');
  return { page, complaints, csp: response.headers()['content-security-policy'] };
}
const level = (page, accid) => page.$eval(`.tile[data-accid="${accid}"]`, (t) => Number(t.dataset.level));

test('two tabs talk', { timeout: 90_000 }, async () => {
  const first = await tab();
  assert.match(first.csp, /default-src 'none'/);
  assert.doesNotMatch(first.csp, /unsafe/);
  const accounts = await first.page.waitForSelector('.seat').then(() => first.page.$$eval('.seat-name', (l) => l.map((n) => n.textContent)));
  assert.equal(accounts.length, 6);
  const [me, other] = world.server.ready.accounts;
  await first.page.click('.seat >> nth=0');
  await first.page.click('.channel[data-kind="media"] >> nth=0');
  await first.page.waitForSelector('.tile.mine');
  // The empty seat invites to open a second tab as somebody else.
  await first.page.waitForSelector('.vacant .second');
  const second = await tab(`?as=${other.accid}&channel=${world.server.ready.channel_id}`, first.page.context());
  await second.page.waitForSelector('.tile.mine');
  await first.page.waitForSelector(`.tile[data-accid="${other.accid}"]`);

  // The keyboard does what the buttons do.
  await first.page.keyboard.press('m');
  await first.page.waitForSelector('.control.mic[aria-pressed="true"]');
  await eventually(() => level(second.page, me.accid).then((l) => l > 0), 'the meter of the one who speaks moves');
  await second.page.waitForSelector(`.tile[data-accid="${me.accid}"].speaking`);
  await second.page.click('.control.camera');
  await first.page.waitForSelector(`.tile[data-accid="${other.accid}"].with-picture`);
  await eventually(() => first.page.$eval(`.tile[data-accid="${other.accid}"] video`, (v) => v.videoWidth > 0 && !v.paused).catch(() => false), 'a picture');

  // A reload of one tab comes back as the same person; leaving shows the channel list again.
  await second.page.click('.control.leave');
  await second.page.waitForSelector('.rest');
  await first.page.waitForSelector('.vacant');
  assert.deepEqual([...first.complaints, ...second.complaints], []);
  await first.page.context().close();
});

test('who is not on the list does not see the private channel; who is, enters', { timeout: 60_000 }, async () => {
  const [, listed, plain] = world.server.ready.accounts;
  for (const [account, count] of [[listed, 2], [plain, 1]]) {
    const { page } = await tab(`?as=${account.accid}`);
    await page.waitForSelector('.channel');
    assert.equal(await page.$$eval('.channel', (l) => l.length), count, account.accid);
    await page.context().close();
  }
});

test('a denied microphone is explained in words', { timeout: 60_000 }, async () => {
  const account = world.server.ready.accounts[3];
  const page = await openPage(world.browser, 'about:blank', { outside: world.outside });
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
  });
  await page.goto(`${world.server.origin}/try/?as=${account.accid}&channel=${world.server.ready.channel_id}`);
  await page.waitForSelector('.tile.mine');
  await page.click('.control.mic');
  const said = await page.waitForSelector('.notice').then((n) => n.textContent());
  assert.match(said, /browser did not let this page use your microphone/i);
  assert.equal(await page.$eval('.control.mic', (b) => b.getAttribute('aria-pressed')), 'false');
  await page.context().close();
});

test('a phone-sized window has no sideways scroll, and every control is reachable', { timeout: 60_000 }, async () => {
  const account = world.server.ready.accounts[4];
  const { page } = await tab(`?as=${account.accid}&channel=${world.server.ready.channel_id}`);
  await page.setViewportSize({ width: 360, height: 700 });
  await page.waitForSelector('.tile.mine');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'sideways scroll');
  for (const control of ['mic', 'camera', 'leave']) {
    const box = await page.locator(`.control.${control}`).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 360 && box.y + box.height <= 700 && box.height >= 44, `${control}: ${JSON.stringify(box)}`);
  }
  await page.context().close();
});
