#!/usr/bin/env node
// Six members with sound and a camera of 320x240 at 15 pictures a second in one channel, in one Chromium, for 30 s. No
// picture may freeze in the last 20 s. States the CPU of server and clients; a run in which the clients took most of the
// machine says nothing about the server and is void.
//
//   node six-cameras.mjs
//
// Exits with 1 when a picture froze or was missing, with 2 when the run is void.
import { setTimeout as sleep } from 'node:timers/promises';
import { openWorld } from './people.mjs';
import { cpuSeconds, family } from './processes.mjs';

const VERSION = '10.8.1';
const NAMES = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay'];
const WARM_MS = 10_000;
const MEASURE_MS = 20_000;
/** CPU of all clients, percent of one core, above which a two-core machine has nothing left to judge the server by. */
const VOID_PERCENT = 170;

const world = await openWorld({ ownServer: true });
try {
  const accounts = [];
  for (const name of NAMES) accounts.push(await world.app.account(name));
  const place = await world.community(accounts[0], accounts.slice(1));
  const channelId = await place.channel({});
  await place.command(25, 2, [{ t: 'Property', v: { 1: place.serverId, 2: channelId, 3: 10, 4: '{"profile":"speech_standard","scenario":"speech"}', 5: '{"width":320,"height":240,"fps":15}' } }]);
  const people = [];
  for (const account of accounts) {
    const person = await world.person(account, VERSION);
    await person.enter(place.serverId, channelId);
    await person.unmute();
    await person.call('qchatMedia.unMuteVideo', { accid: person.accid });
    people.push(person);
  }
  // As thumbnails: painting thirty pictures without a graphics card would take the machine, and is not what is measured.
  for (const person of people) await person.page.addStyleTag({ content: 'video { width: 40px !important; height: 30px !important }' });
  for (const person of people) for (const other of people) if (other !== person) await person.watch(other.accid);

  const browser = family(process.pid).filter((pid) => pid !== process.pid && !family(world.server.pid).includes(pid));
  const cpu = () => ({ server: cpuSeconds(world.server.pid), client: browser.reduce((sum, pid) => sum + cpuSeconds(pid), 0) });
  const pictures = () => Promise.all(people.map((p) => p.page.evaluate(async () => {
    const list = [];
    for (const peer of window.instruments.peers) {
      if (peer.connectionState === 'closed') continue;
      for (const s of (await peer.getStats()).values()) {
        if (s.type === 'inbound-rtp' && s.kind === 'video') list.push({ id: s.ssrc, freezes: s.freezeCount ?? 0, frames: s.framesDecoded, width: s.frameWidth ?? 0 });
      }
    }
    return list;
  })));
  await sleep(WARM_MS);
  const [before, start, used] = [await pictures(), performance.now(), cpu()];
  await sleep(MEASURE_MS);
  const [now, seconds, after] = [await pictures(), (performance.now() - start) / 1_000, cpu()];
  let freezes = 0;
  let streams = 0;
  let slowest = Infinity;
  for (const [i, list] of now.entries()) {
    for (const picture of list) {
      const old = before[i].find((p) => p.id === picture.id) ?? { freezes: 0, frames: 0 };
      freezes += picture.freezes - old.freezes;
      const rate = (picture.frames - old.frames) / seconds;
      if (rate > 0) streams += 1;
      slowest = Math.min(slowest, rate);
    }
  }
  const percent = (key) => Math.round(((after[key] - used[key]) / seconds) * 100);
  const figure = { members: people.length, streams, freezes, slowest_fps: Math.round(slowest * 10) / 10, widths: [...new Set(now.flat().map((p) => p.width))], server_cpu_percent: percent('server'), client_cpu_percent: percent('client') };
  console.log(JSON.stringify(figure));
  const whole = streams === NAMES.length * (NAMES.length - 1);
  const verdict = figure.client_cpu_percent > VOID_PERCENT ? 'VOID, the clients had no CPU left' : freezes === 0 && whole ? 'holds' : 'MISSED';
  console.log(`six cameras: ${freezes} freezes in ${streams} pictures over ${Math.round(seconds)} s, server ${figure.server_cpu_percent} %, clients ${figure.client_cpu_percent} %: ${verdict}`);
  process.exitCode = { holds: 0, MISSED: 1 }[verdict] ?? 2;
} finally {
  await world.close();
}
