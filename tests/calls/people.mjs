// People in browser pages: each a context of its own with the SDK, our kit and fake devices.
import assert from 'node:assert/strict';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { launch, openPage } from '@rotunda/harness/chromium.mjs';
import { serveFiles } from '@rotunda/harness/files.mjs';
import { openLink } from '@rotunda/harness/link.mjs';
import { sdkPath } from '@rotunda/harness/sdk.mjs';
import { sharedServer, startServer } from '@rotunda/harness/server.mjs';
import { openTunnels } from '@rotunda/harness/tunnels.mjs';
import { openRelay, RELAY_ADDRESS } from '@rotunda/harness/udp-relay.mjs';
import { enginePath } from './engine-bundle.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** ms of received sound that prove silence: the fake microphone beeps once a second, so at least one beep is missing. */
const LISTEN_MS = 1_300;
/** ms until somebody is heard: the first seconds of a connection are jitter buffer and ramp. */
const HEARD_WITHIN_MS = 12_000;
/** Energy above which somebody is heard. A beep gives about 0.01; silence and comfort noise below 1e-6. */
export const HEARD = 1e-3;
export const SILENT = 1e-5;

/** Two names of the same listener, so that a page's QChat link can be told from what its kit opens. */
export const QCHAT_HOST = 'localhost';
export const KIT_HOST = '127.0.0.1';

/** What an SDK call rejected with; `data.code` is the kit's or the server's own code. */
export class Refused extends Error {
  constructor(path, { name, code, message, data }) {
    super(`${path}: ${name} ${code} ${message} ${JSON.stringify(data)}`);
    Object.assign(this, { code, data, sdkName: name });
  }
}

/**
 * One browser, one server, one app. Close it in `after`. With `relayed` media goes through a relay, `world.relay`, whose
 * losses follow `seed`.
 */
export async function openWorld({ ownServer = false, env, relayed = false, seed } = {}) {
  const own = ownServer || relayed;
  const server = own ? await startServer({ env: { ...env, ...(relayed ? { ROTUNDA_MEDIA__ADVERTISE: RELAY_ADDRESS } : {}) } }) : await sharedServer();
  const app = await server.app('calls');
  const files = await serveFiles((p) => {
    if (p.startsWith('/page/')) return path.join(here, path.normalize(p));
    if (p.startsWith('/sdk/')) return sdkPath(p.slice(5, -3));
    if (p.startsWith('/engine/')) return enginePath(p.slice(8, -3));
    return null;
  });
  const world = new World(server, app, files);
  try {
    if (relayed) world.relay = await openRelay(server.port, { seed });
    world.browser = await launch();
  } catch (error) {
    await world.close();
    throw error;
  }
  return world;
}

class World {
  #links = [];
  #tunnels = [];
  browser;
  relay;
  outside = new Set();

  constructor(server, app, files) {
    Object.assign(this, { server, app, files });
  }

  /** A logged-in raw link: for what needs no browser, and to prepare servers and channels. */
  async link(account, deviceId) {
    const link = await openLink(this.server.origin);
    const answer = await link.login(this.app.key, account, deviceId);
    assert.equal(answer.code, 200, `login of ${account.accid}`);
    this.#links.push(link);
    return link;
  }

  /** A server owned by `owner` with `members`, a media channel, and handles to change rights. */
  async community(owner, members) {
    let link = await this.link(owner);
    const prop = (v) => ({ t: 'Property', v });
    const command = async (sid, cid, q) => {
      // A restart of the server ends the link; the owner's handle outlives it.
      if (link.socket.readyState !== WebSocket.OPEN) link = await this.link(owner);
      const answer = await link.command(sid, cid, q);
      assert.equal(answer.code, 200, `${sid}_${cid}`);
      return answer.r;
    };
    const serverId = (await command(24, 31, [prop({ 3: 'calls', 8: 1, 16: 1 }), prop({})]))[0]['1'];
    const accids = members.map((m) => m.accid);
    if (accids.length) await command(24, 36, [{ t: 'Long', v: serverId }, { t: 'StrArray', v: accids }, { t: 'String', v: '' }]);
    const [{ 2: everyone }] = (await command(24, 64, [prop({ 1: serverId })]))[0];
    return {
      serverId, everyone, command,
      channel: async (fields = {}) => (await command(24, 48, [prop({ 2: serverId, 4: 'voice', 7: 1, ...fields }), prop({})]))[0]['1'],
      limit: (channelId, limit) => command(25, 2, [prop({ 1: serverId, 2: channelId, 3: limit, 4: '{"profile":"speech_standard","scenario":"speech"}', 5: '{"width":640,"height":480,"fps":15}' })]),
      addOverride: (channelId, accid) => command(24, 69, [prop({ 1: serverId, 3: accid, 4: channelId })]),
      override: (channelId, accid, auths) => command(24, 71, [prop({ 1: serverId, 2: accid, 3: channelId, 4: JSON.stringify(auths) })]),
      everyoneMay: (auths) => command(24, 63, [prop({ 1: serverId, 2: everyone, 6: JSON.stringify(auths) }), prop({})]),
      deleteChannel: (channelId) => command(24, 49, [{ t: 'Long', v: channelId }]),
    };
  }

  /** What carries the media of these people now, in the relay. */
  async flows(...people) {
    return (await Promise.all(people.map(async (p) => this.relay.flows(await p.ports())))).flat();
  }

  /** Connections of one page that can be broken: those to `QCHAT_HOST` and those of the kit, to `KIT_HOST`. */
  async tunnels() {
    const tunnels = await openTunnels();
    this.#tunnels.push(tunnels);
    return tunnels;
  }

  /** A page with the SDK and the kit, logged in. */
  async person(account, version, { login = true, tunnels, kit } = {}) {
    const page = await openPage(this.browser, `${this.files.base}/page/page.html`, { outside: this.outside, proxy: tunnels?.proxy });
    const person = new Person(page, account, version);
    const link = tunnels ? this.server.link.replace(KIT_HOST, QCHAT_HOST) : this.server.link;
    await page.exposeFunction('__event', (e) => person.see(e));
    await page.addScriptTag({ url: this.server.ready.roomkit_url });
    await page.addScriptTag({ url: `/sdk/${version}.js` });
    await page.addScriptTag({ url: '/page/app.js' });
    await page.evaluate((o) => window.makeApp(o), { appkey: this.app.key, link, account: account.accid, token: account.token, roomServer: this.server.ready.room_server, kitOptions: kit });
    if (login) await person.call('login');
    return person;
  }

  /** A page without the SDK, with the kit (or the engine) alone. The engine reports to its vendor: refused, not our fault. */
  async bare(script, { outside = this.outside, tunnels } = {}) {
    const page = await openPage(this.browser, `${this.files.base}/page/page.html`, { outside, proxy: tunnels?.proxy });
    await page.addScriptTag({ url: script });
    return page;
  }

  async close() {
    for (const link of this.#links) link.socket.terminate();
    await this.browser?.close();
    for (const tunnels of this.#tunnels) tunnels.close();
    this.relay?.close();
    this.files.close();
    await this.server.stop();
    assert.deepEqual([...this.outside], [], 'a page asked for something beyond loopback');
  }
}

class Person {
  events = [];
  #waiting = new Set();

  constructor(page, account, version) {
    Object.assign(this, { page, accid: account.accid, version });
  }

  see(event) {
    this.events.push({ ...event, at: performance.now() });
    for (const w of [...this.#waiting]) w(event);
  }

  mark = () => this.events.length;

  /** For a page that goes through several tests: the next sees its own events only. */
  forget() {
    this.events.length = 0;
  }

  /** Arguments of the first event of this name since `since` that fits, past or coming. */
  event(name, { where = () => true, since = 0, timeout = 8000 } = {}) {
    const fits = (e) => e.name === name && where(...e.args);
    const old = this.events.slice(since).find(fits);
    if (old) return Promise.resolve(old.args);
    return new Promise((resolve, reject) => {
      const done = (end, value) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        end(value);
      };
      const look = (e) => fits(e) && done(resolve, e.args);
      const seen = () => this.events.slice(since).map((e) => e.name).filter((n) => n !== 'onRtcAudioVolumeIndication').join(', ') || 'none';
      const timer = setTimeout(() => done(reject, new Error(`${this.accid}: no ${name} within ${timeout} ms; seen: ${seen()}`)), timeout);
      this.#waiting.add(look);
    });
  }

  saw = (name, { where = () => true, since = 0 } = {}) => this.events.slice(since).some((e) => e.name === name && where(...e.args));

  async call(path, ...args) {
    const answer = await this.page.evaluate(([p, a]) => window.callSdk(p, a), [path, args]);
    if (answer.error) throw new Refused(path, answer.error);
    return answer.value;
  }

  /** `initQChatMedia`, `loginByIM`, `connectChannel`, `addRTCChannelListener`, as an app does it. */
  async enter(serverId, channelId) {
    const { serverConfig } = await this.page.evaluate(() => ({ serverConfig: window.serverConfig }));
    await this.call('qchatMedia.initQChatMedia', { serverConfig });
    await this.call('qchatMedia.loginByIM');
    await this.call('qchatMedia.connectChannel', { serverId, channelId });
    await this.call('qchatMedia.addRTCChannelListener');
  }

  /** Connects again on an instance that did `enter` before. */
  async enterAgain(serverId, channelId) {
    await this.call('qchatMedia.connectChannel', { serverId, channelId });
    await this.call('qchatMedia.addRTCChannelListener');
  }

  leave = () => this.call('qchatMedia.disconnectChannel');
  unmute = () => this.call('qchatMedia.unMuteAudio', { accid: this.accid });
  mute = () => this.call('qchatMedia.muteAudio', { accid: this.accid });

  watch = (accid) => this.page.evaluate(async (a) => {
    window.sdk.qchatMedia.setupVideoCanvas({ accid: a, videoView: window.view(a) });
    if (a !== window.me) await window.sdk.qchatMedia.subscribeRemoteVideoStream({ accid: a, streamType: 0 });
  }, accid);

  media = () => this.page.evaluate(() => window.media());
  reception = () => this.page.evaluate(() => window.reception());
  ports = () => this.page.evaluate(() => window.ports());
  holding = () => this.page.evaluate(() => window.holding());

  /** Audio energy received within LISTEN_MS. */
  async listen(ms = LISTEN_MS) {
    const before = await this.media();
    await sleep(ms);
    const now = await this.media();
    return now.audioEnergy - before.audioEnergy;
  }

  /** Until somebody is heard. */
  async hears(message) {
    let { audioEnergy: before } = await this.media();
    let heard = 0;
    for (const until = performance.now() + HEARD_WITHIN_MS; performance.now() < until && heard < HEARD; await sleep(100)) {
      const { audioEnergy } = await this.media();
      // A connection that was replaced starts to count anew.
      before = Math.min(before, audioEnergy);
      heard = audioEnergy - before;
    }
    assert.ok(heard >= HEARD, `${this.accid} ${message}: energy ${heard}`);
  }

  async hearsNothing(message) {
    let heard = Infinity;
    for (let tries = 0; tries < 3 && heard > SILENT; tries++) heard = await this.listen();
    assert.ok(heard <= SILENT, `${this.accid} ${message}: energy ${heard}`);
  }

  /** Until `frames` more frames were decoded. */
  async sees(frames, message, timeout = 15_000) {
    const { framesDecoded } = await this.media();
    let now = framesDecoded;
    for (const until = performance.now() + timeout; performance.now() < until; await sleep(250)) {
      now = (await this.media()).framesDecoded;
      if (now - framesDecoded >= frames) return;
    }
    assert.fail(`${this.accid} ${message}: ${now - framesDecoded} frames decoded, wanted ${frames}`);
  }
}

/** Polls until `check` gives something true. */
export async function eventually(check, message, timeout = 10_000) {
  let last;
  for (const until = performance.now() + timeout; performance.now() < until; await sleep(100)) {
    last = await check();
    if (last) return last;
  }
  assert.fail(`${message} (last: ${JSON.stringify(last)})`);
}
