// A member's whole network dead, for 10 s and for good: who keeps the seat, and when it is lost. Mostly waits.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBreakable } from './breakable.mjs';
import { eventually, KIT_HOST, QCHAT_HOST } from './people.mjs';
import { closePages } from './room.mjs';

/** ms after its last sign within which a dead member is out, one for a busy machine included. */
const GHOST_MS = 16_000;

let world, place, pair;
before(async () => {
  ({ world, place, pair } = await openBreakable(['ann', 'bob', 'cat', 'dan']));
});
after(() => world.close());

/** Blocks what carries a person's media, and what it may open next. */
function block(flows, blocked) {
  world.relay.fresh = blocked ? { up: { blocked }, down: { blocked } } : {};
  for (const flow of flows) for (const way of [flow.up, flow.down]) way.set({ blocked });
}

// These block flows that begin while they run, so nobody else may begin one.
test('everything dead for 10 s: nobody is told, and sound is back by itself', { timeout: 120_000 }, async () => {
  const { a, b, tunnels, nothingTold, works, marks } = await pair('ann', 'bob');
  await works();
  marks.splice(0, 2, a.mark(), b.mark());
  const flows = await world.flows(a);
  for (const host of [KIT_HOST, QCHAT_HOST]) tunnels.stall(host);
  block(flows, true);
  await sleep(10_000);
  for (const host of [KIT_HOST, QCHAT_HOST]) tunnels.restore(host);
  block(flows, false);
  await Promise.all([a.hears('after the dead time'), b.hears('after the dead time')]);
  await sleep(6_000);
  nothingTold();
  await closePages(a, b);
});

for (const media of [true, false]) {
  test(`a power cut: a member ${media ? 'who speaks' : 'who only listens'} is out within 15 s`, { timeout: 120_000 }, async (t) => {
    const { channelId, a, b, tunnels, works, marks } = await pair('cat', 'dan');
    if (media) await works();
    marks[1] = b.mark();
    const flows = await world.flows(a);
    const cut = Date.now();
    for (const host of [KIT_HOST, QCHAT_HOST]) assert.ok(tunnels.stall(host) >= 1);
    block(flows, true);
    await b.event('memberLeaveRTCChannel', { since: marks[1], where: (l) => l.includes(a.accid), timeout: 40_000 });
    // By the server's log: a page that waits for its turn on a busy machine says nothing about the seat.
    const ended = () => world.server.log().split('\n').find((l) => l.includes('a media seat ended') && l.includes(channelId));
    const line = await eventually(ended, 'no line of its end in the log');
    assert.match(line, /reason="silent"/);
    const took = Date.parse(line.split(' ')[0]) - cut;
    t.diagnostic(`out after ${took} ms`);
    assert.ok(took > 10_000, `out after ${took} ms, though a cut of 10 s is no event`);
    assert.ok(took <= GHOST_MS, `out after ${took} ms`);
    const online = await b.call('qchatMedia.getRTCChannelOnlineMembers', { serverId: place.serverId, channelId });
    assert.deepEqual(online.map((m) => m.accid), [b.accid]);
    world.relay.fresh = {};
    await closePages(a, b);
  });
}
