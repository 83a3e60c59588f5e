#!/usr/bin/env node
// How long one is still heard after a moderator's command left: from the call in the moderator's page, who listens, to
// the last packet of sound that reached that page. One clock, the page's; packets come every 20 ms.
//
//   node revoke-to-silence.mjs [--trials 200] [--bar 100]
//
// The trials are shared among five ways to silence somebody. Exits with 1 when the 99th percentile is above the bar, ms.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { eventually, openWorld } from './people.mjs';
import { roomState } from './room.mjs';

const { values } = parseArgs({ options: { trials: { type: 'string', default: '200' }, bar: { type: 'string', default: '100' } } });
const VERSION = '10.8.1';

/** ms without a packet after which somebody is silent: twelve packets. */
const SILENT_MS = 250;
/** ms of speech before each command, so that packets flow evenly. */
const SPEECH_MS = 300;

const world = await openWorld({ ownServer: true });
try {
  const [boss, guest] = [await world.app.account('boss'), await world.app.account('guest')];
  const place = await world.community(boss, [guest]);
  const { serverId } = place;
  const channelId = await place.channel();
  const listener = await world.person(boss, VERSION);
  const speaker = await world.person(guest, VERSION);
  const { accid } = speaker;
  await listener.enter(serverId, channelId);
  await speaker.enter(serverId, channelId);
  await place.addOverride(channelId, accid);

  /** The call in the listener's page, and ms from it to the last packet; below 0 when none came any more. */
  const silence = (path, args) => listener.page.evaluate(async ([path, args, silentMs]) => {
    const since = performance.timeOrigin + performance.now();
    const done = window.callSdk(path, args);
    let { latest } = await window.reception();
    for (let still = performance.now(); performance.now() - still < silentMs; await new Promise((r) => setTimeout(r, 10))) {
      const now = (await window.reception()).latest;
      if (now > latest) [latest, still] = [now, performance.now()];
    }
    const { error } = await done;
    if (error) throw new Error(`${path}: ${JSON.stringify(error)}`);
    return latest - since;
  }, [path, args, SILENT_MS]);

  /** The speaker's own page knows, or it would take the next unmute for a repeat. */
  const told = (since) => speaker.event('memberAudioMuteChanged', { since, where: (e) => e.memberAccId === accid && e.mute, timeout: 15_000 });
  const lifted = () => eventually(async () => JSON.stringify((await roomState(speaker, channelId, 'roomProperties')).audioOff).includes('disable'), 'the lock is not lifted');
  const back = async (since) => {
    await speaker.event('RTCChannelEnded', { since, timeout: 15_000 });
    await speaker.enterAgain(serverId, channelId);
  };
  const WAYS = {
    'right lost': { run: () => silence('qchatRole.updateMemberRole', [{ serverId, channelId, accid, auths: { RTCChannelOpenMicrophone: 'deny' } }]), undo: (since) => told(since).then(() => place.override(channelId, accid, { 17: 0 })) },
    'mute by moderator': { run: () => silence('qchatMedia.muteAudio', [{ accid }]), undo: told },
    'mute-all': { run: () => silence('qchatMedia.muteAllAudio', []), undo: (since) => told(since).then(() => listener.call('qchatMedia.unMuteAllAudio')).then(lifted) },
    kick: { run: () => silence('qchatMedia.kickMemberOut', [{ accid }]), undo: back },
    ban: {
      run: () => silence('qchatServer.banServerMember', [{ serverId, accid }]),
      undo: async (since) => {
        await listener.call('qchatServer.unbanServerMember', { serverId, accid });
        await listener.call('qchatServer.inviteServerMembers', { serverId, accids: [accid], ps: '' });
        await back(since);
        await place.addOverride(channelId, accid);
      },
    },
  };
  const results = Object.fromEntries(Object.keys(WAYS).map((name) => [name, []]));
  for (let trial = 0; trial < Number(values.trials); trial++) {
    const name = Object.keys(WAYS)[trial % Object.keys(WAYS).length];
    await speaker.unmute();
    const spoken = await listener.page.evaluate(() => performance.timeOrigin + performance.now());
    await eventually(async () => (await listener.reception()).latest > spoken + 100, `the speaker is not received before trial ${trial}`, 20_000);
    await sleep(SPEECH_MS);
    const since = speaker.mark();
    results[name].push(await WAYS[name].run());
    await WAYS[name].undo(since);
  }
  const at = (list, q) => Math.round([...list].sort((x, y) => x - y)[Math.min(list.length - 1, Math.ceil(q * list.length) - 1)] * 10) / 10;
  const all = Object.values(results).flat();
  const ways = Object.fromEntries(Object.entries(results).filter(([, list]) => list.length).map(([name, list]) => [name, { median_ms: at(list, 0.5), max_ms: at(list, 1) }]));
  const figure = { trials: all.length, median_ms: at(all, 0.5), p99_ms: at(all, 0.99), max_ms: at(all, 1), bar_ms: Number(values.bar), ways };
  console.log(JSON.stringify(figure));
  const holds = figure.p99_ms < figure.bar_ms;
  console.log(`revoke to silence: p99 ${figure.p99_ms} ms of ${figure.trials} trials, bar ${figure.bar_ms} ms: ${holds ? 'holds' : 'MISSED'}`);
  process.exitCode = holds ? 0 : 1;
} finally {
  await world.close();
}
