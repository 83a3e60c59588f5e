// The vendor's engine, unmodified from npm, in the same channel as our kit. Its token chain: 25_1 on the QChat link,
// entry in the room service, channel info, Join.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openWorld } from './people.mjs';

let world, place, ada, eve;
before(async () => {
  world = await openWorld();
  ada = await world.app.account('ada');
  eve = await world.app.account('eve');
  place = await world.community(ada, [eve]);
});
after(() => world.close());

/** What the engine needs to join: `{uid, token}`. The returned link must stay open: it is the session. */
async function entry(account, channelId, deviceId) {
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

async function engineJoins(channelId, { uid, token }) {
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

const publish = (page, uid) => page.evaluate(async (uid) => {
  const stream = window.stream = window.NERTC.createStream({ uid, audio: true, video: true, client: window.client });
  await stream.init();
  await window.client.publish(stream);
}, uid);

const pageMedia = (page) => page.evaluate(() => window.media());
async function grows(page, key, by, message) {
  const before = (await pageMedia(page))[key];
  for (let tries = 0; tries < 30; tries++) {
    await page.waitForTimeout(500);
    if ((await pageMedia(page))[key] - before >= by) return;
  }
  assert.fail(`${message}: ${key} grew by ${(await pageMedia(page))[key] - before}, wanted ${by}`);
}

test('engine and kit hear and see each other', { timeout: 120_000 }, async () => {
  const channelId = await place.channel();
  const a = await world.person(ada, '10.8.1');
  await a.enter(place.serverId, channelId);
  await a.unmute();
  await a.call('qchatMedia.unMuteVideo', { accid: ada.accid });
  await a.watch(eve.accid);

  const seat = await entry(eve, channelId, 'engine-device');
  const engine = await engineJoins(channelId, seat);
  await a.event('memberJoinRTCChannel', { where: (l) => l.includes(eve.accid), timeout: 15_000 });
  await grows(engine, 'audioEnergy', 1e-3, 'the engine hears the kit');
  await grows(engine, 'framesDecoded', 20, 'the engine sees the kit');

  await publish(engine, seat.uid);
  await a.event('memberAudioMuteChanged', { where: (e) => e.memberAccId === eve.accid && !e.mute });
  await a.hears('the engine');
  await a.sees(20, 'sees the engine');

  const since = a.mark();
  await engine.evaluate(() => window.stream.muteAudio());
  const [muted] = await a.event('memberAudioMuteChanged', { since, where: (e) => e.memberAccId === eve.accid });
  assert.equal(muted.mute, true);
  await a.hearsNothing('of the muted engine');
  await engine.evaluate(() => window.stream.unmuteAudio());
  await a.event('memberAudioMuteChanged', { since, where: (e) => e.memberAccId === eve.accid && !e.mute });
  await a.hears('the engine again');

  await engine.evaluate(() => window.client.leave());
  // The SDK's event is the end of the seat, and an engine that leaves RTC keeps its seat for the 15 s of the grace.
  await a.event('memberLeaveRTCChannel', { where: (l) => l.includes(eve.accid), timeout: 25_000 });
  await a.page.context().close();
  await engine.context().close();
});

test('a token of another seat opens nothing', { timeout: 60_000 }, async () => {
  const channelId = await place.channel();
  const other = await place.channel();
  const seat = await entry(eve, channelId, 'engine-other');
  const info = (fields) => fetch(world.server.ready.channel_server, { method: 'POST', body: new URLSearchParams({ uid: String(seat.uid), appkey: world.app.key, channelName: channelId, secureType: '1', checksum: seat.token, osType: '4', mode: '2', netType: '0', version: '5.8.34', curtime: '1', webrtc: '1', nrtcg2: '1', t1: '5', ...fields }) }).then((r) => r.json());
  const good = await info({});
  assert.equal(good.code, 200, JSON.stringify(good));
  assert.match(String(good.cid), /^\d+$/);
  assert.equal(Number(good.time.t1), 5);
  assert.ok(Array.isArray(good.ips.webrtcarray) && good.ips.webrtcarray[0].startsWith('wss://'));
  assert.equal((await info({ channelName: other })).code, 403);
  assert.equal((await info({ uid: String(seat.uid + 1) })).code, 403);
  assert.equal((await info({ checksum: `${seat.token}x` })).code !== 200, true);
});

test('an engine whose member loses the right is kicked off', { timeout: 90_000 }, async () => {
  const channelId = await place.channel();
  const seat = await entry(eve, channelId, 'engine-evicted');
  const engine = await engineJoins(channelId, seat);
  await place.addOverride(channelId, eve.accid);
  await place.override(channelId, eve.accid, { 15: -1 });
  await engine.waitForFunction(() => window.instruments.peers.every((p) => p.connectionState === 'closed') && window.seen.some(([n]) => n === 'client-banned'), null, { timeout: 15_000 });
  const again = await engineJoins(channelId, seat).then(() => 'joined', () => 'refused');
  assert.equal(again, 'refused');
  await engine.context().close();
});
