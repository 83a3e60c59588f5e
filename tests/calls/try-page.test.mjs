// The try-it page: choose an account, come in, talk, see each other, share a screen, moderate, under its own strict CSP.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { openPage } from '@rotunda/harness/chromium.mjs';
import { openLink } from '@rotunda/harness/link.mjs';
import { eventually, KIT_HOST, openWorld } from './people.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());
// The accounts of the demo share one channel: whoever a failed test left there would be in the next one's way.
afterEach(() => Promise.all(world.browser.contexts().map((c) => c.close())));

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
/** A page of its own in the demo's channel, as somebody who came by a link. */
async function come(account, prepare = () => {}, { proxy } = {}) {
  const page = await openPage(world.browser, 'about:blank', { outside: world.outside, proxy });
  await page.addInitScript(prepare);
  await page.goto(`${world.server.origin}/try/?as=${account.accid}&channel=${world.server.ready.channel_id}`);
  await page.waitForSelector('.tile.mine');
  return page;
}
const tileOf = (account) => `.tile[data-accid="${account.accid}"]`;
/** Until a picture is there and moves on. */
async function plays(page, selector) {
  let seen;
  const look = async () => {
    seen = await page.$eval(selector, (root) => {
      const video = root.querySelector('video');
      return video && { width: video.videoWidth, at: video.currentTime, paused: video.paused, track: video.srcObject?.getVideoTracks().map((t) => `${t.readyState} muted=${t.muted}`) };
    }).catch((e) => e.message);
    return seen?.width > 0 && seen.at > 0 && !seen.paused;
  };
  await eventually(look, `a picture in ${selector}`, 20_000).catch((e) => assert.fail(`${e.message} ${JSON.stringify(seen)}`));
}
const switchOn = async (page, control) => {
  await page.click(`.control.${control}`);
  await page.waitForSelector(`.control.${control}[aria-pressed="true"]`);
};
/** The sentence the page says next that fits. */
const says = (page, words) => eventually(async () => {
  const said = await page.$eval('.notice', (n) => n.textContent).catch(() => '');
  return words.test(said) && said;
}, `a notice like ${words}`);
/** Opens the menu about somebody, or about everybody, and gives the keys of its items. */
async function menuOf(page, opener) {
  await page.focus(opener);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.menu [role]:focus');
  return page.$$eval('.menu [role]', (l) => l.map((i) => i.dataset.key));
}
const choose = (page, key) => page.click(`.menu [data-key="${key}"]`);
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
  // Twice a second the fake microphone beeps for 40 ms: short sounds count as much as long ones.
  await second.page.waitForSelector(`.tile[data-accid="${me.accid}"].speaking`);
  await eventually(() => second.page.$eval(`.tile[data-accid="${me.accid}"] .sr`, (w) => /^speaking/.test(w.textContent)), 'it is said in words too');
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

test('two see each other, each one mirrored for nobody but himself', { timeout: 90_000 }, async () => {
  const [ann, ben] = world.server.ready.accounts;
  const [a, b] = [await come(ann), await come(ben)];
  await switchOn(a, 'camera');
  await switchOn(b, 'camera');
  for (const [page, other] of [[a, ben], [b, ann]]) {
    await plays(page, tileOf(other));
    await plays(page, '.tile.mine');
    const turned = (selector) => page.$eval(`${selector} video`, (v) => getComputedStyle(v).transform);
    assert.match(await turned('.tile.mine'), /^matrix\(-1,/);
    assert.equal(await turned(tileOf(other)), 'none');
  }
  // The light picture is a wish for less data, and no loss of the picture.
  assert.deepEqual((await menuOf(b, `${tileOf(ann)} .more`)), ['sharp', 'light']);
  await choose(b, 'light');
  await plays(b, tileOf(ann));
  await menuOf(b, `${tileOf(ann)} .more`);
  assert.equal(await b.$eval('.menu [data-key="light"]', (i) => i.getAttribute('aria-checked')), 'true');
});

test('a shared screen takes the stage of the others, and a second sharer is told', { timeout: 120_000 }, async () => {
  const [ann, ben] = world.server.ready.accounts;
  const keepTracks = () => {
    const real = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
    window.opened = [];
    navigator.mediaDevices.getDisplayMedia = async (wanted) => {
      const stream = await real(wanted);
      window.opened.push(...stream.getVideoTracks());
      return stream;
    };
  };
  const [a, b] = [await come(ann, keepTracks), await come(ben, keepTracks)];
  await switchOn(a, 'share');
  await plays(b, '.screen');
  assert.match(await b.$eval('.screen figcaption', (c) => c.textContent), new RegExp(`${ann.name} shares a screen`));
  assert.equal(await a.$('.screen:not([hidden])'), null, 'a sharer needs no stage for what is on the screen anyway');
  const [stage, face] = await Promise.all(['.screen', '.tile.mine'].map((s) => b.locator(s).boundingBox()));
  assert.ok(stage.width > 2 * face.width, `${JSON.stringify(stage)} is not large beside ${JSON.stringify(face)}`);

  await b.click('.control.share');
  await says(b, new RegExp(`${ann.name} is sharing a screen already`));
  assert.equal(await b.$eval('.control.share', (c) => c.getAttribute('aria-pressed')), 'false');
  assert.deepEqual(await b.evaluate(() => window.opened.length), 0, 'a choice of screens that can only end in a refusal');

  // The browser's own "stop sharing".
  await a.evaluate(() => {
    for (const track of window.opened) {
      track.stop();
      track.dispatchEvent(new Event('ended'));
    }
  });
  await a.waitForSelector('.control.share[aria-pressed="false"]');
  await b.waitForSelector('.screen', { state: 'hidden' });
  await switchOn(b, 'share');
  await plays(a, '.screen');
});

test('a moderator mutes, stops a share and removes; whoever may not has no such menu', { timeout: 180_000 }, async () => {
  const [ann, ben, cara] = world.server.ready.accounts;
  const [moderator, member, plain] = [await come(ann), await come(ben), await come(cara)];
  await moderator.waitForSelector(`${tileOf(ben)} .more:not([hidden])`);
  await plain.waitForSelector(tileOf(ben));
  assert.equal(await plain.$('.more:not([hidden])'), null, 'a menu about others without a right over them');
  assert.equal(await plain.$('.everyone:not([hidden])'), null);

  await switchOn(member, 'mic');
  await moderator.waitForSelector(`${tileOf(ben)}:not(.silent)`);
  assert.deepEqual(await menuOf(moderator, `${tileOf(ben)} .more`), ['mute', 'cameraOn', 'remove']);
  await moderator.keyboard.press('Escape');
  assert.ok(await moderator.$eval(`${tileOf(ben)} .more`, (b) => b === document.activeElement), 'the focus goes back to the button');
  await menuOf(moderator, `${tileOf(ben)} .more`);
  await choose(moderator, 'mute');
  for (const page of [moderator, plain]) await page.waitForSelector(`${tileOf(ben)}.silent`);
  await member.waitForSelector('.control.mic[aria-pressed="false"]');
  await says(member, new RegExp(`microphone was switched off by ${ann.name}`));

  await switchOn(member, 'share');
  await plays(moderator, '.screen');
  await menuOf(moderator, `${tileOf(ben)} .more`);
  await choose(moderator, 'stopShare');
  await moderator.waitForSelector('.screen', { state: 'hidden' });
  await says(member, new RegExp(`screen share was switched off by ${ann.name}`));

  // Mute-all binds everybody who may not switch everybody, and says which right that is.
  assert.deepEqual(await menuOf(moderator, '.everyone'), ['muteAll', 'camerasOff']);
  await choose(moderator, 'muteAll');
  for (const page of [moderator, member, plain]) await page.waitForSelector('.chip:not([hidden])');
  await member.click('.control.mic');
  await says(member, /every microphone off.*RTCChannelOpenCloseEveryoneMicrophone/);
  assert.equal(await member.$eval('.control.mic', (c) => c.getAttribute('aria-pressed')), 'false');
  await switchOn(moderator, 'mic');
  await menuOf(moderator, '.everyone');
  await choose(moderator, 'unmuteAll');
  await member.waitForSelector('.chips[hidden]', { state: 'attached' });
  await switchOn(member, 'mic');

  await menuOf(moderator, `${tileOf(ben)} .more`);
  await choose(moderator, 'remove');
  await member.waitForSelector('.rest');
  await says(member, /A moderator removed you from the channel/);
  await plain.waitForSelector(tileOf(ben), { state: 'detached' });
});

test('sound that the browser holds back is one click away', { timeout: 60_000 }, async () => {
  const [ann, ben] = world.server.ready.accounts;
  const speaker = await come(ann);
  await switchOn(speaker, 'mic');
  const listener = await come(ben, () => {
    const real = HTMLMediaElement.prototype.play;
    let clicked = false;
    addEventListener('click', () => { clicked = true; }, true);
    window.playing = new Set();
    HTMLMediaElement.prototype.play = function play() {
      if (!clicked) return Promise.reject(new DOMException('play() failed', 'NotAllowedError'));
      window.playing.add(this);
      return real.call(this);
    };
  });
  await listener.waitForSelector('.strip:not([hidden]) .strip-button');
  await listener.click('.strip-button');
  await listener.waitForSelector('.strip', { state: 'hidden' });
  assert.ok(await listener.evaluate(() => [...window.playing].some((e) => e instanceof HTMLAudioElement && !e.paused)), 'it plays');
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
  for (const control of ['mic', 'camera', 'share', 'leave']) {
    const box = await page.locator(`.control.${control}`).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 360 && box.y + box.height <= 700 && box.height >= 44, `${control}: ${JSON.stringify(box)}`);
  }
  await page.context().close();
});

test('the network is gone: the page says so, and comes back with what was on', { timeout: 120_000 }, async () => {
  const [ann, ben] = world.server.ready.accounts;
  const tunnels = await world.tunnels();
  const [a, b] = [await come(ann, undefined, tunnels), await come(ben)];
  await switchOn(a, 'mic');
  await eventually(() => level(b, ann.accid).then((l) => l > 0), 'the meter of the one who speaks moves');
  assert.ok(tunnels.refuse(KIT_HOST) >= 3, 'the link, and the sockets of the kit');
  await a.waitForSelector('.me-link:has-text("Reconnecting")');
  await a.waitForSelector('.status:text-matches("Connection lost|connection broke")');
  assert.equal(await a.$eval('.control.mic', (c) => c.getAttribute('aria-pressed')), 'false', 'nobody hears it now');
  await b.waitForSelector(tileOf(ann), { state: 'detached' });
  tunnels.restore(KIT_HOST);
  await a.waitForSelector('.me-link:has-text("Connected")');
  await says(a, /Connected again/);
  await a.waitForSelector('.control.mic[aria-pressed="true"]');
  await b.waitForSelector(tileOf(ann));
  await eventually(() => level(b, ann.accid).then((l) => l > 0), 'it is heard again');
});

test('the sockets of a call are gone for a moment: the page says that it comes back by itself', { timeout: 120_000 }, async () => {
  const [ann, ben] = world.server.ready.accounts;
  const signalling = () => {
    const Real = window.WebSocket;
    window.signalling = [];
    window.WebSocket = class extends Real {
      constructor(url, ...rest) {
        const ours = new URL(url).pathname.startsWith('/rtc/');
        super(ours && window.away ? 'wss://127.0.0.1:9/' : url, ...rest);
        if (ours) window.signalling.push(this);
      }
    };
  };
  const [a, b] = [await come(ann, signalling), await come(ben)];
  await switchOn(a, 'mic');
  await a.evaluate(() => {
    window.away = true;
    for (const socket of window.signalling) socket.close();
  });
  await a.waitForSelector('.hall.recovering');
  await a.waitForSelector('.status:has-text("Coming back by itself")');
  assert.equal(await a.$eval('.me-link', (l) => l.textContent), 'Connected', 'the chat has its own link');
  await eventually(() => level(b, ann.accid).then((l) => l > 0), 'sound goes on');
  await a.evaluate(() => { window.away = false; });
  await a.waitForSelector('.hall:not(.recovering)');
  assert.equal(await a.$eval('.control.mic', (c) => c.getAttribute('aria-pressed')), 'true');
  await eventually(() => level(b, ann.accid).then((l) => l > 0), 'it is still heard');
  await b.waitForSelector(tileOf(ann));
});

test('a full channel is explained in words, and lets in when somebody has left', { timeout: 90_000 }, async () => {
  const { accounts: [ann, ben], app_key, server_id, channel_id } = world.server.ready;
  const link = await openLink(world.server.origin);
  assert.equal((await link.login(app_key, ann, 'owner-of-the-demo')).code, 200);
  const property = (v) => [{ t: 'Property', v }];
  const [{ 1: limit, 2: audio, 3: video }] = (await link.command(25, 3, property({ 1: server_id, 2: channel_id }))).r;
  const setLimit = async (n) => assert.equal((await link.command(25, 2, property({ 1: server_id, 2: channel_id, 3: n, 4: audio, 5: video }))).code, 200);
  // Those of the test before keep their seats for the grace, and would find them again.
  await eventually(async () => (await link.command(25, 4, property({ 1: server_id, 2: channel_id }))).r[0].length === 0, 'nobody is in the channel', 25_000);
  await setLimit(1);
  try {
    const a = await come(ann);
    const { page: b } = await tab(`?as=${ben.accid}&channel=${channel_id}`);
    await says(b, /The channel is full\. Somebody has to leave first\./);
    assert.equal(await b.$('.tile'), null);
    await a.waitForSelector('.vacant');
    await a.click('.control.leave');
    await a.waitForSelector('.rest');
    await b.click('.channel[data-kind="media"] >> nth=0');
    await b.waitForSelector('.tile.mine');
    assert.equal(await b.$eval('.notice', (n) => n.textContent).catch(() => ''), '', 'the refusal is still said');
  } finally {
    await setLimit(Number(limit));
    await link.close();
  }
});
