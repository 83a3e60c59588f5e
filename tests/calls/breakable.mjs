// Pairs of people of whom one is behind sockets and media paths that can be broken.
import assert from 'node:assert/strict';
import { eventually, openWorld } from './people.mjs';
import { mediaEvents } from './room.mjs';

/** A relayed world with a community of these people; close `world` in `after`. */
export async function openBreakable(names) {
  const world = await openWorld({ relayed: true });
  const { owner, ...accounts } = await world.app.accounts('calls', ['owner', ...names]);
  const place = await world.community(owner, Object.values(accounts));
  return { world, place, pair: (one, other, versions) => pair({ world, place, accounts }, one, other, versions) };
}

/** Two in a channel of their own; `one` is behind tunnels that can be broken. */
async function pair({ world, place, accounts }, one, other, versions = ['10.8.1', '10.8.1']) {
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
