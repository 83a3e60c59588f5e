// Connect and disconnect five times on one instance: everything works each time, nothing is left behind.
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

for (const version of ['0.17.2', '10.8.1']) {
  test(`five cycles on one instance (${version})`, { timeout: 120_000 }, async () => {
    const channelId = await place.channel();
    const listener = await world.person(bob, version);
    await listener.enter(place.serverId, channelId);
    const guest = await world.person(ann, version);
    const before = await guest.holding();
    for (let cycle = 1; cycle <= 5; cycle++) {
      const [heard, told] = [listener.mark(), guest.mark()];
      await (cycle === 1 ? guest.enter(place.serverId, channelId) : guest.enterAgain(place.serverId, channelId));
      await guest.unmute();
      await guest.call('qchatMedia.unMuteVideo', { accid: guest.accid });
      await listener.event('memberJoinRTCChannel', { since: heard, where: (l) => l.includes(guest.accid) });
      await listener.hears(`in cycle ${cycle}`);
      assert.ok((await guest.holding()).tracks === 2, 'one microphone, one camera');
      await guest.leave();
      await guest.event('qchatMediaDisconnect', { since: told });
      await listener.event('memberLeaveRTCChannel', { since: heard, where: (l) => l.includes(guest.accid) });
      const count = (name) => guest.events.slice(told).filter((e) => e.name === name).length;
      assert.deepEqual([count('connectChannel'), count('RTCChannelEnded'), count('qchatMediaDisconnect')], [1, 1, 1], `events of cycle ${cycle}`);
      assert.deepEqual(await guest.holding(), before, `left behind after cycle ${cycle}`);
    }
    assert.deepEqual(await guest.page.evaluate(() => window.instruments.unhandled), []);
    await Promise.all([listener, guest].map((p) => p.page.context().close()));
  });
}
