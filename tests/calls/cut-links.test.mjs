// Push link and RTC signalling cut for a moment: nobody notices. The QChat link cut: the app connects again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, openWorld } from './people.mjs';
import { closePages, cutKitSockets } from './room.mjs';

/** ms in which a leave that is wrongly told would have come, once the sockets are back. */
const SETTLED_MS = 5_000;

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

/** Two who talk in a channel of their own. */
async function pair(version, name) {
  const tag = `${name}-${version.replaceAll('.', '_')}`;
  const [ann, bob] = await Promise.all(['ann', 'bob'].map((n) => world.app.account(`${n}-${tag}`)));
  const place = await world.community(ann, [bob]);
  const channelId = await place.channel();
  const people = [];
  for (const account of [ann, bob]) {
    const person = await world.person(account, version);
    await person.enter(place.serverId, channelId);
    people.push(person);
  }
  const [a, b] = people;
  await a.unmute();
  await b.hears('before the cut');
  return { a, b, enterAgain: () => a.enterAgain(place.serverId, channelId) };
}

// Mostly they wait.
describe('side by side', { concurrency: true }, () => {
  for (const version of ['0.17.2', '10.8.1']) {
    test(`${version}: both sockets of the kit are cut: media goes on, nobody is told of a leave`, { timeout: 120_000 }, async () => {
      const { a, b } = await pair(version, 'kit');
      const [sinceA, sinceB] = [a.mark(), b.mark()];
      const cut = await cutKitSockets(a);
      assert.ok(cut >= 2, `${cut} sockets cut`);
      await b.hears('while the sockets are away');
      await eventually(async () => (await a.holding()).sockets.length >= 3, 'the sockets are not open again', 20_000);
      await a.page.waitForTimeout(SETTLED_MS);
      await b.hears('afterwards');
      for (const [p, since] of [[a, sinceA], [b, sinceB]]) {
        for (const name of ['memberLeaveRTCChannel', 'memberJoinRTCChannel', 'RTCChannelEnded', 'RTCChannelError', 'disconnect']) assert.ok(!p.saw(name, { since }), `${p.accid} saw ${name}`);
      }
      // Commands and events work on the new sockets.
      const since = b.mark();
      await a.mute();
      await b.event('memberAudioMuteChanged', { since, where: (e) => e.memberAccId === a.accid && e.mute });
      await b.unmute();
      await a.event('memberAudioMuteChanged', { since: sinceA, where: (e) => e.memberAccId === b.accid && !e.mute });
      await a.hears('the other way');
      await closePages(a, b);
    });

    test(`${version}: the QChat link cut: the SDK leaves, logs in again, and connects again`, { timeout: 120_000 }, async () => {
      const { a, b, enterAgain } = await pair(version, 'link');
      const since = a.mark();
      await a.page.evaluate(() => window.instruments.sockets[0].close());
      await a.event('disconnect', { since });
      await a.event('qchatMediaDisconnect', { since });
      await b.event('memberLeaveRTCChannel', { where: (l) => l.includes(a.accid), timeout: 15_000 });
      await a.event('logined', { since, timeout: 15_000 });
      await enterAgain();
      await a.unmute();
      await b.hears('after the new login');
      await closePages(a, b);
    });
  }
});
