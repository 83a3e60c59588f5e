// The newest place of an account wins; a place that enters again is the same member.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openWorld } from './people.mjs';
import { closePages } from './room.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

for (const [version, other] of [['0.17.2', '10.8.1'], ['10.8.1', '0.17.2']]) {
  test(`${version}, and the account's other device with ${other}`, { timeout: 120_000 }, async (t) => {
    const [ann, bob] = await Promise.all(['ann', 'bob'].map((n) => world.app.account(`${n}-${version.replaceAll('.', '_')}`)));
    const place = await world.community(ann, [bob]);
    const channelId = await place.channel();
    const listener = await world.person(bob, version);
    await listener.enter(place.serverId, channelId);
    const first = await world.person(ann, version);
    const second = await world.person(ann, other);

    await t.test('a second device takes the seat, the first ends with kICK_BY_SELF', async () => {
      await first.enter(place.serverId, channelId);
      await first.unmute();
      await listener.hears('from the first device');
      await second.enter(place.serverId, channelId);
      await first.event('RTCChannelEnded', { where: (r) => r === 'kICK_BY_SELF' });
      const { peers, tracks } = await first.holding();
      assert.deepEqual({ peers, tracks }, { peers: 0, tracks: 0 });
      await second.unmute();
      await listener.hears('from the second device');
      assert.ok(!second.saw('RTCChannelEnded'), 'the newer one was thrown out');
      const online = await listener.call('qchatMedia.getRTCChannelOnlineMembers', { serverId: place.serverId, channelId });
      assert.deepEqual(online.map((m) => m.accid).sort(), [ann.accid, bob.accid].sort());
    });

    await t.test('kickOtherClients ends the call of the other device', async () => {
      const since = [first, second, listener].map((p) => p.mark());
      await first.enterAgain(place.serverId, channelId);
      await second.event('RTCChannelEnded', { since: since[1], where: (r) => r === 'kICK_BY_SELF' });
      await first.unmute();
      await listener.hears('the first device again');
      const [{ deviceId }] = await first.event('logined');
      await second.call('kickOtherClients', { deviceIds: [deviceId] });
      await first.event('kicked', { since: since[0] });
      await first.event('qchatMediaDisconnect', { since: since[0] });
      await listener.event('memberLeaveRTCChannel', { since: since[2], where: (l) => l.includes(ann.accid), timeout: 15_000 });
      await listener.hearsNothing('after the kick');
    });
    await closePages(listener, first, second);
  });
}
