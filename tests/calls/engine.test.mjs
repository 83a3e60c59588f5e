// The vendor's engine, unmodified from npm, in the same channel as our kit. Its token chain: 25_1 on the QChat link,
// entry in the room service, channel info, Join.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ENGINES, engineJoins, entry, grows, publish } from './engine.mjs';
import { openWorld } from './people.mjs';

let world, place, ada, eve;
before(async () => {
  world = await openWorld();
  ada = await world.app.account('ada');
  eve = await world.app.account('eve');
  place = await world.community(ada, [eve]);
});
after(() => world.close());

// Mostly they wait: an engine that leaves keeps its seat for the grace.
describe('side by side', { concurrency: true }, () => {
  for (const version of ENGINES) {
    test(`engine ${version} and kit hear and see each other`, { timeout: 120_000 }, async () => {
      const [kat, ede] = await Promise.all(['kat', 'ede'].map((name) => world.app.account(`${name}-${version}`)));
      const own = await world.community(kat, [ede]);
      const channelId = await own.channel();
      const a = await world.person(kat, '10.8.1');
      await a.enter(own.serverId, channelId);
      await a.unmute();
      await a.call('qchatMedia.unMuteVideo', { accid: kat.accid });
      await a.watch(ede.accid);

      const seat = await entry(world, ede, channelId, `engine-${version}`);
      const engine = await engineJoins(world, channelId, seat, { version });
      await a.event('memberJoinRTCChannel', { where: (l) => l.includes(ede.accid), timeout: 15_000 });
      await grows(engine, 'audioEnergy', 1e-3, 'the engine hears the kit');
      await grows(engine, 'framesDecoded', 20, 'the engine sees the kit');

      await publish(engine, seat.uid);
      await a.event('memberAudioMuteChanged', { where: (e) => e.memberAccId === ede.accid && !e.mute });
      await a.hears('the engine');
      await a.sees(20, 'sees the engine');

      const since = a.mark();
      await engine.evaluate(() => window.engine.stream.muteAudio());
      const [muted] = await a.event('memberAudioMuteChanged', { since, where: (e) => e.memberAccId === ede.accid });
      assert.equal(muted.mute, true);
      await a.hearsNothing('of the muted engine');
      await engine.evaluate(() => window.engine.stream.unmuteAudio());
      await a.event('memberAudioMuteChanged', { since, where: (e) => e.memberAccId === ede.accid && !e.mute });
      await a.hears('the engine again');

      await engine.evaluate(() => window.engine.client.leave());
      // The SDK's event is the end of the seat, and an engine that leaves RTC keeps its seat for the 15 s of the grace.
      await a.event('memberLeaveRTCChannel', { where: (l) => l.includes(ede.accid), timeout: 25_000 });
      await a.page.context().close();
      await engine.context().close();
    });
  }

  test('a page that just goes leaves its seat after the grace of 15 s, not before', { timeout: 90_000 }, async () => {
    const channelId = await place.channel();
    const a = await world.person(ada, '0.17.2');
    await a.enter(place.serverId, channelId);
    const seat = await entry(world, eve, channelId, 'engine-gone');
    const engine = await engineJoins(world, channelId, seat);
    await a.event('memberJoinRTCChannel', { where: (l) => l.includes(eve.accid), timeout: 15_000 });
    const gone = performance.now();
    await engine.context().close();
    await a.event('memberLeaveRTCChannel', { where: (l) => l.includes(eve.accid), timeout: 25_000 });
    const took = performance.now() - gone;
    assert.ok(took > 10_000 && took < 20_000, `left after ${Math.round(took)} ms`);
    await a.page.context().close();
  });
});

test('a token of another seat opens nothing', { timeout: 60_000 }, async () => {
  const channelId = await place.channel();
  const other = await place.channel();
  const seat = await entry(world, eve, channelId, 'engine-other');
  const info = (fields) => fetch(world.server.ready.channel_server, { method: 'POST', body: new URLSearchParams({ uid: String(seat.uid), appkey: world.app.key, channelName: channelId, secureType: '1', checksum: seat.token, osType: '4', mode: '2', netType: '0', version: '5.8.34', curtime: '1', webrtc: '1', nrtcg2: '1', t1: '5', ...fields }) }).then((r) => r.json());
  const good = await info({});
  assert.equal(good.code, 200, JSON.stringify(good));
  assert.match(String(good.cid), /^\d+$/);
  assert.equal(Number(good.time.t1), 5);
  assert.equal(good.ips.webrtcarray[0], `${new URL(world.server.origin).host}/rtc/signal`, 'bare, or 5.4.0 prefixes it a second time');
  assert.equal((await info({ channelName: other })).code, 403);
  assert.equal((await info({ uid: String(seat.uid + 1) })).code, 403);
  assert.equal((await info({ checksum: `${seat.token}x` })).code !== 200, true);
});

test('an engine whose member loses the right is kicked off', { timeout: 90_000 }, async () => {
  const channelId = await place.channel();
  const seat = await entry(world, eve, channelId, 'engine-evicted');
  const engine = await engineJoins(world, channelId, seat);
  await place.addOverride(channelId, eve.accid);
  await place.override(channelId, eve.accid, { 15: -1 });
  await engine.waitForFunction(() => window.instruments.peers.every((p) => p.connectionState === 'closed') && window.engine.seen.some((e) => e.name === 'client-banned'), null, { timeout: 15_000 });
  const again = await engineJoins(world, channelId, seat).then(() => 'joined', () => 'refused');
  assert.equal(again, 'refused');
  await engine.context().close();
});
