// What tests of moderation and of screen shares need beyond a call: the kit's room past the SDK, a client that goes on
// sending, and packets counted.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refused } from './people.mjs';

/** Calls the kit's room past the SDK, whose own checks hide some of the server's: `rtcController.unmuteMyAudio`. */
export async function roomCall(person, channelId, path, ...args) {
  const answer = await person.page.evaluate(([c, p, a]) => window.callRoom(c, p, a), [channelId, path, args]);
  if (answer.error) throw new Refused(path, answer.error);
  return answer.value;
}

/** `roomProperties` or the like, as the kit shows it. */
export const roomState = (person, channelId, name) =>
  person.page.evaluate(([c, n]) => JSON.parse(JSON.stringify(window.kit.roomService.getRoomContext(c)[n])), [channelId, name]);

/** The server's code of a call that must fail, from the SDK (`error.data.code`) or from the kit (`error.code`). */
export const refusal = (promise) =>
  promise.then(() => assert.fail('it was not refused'), (e) => {
    assert.ok(e instanceof Refused, e.stack);
    return e.data?.code ?? e.code;
  });

/** From now on this page's devices and connections cannot be closed: its packets flow whatever the kit is told. */
export const stubborn = (person) => person.page.evaluate(() => {
  MediaStreamTrack.prototype.stop = () => undefined;
  RTCPeerConnection.prototype.close = () => undefined;
  const real = RTCRtpSender.prototype.replaceTrack;
  RTCRtpSender.prototype.replaceTrack = function replaceTrack(track) {
    return track === null ? Promise.resolve() : real.call(this, track);
  };
});

/** Cuts the kit's own sockets once; the QChat link is the first of the page and stays. */
export const cutKitSockets = (person) => person.page.evaluate(() => {
  const open = window.instruments.sockets.slice(1).filter((s) => s.readyState === WebSocket.OPEN);
  for (const socket of open) socket.close();
  return open.length;
});

/** Until no packet of this kind arrives any more; gives when the last one did (ms since the epoch). */
export async function quiet(person, kind, message) {
  const last = () => person.page.evaluate(async (k) => {
    let at = 0;
    for (const peer of window.instruments.peers) {
      if (peer.connectionState === 'closed') continue;
      for (const s of (await peer.getStats()).values()) {
        if (s.type === 'inbound-rtp' && s.kind === k) at = Math.max(at, s.lastPacketReceivedTimestamp ?? 0);
      }
    }
    return at;
  }, kind);
  // A microphone sends fifty packets a second and a camera fifteen, so a second without one is no gap.
  for (let tries = 0; tries < 5; tries++) {
    const before = await last();
    await sleep(1_000);
    const now = await last();
    assert.ok(now > 0, `${person.accid} ${message}: no ${kind} packet ever arrived`);
    if (before === now) return now;
  }
  assert.fail(`${person.accid} ${message}: ${kind} packets still arrive`);
}

/** Every picture that arrives: its size and how many frames were decoded, oldest first. */
export const pictures = (person) => person.page.evaluate(async () => {
  const list = [];
  for (const peer of window.instruments.peers) {
    if (peer.connectionState === 'closed') continue;
    for (const s of (await peer.getStats()).values()) {
      if (s.type === 'inbound-rtp' && s.kind === 'video') list.push({ ssrc: s.ssrc, width: s.frameWidth ?? 0, height: s.frameHeight ?? 0, frames: s.framesDecoded });
    }
  }
  return list;
});

/** The events of the media module in order, without the volume that comes five times a second. */
export const mediaEvents = (person, since = 0, emitter = '') =>
  person.events.slice(since)
    .filter((e) => (emitter ? e.name.startsWith(emitter) : !e.name.includes(':')))
    .map((e) => ({ name: e.name.slice(emitter.length), args: e.args }))
    .filter((e) => /RTCChannel|MuteChanged|ScreenShare|qchatMediaDisconnect|connectChannel/.test(e.name));

export const closePages = (...people) => Promise.all(people.map((p) => p.page.context().close()));
