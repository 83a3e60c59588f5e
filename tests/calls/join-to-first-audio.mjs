#!/usr/bin/env node
// How long until one hears: from the call of connectChannel (media login done, a peer already speaking) to the first
// inbound audio packet. Prints the median of fresh contexts.
//
//   node join-to-first-audio.mjs [--runs 20] [--sdk 10.8.1]
import { parseArgs } from 'node:util';
import { openWorld } from './people.mjs';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '20' }, sdk: { type: 'string', default: '10.8.1' } } });
const runs = Number(values.runs);
const world = await openWorld({ ownServer: true });
try {
  const [speaker, listener] = [await world.app.account('speaker'), await world.app.account('listener')];
  const place = await world.community(speaker, [listener]);
  const channelId = await place.channel();
  const talking = await world.person(speaker, values.sdk);
  await talking.enter(place.serverId, channelId);
  await talking.unmute();
  const times = [];
  for (let i = 0; i < runs; i++) {
    const person = await world.person(listener, values.sdk);
    const ms = await person.page.evaluate(async ({ serverId, channelId }) => {
      await window.sdk.qchatMedia.initQChatMedia({ serverConfig: window.serverConfig });
      await window.sdk.qchatMedia.loginByIM();
      const since = performance.now();
      const connecting = window.sdk.qchatMedia.connectChannel({ serverId, channelId });
      for (const until = since + 15_000; performance.now() < until; await new Promise((r) => setTimeout(r, 5))) {
        for (const peer of window.instruments.peers) {
          for (const s of (await peer.getStats()).values()) {
            if (s.type === 'inbound-rtp' && s.kind === 'audio' && s.packetsReceived > 0) {
              const took = performance.now() - since;
              await connecting;
              return took;
            }
          }
        }
      }
      throw new Error('no audio packet within 15 s');
    }, { serverId: place.serverId, channelId });
    times.push(ms);
    await person.leave();
    await person.page.context().close();
  }
  times.sort((x, y) => x - y);
  const at = (q) => Math.round(times[Math.min(times.length - 1, Math.floor(q * times.length))]);
  const middle = times.length % 2 ? times[(times.length - 1) / 2] : (times[times.length / 2 - 1] + times[times.length / 2]) / 2;
  console.log(JSON.stringify({ sdk: values.sdk, runs, median_ms: Math.round(middle), p90_ms: at(0.9), min_ms: Math.round(times[0]), max_ms: Math.round(times.at(-1)) }));
} finally {
  await world.close();
}
