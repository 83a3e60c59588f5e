// Drives the vendor's engine as npm ships it, by its public API. Its token chain: 25_1 on the QChat link, entry in the
// room service, channel info, Join.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The pinned versions of nertc-web-sdk. The newest comes last. */
export const ENGINES = ['4.6.50', '5.4.0', '5.8.34'];

/** The browser build of a version. */
export function enginePath(version) {
  if (!ENGINES.includes(version)) throw new Error(`engine version must be one of ${ENGINES.join(', ')}, not ${version}`);
  return require.resolve(`engine-${version}/NERTC.js`);
}

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

/** Collects what goes over the signalling sockets of a page: `{sent, method, data}`, and for answers `{code}`. */
function tap(page, wire) {
  page.on('websocket', (socket) => {
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
