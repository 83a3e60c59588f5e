// Drives the vendor's engine as npm ships it, by its public API. Its token chain: 25_1 on the QChat link, entry in the
// room service, channel info, Join.
import assert from 'node:assert/strict';
import { ENGINES } from './engine-bundle.mjs';
import { eventually, HEARD } from './people.mjs';

export { ENGINES };

/** What the engine needs to join: `{uid, token}`. The returned link must stay open: it is the session. */
export async function entry(world, account, channelId, deviceId) {
  const link = await world.link(account, `link-${deviceId}`);
  const { code, r } = await link.command(25, 1, [{ t: 'Property', v: { 1: deviceId } }]);
  assert.equal(code, 200);
  const headers = { 'content-type': 'application/json', user: account.accid, token: r[0]['1'], appkey: world.app.key, deviceid: deviceId, clienttype: 'web', authtype: '1', versioncode: '1.7.0', 'accept-language': 'en' };
  const rest = async (method, path, body) => {
    const answer = await fetch(`${world.server.ready.room_server}/scene/apps/${world.app.key}/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }).then((x) => x.json());
    assert.equal(answer.code, 0, `${path}: ${JSON.stringify(answer)}`);
    return answer.data;
  };
  await rest('POST', 'v1/login');
  const { member } = await rest('POST', `v1/rooms/${channelId}/entry`, { userName: account.accid, role: 'qchatAudience', properties: {} });
  assert.ok(Number.isSafeInteger(member.rtcUid) && member.rtcUid > 0, `rtcUid ${member.rtcUid}`);
  return { uid: member.rtcUid, token: member.rtcToken, link, rest };
}

/** A page with an engine of `version` that has joined. */
export async function engineJoins(world, channelId, { uid, token }, { version = ENGINES.at(-1), dual = false, wire } = {}) {
  // The engine reports to its vendor whatever it is told: refused, not our fault.
  const page = await world.bare(`/engine/${version}.js`, { outside: new Set() });
  if (wire) tap(page, wire);
  await page.addScriptTag({ url: '/page/engine.js' });
  await page.evaluate((o) => window.engine.join(o), { uid, token, channelId, dual, appkey: world.app.key, ready: world.server.ready });
  return page;
}

/** Collects what goes over the signalling sockets of a page: `{sent, method, data}`, and for answers `{code}`. Sockets of any kind that fail are `{failed}`. */
function tap(page, wire) {
  page.on('websocket', (socket) => {
    socket.on('socketerror', (error) => wire.push({ failed: socket.url(), error }));
    if (!socket.url().includes('/rtc/signal')) return;
    const methods = new Map();
    const read = (sent) => ({ payload }) => {
      const { id, method, data, request, response, notification } = JSON.parse(payload);
      if (sent && request) methods.set(id, method);
      if (request || notification) wire.push({ sent, method, data });
      else if (response && !sent) wire.push({ sent, method: methods.get(id), code: data?.code, data });
    };
    socket.on('framesent', read(true));
    socket.on('framereceived', read(false));
  });
}

export const publish = (page, uid, media) => page.evaluate(([uid, media]) => window.engine.publish(uid, media), [uid, media]);

const pageMedia = (page) => page.evaluate(() => window.media());
export async function grows(page, key, by, message, tries = 30) {
  let before = (await pageMedia(page))[key];
  for (let i = 0; i < tries; i++) {
    await page.waitForTimeout(500);
    const now = (await pageMedia(page))[key];
    if (now - before >= by) return;
    // A connection that was replaced starts to count anew.
    before = Math.min(before, now);
  }
  assert.fail(`${message}: ${key} grew by ${(await pageMedia(page))[key] - before}, wanted ${by}`);
}

/** A member with an engine in a page, what the engine told its app and what it said on the wire. */
export class Engine {
  wire = [];

  /** `call` is `{world, channelId}`. */
  constructor(call, account, version) {
    Object.assign(this, { call, account, version });
  }

  async enter(device, { dual = false } = {}) {
    this.seat = await entry(this.call.world, this.account, this.call.channelId, device);
    this.uid = this.seat.uid;
    this.page = await engineJoins(this.call.world, this.call.channelId, this.seat, { version: this.version, dual, wire: this.wire });
  }

  run = (f, ...args) => this.page.evaluate(f, ...args);
  publish = (media) => publish(this.page, this.uid, media);
  mark = () => this.run(() => window.engine.seen.length);

  /** Until the engine told its app of `name` since `since`. */
  saw = (name, where = {}, since = 0, timeout = 10_000) => eventually(
    () => this.run(([name, where, since]) => window.engine.seen.slice(since).some((e) => e.name === name && Object.entries(where).every(([k, v]) => String(e[k]) === String(v))), [name, where, since]),
    `engine ${this.version} of ${this.account.accid}: no ${name} ${JSON.stringify(where)}`, timeout,
  );

  async didNotSee(name, since) {
    const seen = await this.run(([name, since]) => window.engine.seen.slice(since).filter((e) => e.name === name), [name, since]);
    assert.deepEqual(seen, [], `engine ${this.version} of ${this.account.accid} saw ${name}`);
  }

  received = () => this.run(() => window.engine.received());

  /** Until `voices` received streams carry sound, and `pictures` decode frames, at the same time. */
  receives({ voices = 0, pictures = 0 }, message, timeout = 20_000) {
    return eventually(async () => {
      const before = new Map((await this.received()).map((s) => [s.ssrc, s]));
      await this.page.waitForTimeout(1_200);
      const now = await this.received();
      const grew = (key, by) => now.filter((s) => s[key] - (before.get(s.ssrc)?.[key] ?? 0) >= by).length;
      const found = { voices: grew('energy', HEARD), pictures: grew('frames', 5) };
      return found.voices === voices && found.pictures === pictures ? found : null;
    }, `engine ${this.version} of ${this.account.accid} ${message}: not ${voices} voices and ${pictures} pictures`, timeout);
  }

  /** SRTP ciphers of its connections. */
  ciphers = async () => (await this.run(() => window.media())).ciphers;

  /** Widths of the pictures that are being decoded. */
  widths = async () => (await this.received()).filter((s) => s.kind === 'video').map((s) => s.width);

  cutSignalling = () => this.run(() => {
    const open = window.instruments.sockets.filter((s) => s.url.includes('/rtc/signal') && s.readyState === WebSocket.OPEN);
    for (const socket of open) socket.close();
    return open.length;
  });

  answers = (method, since = 0) => this.wire.slice(since).filter((m) => !m.sent && m.method === method && m.code !== undefined).map((m) => m.code);
  notified = (method, since = 0) => this.wire.slice(since).filter((m) => !m.sent && m.method === method && m.code === undefined);

  close = () => this.page?.context().close();
}
