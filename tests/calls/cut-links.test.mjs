// Push link and RTC signalling cut for a moment: nobody notices.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openWorld } from './people.mjs';

let world, place, ann, bob;
before(async () => {
  world = await openWorld();
  ann = await world.app.account('ann');
  bob = await world.app.account('bob');
  place = await world.community(ann, [bob]);
});
after(() => world.close());

test('both sockets of the kit are cut: media goes on, nobody is told of a leave', { timeout: 90_000 }, async () => {
  const channelId = await place.channel();
  const [a, b] = [await world.person(ann, '10.8.1'), await world.person(bob, '10.8.1')];
  await a.enter(place.serverId, channelId);
  await b.enter(place.serverId, channelId);
  await a.unmute();
  await b.hears('before the cut');
  const [sinceA, sinceB] = [a.mark(), b.mark()];
  // The QChat link is the first socket of the page; every later one belongs to the kit.
  const cut = await a.page.evaluate(() => {
    const later = window.instruments.sockets.slice(1).filter((s) => s.readyState === WebSocket.OPEN);
    for (const socket of later) socket.close();
    return later.length;
  });
  assert.ok(cut >= 2, `${cut} sockets cut`);
  await b.hears('while the sockets are away');
  await a.page.waitForTimeout(6_000);
  const back = (await a.holding()).sockets.length;
  assert.ok(back >= 3, `${back} sockets open again`);
  await b.hears('afterwards');
  for (const [p, since] of [[a, sinceA], [b, sinceB]]) {
    for (const name of ['memberLeaveRTCChannel', 'memberJoinRTCChannel', 'RTCChannelEnded', 'RTCChannelError', 'disconnect']) assert.ok(!p.saw(name, { since }), `${p.accid} saw ${name}`);
  }
  // Commands and events work on the new sockets.
  const since = b.mark();
  await a.mute();
  await b.event('memberAudioMuteChanged', { since, where: (e) => e.memberAccId === ann.accid && e.mute });
  await b.unmute();
  await a.event('memberAudioMuteChanged', { since: sinceA, where: (e) => e.memberAccId === bob.accid && !e.mute });
  await a.hears('the other way');
  await Promise.all([a, b].map((p) => p.page.context().close()));
});

test('the QChat link cut: the SDK leaves, logs in again, and connects again', { timeout: 90_000 }, async () => {
  const channelId = await place.channel();
  const [a, b] = [await world.person(ann, '0.17.2'), await world.person(bob, '10.8.1')];
  await a.enter(place.serverId, channelId);
  await b.enter(place.serverId, channelId);
  const since = a.mark();
  await a.page.evaluate(() => window.instruments.sockets[0].close());
  await a.event('disconnect', { since });
  await a.event('qchatMediaDisconnect', { since });
  await b.event('memberLeaveRTCChannel', { where: (l) => l.includes(ann.accid), timeout: 15_000 });
  await a.event('logined', { since, timeout: 15_000 });
  await a.enterAgain(place.serverId, channelId);
  await a.unmute();
  await b.hears('after the new login');
  await Promise.all([a, b].map((p) => p.page.context().close()));
});
