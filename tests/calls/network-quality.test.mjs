// Who is connected how well: our kit is told of everybody, itself included; the engine, which knows no such message, of
// nobody.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Engine, ENGINES } from './engine.mjs';
import { eventually, openWorld } from './people.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

/** The last list the kit gave, by account. */
const listen = (person, channelId) => person.page.evaluate((c) => {
  window.qualities = [];
  window.kit.roomService.getRoomContext(c).on('onRtcNetworkQuality', (list) => window.qualities.push(list));
}, channelId);
const lines = (person) => person.page.evaluate(() => Object.fromEntries((window.qualities.at(-1) ?? []).map((q) => [q.userUuid, q])));

test('the quality of every line, to our kit only', { timeout: 120_000 }, async () => {
  const [ann, ben, eve] = await Promise.all(['ann-line', 'ben-line', 'eve-line'].map((n) => world.app.account(n)));
  const place = await world.community(ann, [ben, eve]);
  const channelId = await place.channel();
  const a = await world.person(ann, '0.17.2');
  const b = await world.person(ben, '10.8.1');
  const engine = new Engine({ world, channelId }, eve, ENGINES[0]);
  await a.enter(place.serverId, channelId);
  await listen(a, channelId);
  await b.enter(place.serverId, channelId);
  await listen(b, channelId);
  await engine.enter('engine-line');
  await engine.publish();
  await a.unmute();
  await b.unmute();
  const accounts = [a.accid, b.accid, eve.accid].sort();
  const known = (line) => line && line.upStatus >= 1 && line.upStatus <= 5;
  for (const p of [a, b]) {
    const all = await eventually(async () => {
      const now = await lines(p);
      // Three send and two receive what the others send; the engine subscribes by itself as well.
      return accounts.every((accid) => known(now[accid])) && [a, b].every((q) => now[q.accid].downStatus >= 1) && now;
    }, `${p.accid} is not told of all lines`, 30_000);
    assert.deepEqual(Object.keys(all).sort(), accounts);
    for (const line of Object.values(all)) {
      assert.deepEqual(Object.keys(line).sort(), ['downStatus', 'upStatus', 'userUuid']);
    }
  }
  assert.deepEqual(engine.notified('OnUserData').filter((m) => m.data.externData.type === 'NetworkQuality'), []);

  // Who has left is no longer in the list.
  await engine.run(() => window.engine.client.leave());
  await engine.close();
  await a.mute();
  await eventually(async () => (await lines(b))[a.accid]?.upStatus === 0, 'a closed microphone has no quality', 20_000);
  assert.deepEqual(Object.keys(await lines(b)).sort(), [a.accid, b.accid].sort());
  await Promise.all([a, b].map((p) => p.page.context().close()));
});
