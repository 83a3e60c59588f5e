// A channel spread over two media threads: everybody hears and sees everybody, and rights bind at both.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openWorld } from './people.mjs';
import { closePages } from './room.mjs';

let world, place, accounts;
before(async () => {
  world = await openWorld({ ownServer: true, env: { ROTUNDA_MEDIA__WORKERS: '2', ROTUNDA_MEDIA__WORKER_MEMBERS: '1' } });
  accounts = await world.app.accounts('calls', ['ann', 'ben', 'cat', 'dan']);
  const { ann, ...others } = accounts;
  place = await world.community(ann, Object.values(others));
});
after(() => world.close());

/** UDP ports of the server to which the page is connected. */
const servers = (page) => page.evaluate(async () => {
  const ports = new Set();
  for (const peer of window.instruments.peers) {
    if (peer.connectionState !== 'connected') continue;
    const stats = await peer.getStats();
    for (const s of stats.values()) {
      if (s.type === 'candidate-pair' && s.state === 'succeeded') ports.add(stats.get(s.remoteCandidateId)?.port);
    }
  }
  return [...ports];
});

test('four people on two media threads', { timeout: 180_000 }, async () => {
  const channelId = await place.channel();
  const people = [];
  for (const name of Object.keys(accounts)) {
    const person = await world.person(accounts[name], '10.8.1');
    await person.enter(place.serverId, channelId);
    people.push(person);
  }
  const [ann, ben, ...rest] = people;
  await ann.unmute();
  await ben.unmute();
  await ann.call('qchatMedia.unMuteVideo', { accid: ann.accid });
  for (const person of [ben, ...rest]) {
    await person.watch(ann.accid);
    await person.hears('the speakers');
    await person.sees(20, 'sees the camera');
  }
  await ann.hears('the other speaker');
  const ports = await Promise.all(people.map((person) => servers(person.page)));
  assert.ok(ports.every((own) => own.length === 1), `each has one thread: ${JSON.stringify(ports)}`);
  assert.deepEqual([...new Set(ports.flat())].sort(), [world.server.port, world.server.port + 1], 'both threads have members');

  // Moderation binds at the listener's thread as at the speaker's.
  const since = rest.map((person) => person.mark());
  for (const who of [ann, ben]) await ann.call('qchatMedia.muteAudio', { accid: who.accid });
  for (const [i, person] of rest.entries()) {
    await person.event('memberAudioMuteChanged', { since: since[i], where: (e) => e.memberAccId === ben.accid && e.mute });
    await person.hearsNothing('of those who are muted');
  }
  await ann.call('qchatMedia.kickMemberOut', { accid: ben.accid });
  await ben.event('RTCChannelEnded');
  const log = world.server.log();
  assert.ok(!/media command refused|panicked/.test(log), log.slice(-2_000));
  await closePages(...people);
});
