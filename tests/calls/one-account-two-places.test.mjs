// The newest place of an account wins; a place that enters again is the same member.
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

test('a second device of the account takes the seat, the first ends with kICK_BY_SELF', { timeout: 60_000 }, async () => {
  const channelId = await place.channel();
  const listener = await world.person(bob, '10.8.1');
  await listener.enter(place.serverId, channelId);
  const first = await world.person(ann, '10.8.1');
  await first.enter(place.serverId, channelId);
  const second = await world.person(ann, '0.17.2');
  await second.enter(place.serverId, channelId);
  await first.event('RTCChannelEnded', { where: (r) => r === 'kICK_BY_SELF' });
  await second.unmute();
  await listener.hears('from the second device');
  assert.ok(!second.saw('RTCChannelEnded'), 'the newer one was thrown out');
  const online = await listener.call('qchatMedia.getRTCChannelOnlineMembers', { serverId: place.serverId, channelId });
  assert.deepEqual(online.map((m) => m.accid).sort(), [ann.accid, bob.accid].sort());
  await Promise.all([listener, first, second].map((p) => p.page.context().close()));
});

test('kickOtherClients of the account\'s other device ends its call too', { timeout: 60_000 }, async () => {
  const channelId = await place.channel();
  const listener = await world.person(bob, '10.8.1');
  await listener.enter(place.serverId, channelId);
  const talker = await world.person(ann, '10.8.1');
  await talker.enter(place.serverId, channelId);
  await talker.unmute();
  await listener.hears('at the start');
  const [{ deviceId }] = await talker.event('logined');
  const other = await world.person(ann, '0.17.2');
  await other.call('kickOtherClients', { deviceIds: [deviceId] });
  await talker.event('kicked');
  await talker.event('qchatMediaDisconnect');
  await listener.event('memberLeaveRTCChannel', { where: (l) => l.includes(ann.accid), timeout: 15_000 });
  await listener.hearsNothing('after the kick');
  await Promise.all([listener, talker, other].map((p) => p.page.context().close()));
});
