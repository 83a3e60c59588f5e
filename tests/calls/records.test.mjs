// What an operator reads of calls afterwards: who, when, how much, and why it ended; also of those a crash cut off.
// Mostly waits.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, openWorld } from './people.mjs';

/** ms of a call, so that there is something to count. */
const TALK_MS = 2_000;

let world, place, ann, bob;
before(async () => {
  world = await openWorld({ ownServer: true });
  ann = await world.app.account('ann');
  bob = await world.app.account('bob');
  place = await world.community(ann, [bob]);
});
after(() => world.close());

const sessions = async (channelId, accid) =>
  (await world.server.cli('sessions', '--server', place.serverId, '--channel', channelId, '--account', accid)).sessions;

/** The only session of this account in this channel, once it has ended. */
const ended = (channelId, accid) => eventually(async () => {
  const [session, ...others] = await sessions(channelId, accid);
  assert.deepEqual(others, []);
  return session.reason && session;
}, `no record of the end of ${accid}`, 5_000);

test('a call leaves a record of each member', { timeout: 90_000 }, async () => {
  const channelId = await place.channel();
  const [a, b] = [await world.person(ann, '0.17.2'), await world.person(bob, '10.8.1')];
  const start = Date.now();
  await a.enter(place.serverId, channelId);
  await b.enter(place.serverId, channelId);
  assert.deepEqual((await sessions(channelId, ann.accid)).map((s) => [s.ended, s.reason]), [[null, null]], 'while it goes on');
  await a.unmute();
  await b.hears('the call');
  await b.listen(TALK_MS);
  await a.leave();
  const talked = (Date.now() - start) / 1000;
  const from = await ended(channelId, ann.accid);
  await b.leave();
  const to = await ended(channelId, bob.accid);

  for (const session of [from, to]) {
    assert.equal(session.reason, 'left');
    assert.equal(session.client, 'web');
    assert.equal(session.protocol, 'udp');
    assert.equal(session.srtp, 'AEAD_AES_128_GCM');
    assert.equal(session.channel, channelId);
    assert.equal(session.server, place.serverId);
    assert.ok(session.device && session.link_device);
    assert.ok(session.entered >= start && session.ended > session.entered && session.ended <= Date.now(), JSON.stringify(session));
  }
  // Opus of 20 ms: 50 packets a second at most, and two seconds of them were listened to.
  const { up } = from;
  assert.ok(up.packets >= 75 && up.packets <= talked * 55, `${up.packets} packets up in ${talked} s`);
  const size = up.bytes / up.packets;
  assert.ok(size > 30 && size < 400, `${size} bytes per packet`);
  assert.ok(up.lost <= up.packets / 20, `${up.lost} lost on loopback`);
  assert.deepEqual(from.down, { packets: 0, bytes: 0, lost: 0 }, 'bob was silent');
  assert.equal(to.up.packets, 0);
  assert.ok(to.down.packets > up.packets / 2 && to.down.packets <= up.packets, `${to.down.packets} down of ${up.packets} up`);
  await Promise.all([a, b].map((p) => p.page.context().close()));
});

test('a closed tab is out within 15 s, and so is its record', { timeout: 90_000 }, async () => {
  const channelId = await place.channel();
  const [a, b] = [await world.person(ann, '0.17.2'), await world.person(bob, '10.8.1')];
  await a.enter(place.serverId, channelId);
  await b.enter(place.serverId, channelId);
  await b.unmute();
  await a.hears('before the tab is closed');
  await a.listen(TALK_MS);
  const closed = Date.now();
  await b.page.context().close();
  await a.event('memberLeaveRTCChannel', { where: (l) => l.includes(b.accid), timeout: 20_000 });
  const took = Date.now() - closed;
  assert.ok(took <= 15_000, `out after ${took} ms`);
  const session = await ended(channelId, bob.accid);
  assert.ok(['link_gone', 'silent'].includes(session.reason), session.reason);
  assert.ok(session.up.packets > 75, JSON.stringify(session.up));
  await a.leave();
  await a.page.context().close();
});

for (const crash of [false, true]) {
  test(`${crash ? 'a crash' : 'a stop'} ends the record`, { timeout: 90_000 }, async () => {
    const channelId = await place.channel();
    const a = await world.person(ann, '0.17.2');
    await a.enter(place.serverId, channelId);
    await a.unmute();
    await eventually(async () => (await sessions(channelId, ann.accid)).length === 1, 'no record of the entry');
    await a.page.waitForTimeout(1_500);
    const before = Date.now();
    // Gone before the server is back, or it would enter again.
    const [, session] = await Promise.all([a.event('disconnect').then(() => a.page.context().close()), (async () => {
      await (crash ? world.server.crash() : world.server.shutdown());
      const whileDown = await sessions(channelId, ann.accid);
      await world.server.start();
      const [after] = await sessions(channelId, ann.accid);
      if (!crash) assert.deepEqual(whileDown, [after], 'written before the server ended');
      return after;
    })()]);
    assert.equal(session.reason, 'server_stopped');
    assert.equal(session.ended, session.seen);
    if (crash) assert.ok(session.ended < before + 1_000, 'not the time of the next start');
    else assert.ok(session.up.packets > 50, JSON.stringify(session));
  });
}
