// Every event of the media module with its payload, in order: on the instance in both versions of the SDK, and on
// qchatMedia in 10.8.1. Mostly waits.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openWorld } from './people.mjs';
import { closePages, mediaEvents } from './room.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

/** ms in which the kit gives up a signalling socket that does not come back, and some for a busy machine. */
const GIVEN_UP_MS = 60_000;

const VOLUME = 'onRtcAudioVolumeIndication';

/** Cuts the signalling socket for good: what is open closes, what is opened meets nobody. */
const cutForGood = (person) => person.page.evaluate(() => {
  const signalling = (url) => new URL(url).pathname.startsWith('/rtc/');
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(url, ...rest) {
      super(signalling(url) ? 'ws://127.0.0.1:9/' : url, ...rest);
    }
  };
  for (const socket of window.instruments.sockets) if (signalling(socket.url)) socket.close();
});

// Mostly they wait for what is lost for good.
describe('side by side', { concurrency: true }, () => {
  for (const version of ['0.17.2', '10.8.1']) {
    test(`${version}: every event, its payload, its order`, { timeout: 240_000 }, async (t) => {
      const tag = `events-${version.replaceAll('.', '_')}`;
      const [ann, ben] = await Promise.all(['ann', 'ben'].map((n) => world.app.account(`${n}-${tag}`)));
      const place = await world.community(ann, [ben]);
      const channelId = await place.channel();
      const owner = await world.person(ann, version);
      const member = await world.person(ben, version);
      const both = [owner, member];
      const [A, B] = [owner.accid, member.accid];
      const expected = [[], []];
      /** Both see this next. */
      const step = async (name, payload, doing) => {
        const since = both.map((p) => p.mark());
        await doing();
        for (const [i, p] of both.entries()) {
          expected[i].push({ name, args: [payload] });
          await p.event(name, { since: since[i] });
        }
      };
      const mute = (memberAccId, muted, operateByAccId) => ({ memberAccId, mute: muted, operateByAccId });

      await t.test('join', async () => {
        await owner.enter(place.serverId, channelId);
        await member.enter(place.serverId, channelId);
        expected[0].push({ name: 'connectChannel', args: [] }, { name: 'memberJoinRTCChannel', args: [[B]] });
        expected[1].push({ name: 'connectChannel', args: [] }, { name: 'memberJoinRTCChannel', args: [[A]] });
        await owner.event('memberJoinRTCChannel');
        await member.event('memberJoinRTCChannel');
      });

      await t.test('microphone, camera and screen, by oneself and by the moderator', async () => {
        await step('memberAudioMuteChanged', mute(B, false, B), () => member.unmute());
        await step('memberVideoMuteChanged', mute(B, false, B), () => member.call('qchatMedia.unMuteVideo', { accid: B }));
        await step('memberScreenShareStateChanged', { memberAccId: B, isSharing: true, operateByAccId: B }, () => member.call('qchatMedia.startScreenShare'));
        await step('memberAudioMuteChanged', mute(B, true, A), () => owner.call('qchatMedia.muteAudio', { accid: B }));
        await step('memberVideoMuteChanged', mute(B, true, A), () => owner.call('qchatMedia.muteVideo', { accid: B }));
        await step('memberScreenShareStateChanged', { memberAccId: B, isSharing: false, operateByAccId: A }, () => owner.call('qchatMedia.stopMemberScreenShare', { accid: B }));
        await step('memberAudioMuteChanged', mute(B, false, A), () => owner.call('qchatMedia.unMuteAudio', { accid: B }));
      });

      await t.test('who speaks: account and volume, 0 to 100, five times a second', async () => {
        const emitters = version === '10.8.1' ? ['', 'qchatMedia:'] : [''];
        for (const p of both) {
          const start = p.mark();
          for (const emitter of emitters) {
            const since = p.mark();
            const where = (list) => list.some((v) => v.userUuid === B && v.volume > 0);
            await p.event(emitter + VOLUME, { since, where });
            await p.event(emitter + VOLUME, { since: p.mark(), where });
          }
          const times = p.events.slice(start).filter((e) => e.name === VOLUME).map((e) => e.at);
          const rate = (times.length - 1) * 1000 / (times.at(-1) - times[0]);
          assert.ok(rate > 3 && rate < 6, `${rate} a second`);
          for (const { args: [list] } of p.events.filter((e) => e.name.endsWith(VOLUME))) {
            for (const one of list) {
              assert.deepEqual(Object.keys(one).sort(), ['userUuid', 'volume']);
              assert.ok(one.volume >= 0 && one.volume <= 100, JSON.stringify(one));
              assert.equal(one.userUuid, B, 'the silent are left out');
            }
          }
        }
      });

      await t.test('kick, and back again', async () => {
        await owner.call('qchatMedia.kickMemberOut', { accid: B });
        await member.event('RTCChannelEnded');
        await owner.event('memberLeaveRTCChannel');
        expected[0].push({ name: 'memberLeaveRTCChannel', args: [[B]] });
        expected[1].push({ name: 'memberLeaveRTCChannel', args: [[B]] }, { name: 'RTCChannelEnded', args: ['KICK_OUT'] });
        const since = both.map((p) => p.mark());
        await member.enterAgain(place.serverId, channelId);
        expected[0].push({ name: 'memberJoinRTCChannel', args: [[B]] });
        expected[1].push({ name: 'connectChannel', args: [] }, { name: 'memberJoinRTCChannel', args: [[A]] });
        await Promise.all(both.map((p, i) => p.event('memberJoinRTCChannel', { since: since[i] })));
      });

      await t.test('leave, and back again', async () => {
        let since = both.map((p) => p.mark());
        await member.leave();
        await Promise.all([owner.event('memberLeaveRTCChannel', { since: since[0] }), member.event('qchatMediaDisconnect', { since: since[1] })]);
        expected[0].push({ name: 'memberLeaveRTCChannel', args: [[B]] });
        expected[1].push({ name: 'memberLeaveRTCChannel', args: [[B]] }, { name: 'RTCChannelEnded', args: ['LEAVE_BY_SELF'] }, { name: 'qchatMediaDisconnect', args: [] });
        since = both.map((p) => p.mark());
        await member.enterAgain(place.serverId, channelId);
        expected[0].push({ name: 'memberJoinRTCChannel', args: [[B]] });
        expected[1].push({ name: 'connectChannel', args: [] }, { name: 'memberJoinRTCChannel', args: [[A]] });
        await Promise.all(both.map((p, i) => p.event('memberJoinRTCChannel', { since: since[i] })));
      });

      await t.test('signalling lost for good', async () => {
        const since = both.map((p) => p.mark());
        await cutForGood(member);
        await member.event('RTCChannelError', { since: since[1], timeout: GIVEN_UP_MS });
        await member.event('qchatMediaDisconnect', { since: since[1] });
        await owner.event('memberLeaveRTCChannel', { since: since[0], timeout: GIVEN_UP_MS });
        expected[0].push({ name: 'memberLeaveRTCChannel', args: [[B]] });
        expected[1].push(
          { name: 'RTCChannelError', args: ['SOCKET_ERROR'] }, { name: 'memberLeaveRTCChannel', args: [[B]] },
          { name: 'RTCChannelEnded', args: ['LEAVE_BY_SELF'] }, { name: 'qchatMediaDisconnect', args: [] },
        );
        const { peers, tracks } = await member.holding();
        assert.deepEqual({ peers, tracks }, { peers: 0, tracks: 0 });
      });

      await t.test('nothing was told besides, and qchatMedia says the same', () => {
        for (const [i, p] of both.entries()) {
          assert.deepEqual(mediaEvents(p), expected[i], p.accid);
          assert.deepEqual(mediaEvents(p, 0, 'qchatMedia:'), version === '10.8.1' ? expected[i] : []);
        }
      });
      await closePages(...both);
    });
  }
});
