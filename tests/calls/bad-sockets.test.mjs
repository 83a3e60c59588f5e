// Sockets cut and dead, for 1 s, 10 s and 60 s: who keeps the seat, who is told of what, and when. Mostly waits.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBreakable } from './breakable.mjs';
import { KIT_HOST, QCHAT_HOST } from './people.mjs';
import { closePages } from './room.mjs';

/** ms for which the kit tries before it gives signalling up, and some for a busy machine. */
const GIVEN_UP_MS = 50_000;

let world, place, pair;
before(async () => {
  ({ world, place, pair } = await openBreakable(['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gil', 'hal', 'ivy', 'jon']));
});
after(() => world.close());

describe('side by side', { concurrency: true }, () => {
  test('push link and signalling cut for 1 s, then for 10 s: media goes on, nobody is told', { timeout: 180_000 }, async () => {
    const { a, b, tunnels, nothingTold, works, socketsBack, marks } = await pair('ann', 'bob', ['0.17.2', '10.8.1']);
    await works();
    marks.splice(0, 2, a.mark(), b.mark());
    for (const ms of [1_000, 10_000]) {
      const cut = tunnels.refuse(KIT_HOST);
      assert.ok(cut >= 2, `${cut} connections cut`);
      const back = sleep(ms);
      await b.hears(`while the sockets are away for ${ms} ms`);
      await back;
      tunnels.restore(KIT_HOST);
      await socketsBack();
      await Promise.all([a.hears('with new sockets'), b.hears('with new sockets')]);
      nothingTold();
    }
    const since = b.mark();
    await a.mute();
    await b.event('memberAudioMuteChanged', { since, where: (e) => e.memberAccId === a.accid && e.mute });
    await closePages(a, b);
  });

  test('one who only listens, and whose sockets are dead for 10 s, keeps its seat', { timeout: 180_000 }, async () => {
    const { a, b, tunnels, nothingTold, works, socketsBack } = await pair('cat', 'dan');
    // Longer than the grace without any media: the sockets alone keep the seat.
    await sleep(17_000);
    nothingTold();
    assert.ok(tunnels.stall(KIT_HOST) >= 2);
    await sleep(10_000);
    tunnels.restore(KIT_HOST);
    await sleep(6_000);
    nothingTold();
    await socketsBack();
    await works();
    await closePages(a, b);
  });

  test('push link and signalling cut for 60 s: SOCKET_ERROR, peers see the leave, and connectChannel works again', { timeout: 240_000 }, async () => {
    const { channelId, a, b, tunnels, works, marks: [sinceA, sinceB] } = await pair('eve', 'fay', ['10.8.1', '0.17.2']);
    const cut = performance.now();
    tunnels.refuse(KIT_HOST);
    const [reason] = await a.event('RTCChannelError', { since: sinceA, timeout: GIVEN_UP_MS });
    assert.equal(reason, 'SOCKET_ERROR');
    await a.event('qchatMediaDisconnect', { since: sinceA });
    await b.event('memberLeaveRTCChannel', { since: sinceB, where: (l) => l.includes(a.accid), timeout: GIVEN_UP_MS });
    await sleep(Math.max(0, 60_000 - (performance.now() - cut)));
    tunnels.restore(KIT_HOST);
    const again = b.mark();
    await a.enterAgain(place.serverId, channelId);
    await b.event('memberJoinRTCChannel', { since: again, where: (l) => l.includes(a.accid) });
    await works();
    await closePages(a, b);
  });

  for (const version of ['0.17.2', '10.8.1']) {
    test(`the QChat link cut: the SDK leaves, logs in again, and connects again (${version})`, { timeout: 180_000 }, async () => {
      const names = version === '0.17.2' ? ['gil', 'hal'] : ['ivy', 'jon'];
      const { channelId, a, b, tunnels, works, marks: [sinceA, sinceB] } = await pair(...names, [version, '10.8.1']);
      assert.ok(tunnels.refuse(QCHAT_HOST) >= 1);
      await a.event('disconnect', { since: sinceA });
      await a.event('qchatMediaDisconnect', { since: sinceA });
      await b.event('memberLeaveRTCChannel', { since: sinceB, where: (l) => l.includes(a.accid), timeout: 15_000 });
      tunnels.restore(QCHAT_HOST);
      await a.event('logined', { since: sinceA, timeout: 30_000 });
      await a.enterAgain(place.serverId, channelId);
      await works();
      await closePages(a, b);
    });
  }
});
