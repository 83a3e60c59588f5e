// Sockets cut and links dead, for 1 s, 10 s and 60 s, and for good: who keeps the seat, who is told of what, and when.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, KIT_HOST, openWorld, QCHAT_HOST } from './people.mjs';
import { closePages, mediaEvents } from './room.mjs';

/** ms after its last sign within which a dead member is out, one for a busy machine included. */
const GHOST_MS = 16_000;
/** ms for which the kit tries before it gives signalling up, and some for a busy machine. */
const GIVEN_UP_MS = 50_000;

let world, place, accounts;
before(async () => {
  world = await openWorld({ relayed: true });
  accounts = await world.app.accounts('calls', ['owner', 'ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gil', 'hal', 'ivy', 'jon']);
  const { owner, ...members } = accounts;
  place = await world.community(owner, Object.values(members));
});
after(() => world.close());

/** Two in a channel of their own; `one` is behind tunnels that can be broken. */
async function pair(one, other, versions = ['10.8.1', '10.8.1']) {
  const channelId = await place.channel();
  const tunnels = await world.tunnels();
  const a = await world.person(accounts[one], versions[0], { tunnels });
  const b = await world.person(accounts[other], versions[1]);
  for (const p of [a, b]) await p.enter(place.serverId, channelId);
  await a.event('memberJoinRTCChannel', { where: (l) => l.includes(b.accid) });
  await b.event('memberJoinRTCChannel', { where: (l) => l.includes(a.accid) });
  const marks = [a.mark(), b.mark()];
  const nothingTold = () => [a, b].forEach((p, i) => assert.deepEqual(mediaEvents(p, marks[i]), [], `${p.accid} was told of something`));
  /** Commands and events pass again, both ways. */
  const works = async () => {
    const since = [a.mark(), b.mark()];
    await a.unmute();
    await b.event('memberAudioMuteChanged', { since: since[1], where: (e) => e.memberAccId === a.accid && !e.mute, timeout: 20_000 });
    await b.unmute();
    await a.event('memberAudioMuteChanged', { since: since[0], where: (e) => e.memberAccId === b.accid && !e.mute, timeout: 20_000 });
    await Promise.all([a.hears('afterwards'), b.hears('afterwards')]);
  };
  const kitSockets = async () => (await a.holding()).sockets.length - 1;
  const socketsBack = () => eventually(async () => (await kitSockets()) >= 2, 'the kit\'s sockets are not back', 20_000);
  return { channelId, tunnels, a, b, nothingTold, works, socketsBack, marks };
}

/** Blocks what carries a person's media, and what it may open next. */
function block(flows, blocked) {
  world.relay.fresh = blocked ? { up: { blocked }, down: { blocked } } : {};
  for (const flow of flows) for (const way of [flow.up, flow.down]) way.set({ blocked });
}

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
    const line = world.server.log().split('\n').find((l) => l.includes('a media seat ended') && l.includes(channelId));
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
