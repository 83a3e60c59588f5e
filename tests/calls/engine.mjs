// Drives the vendor's engine as npm ships it. Its token chain: 25_1 on the QChat link, entry in the room service,
// channel info, Join.
import assert from 'node:assert/strict';

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

export async function engineJoins(world, channelId, { uid, token }) {
  const page = await world.bare('/nertc.js', { outside: new Set() });
  await page.evaluate(async ({ uid, token, channelId, appkey, ready }) => {
    const N = window.NERTC;
    N.Logger?.setLogLevel?.(3);
    window.seen = [];
    const client = window.client = N.createClient({ appkey, debug: false });
    for (const name of ['peer-online', 'peer-leave', 'stream-added', 'stream-removed', 'mute-audio', 'unmute-audio', 'client-banned', 'error']) {
      client.on(name, (e) => window.seen.push([name, e?.uid ?? e?.stream?.getId?.() ?? null]));
    }
    client.on('stream-added', async ({ stream }) => {
      stream.setSubscribeConfig({ audio: true, video: true });
      await client.subscribe(stream);
    });
    client.on('stream-subscribed', ({ stream }) => stream.play(document.getElementById('views'), { audio: true, video: true }).catch(() => undefined));
    await client.join({
      channelName: channelId, uid, token,
      neRtcServerAddresses: { channelServer: ready.channel_server, statisticsServer: ready.statistics_server, statisticsWebSocketServer: ready.statistics_websocket_server, roomServer: ready.room_server },
    });
  }, { uid, token, channelId, appkey: world.app.key, ready: world.server.ready });
  return page;
}

export const publish = (page, uid) => page.evaluate(async (uid) => {
  const stream = window.stream = window.NERTC.createStream({ uid, audio: true, video: true, client: window.client });
  await stream.init();
  await window.client.publish(stream);
}, uid);

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
