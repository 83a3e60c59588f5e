// Rights are enforced while people talk: who loses one is out, or silent, at once. With both versions of the SDK.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openWorld } from './people.mjs';
import { closePages } from './room.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

for (const version of ['0.17.2', '10.8.1']) {
  test(`${version}: who loses a right, the server or the channel`, { timeout: 240_000 }, async (t) => {
    const tag = version.replaceAll('.', '_');
    const accounts = await Promise.all(['owner', 'speaker', 'listener'].map((n) => world.app.account(`${n}-${tag}`)));
    const [owner, ...members] = accounts;
    const place = await world.community(owner, members);
    const [speaker, listener] = [await world.person(members[0], version), await world.person(members[1], version)];
    const both = [speaker, listener];

    /** The two in a channel of their own, with no past; the first speaks. */
    const talking = async () => {
      const channelId = await place.channel();
      for (const person of both) {
        const before = person.saw('connectChannel');
        // Still in the channel of the test before, or out of it already.
        if (before) await person.leave().catch(() => {});
        person.forget();
        await (before ? person.enterAgain(place.serverId, channelId) : person.enter(place.serverId, channelId));
      }
      await speaker.unmute();
      await listener.hears('at the start');
      return channelId;
    };
    const ended = (person, reason) => person.event('RTCChannelEnded', { where: (r) => r === reason });
    const enterIs = async (person, channelId, code) => {
      const error = await person.enterAgain(place.serverId, channelId).then(() => assert.fail('entered'), (e) => e);
      assert.equal(error.data?.code, code, error.message);
    };

    await t.test('losing the right to connect ends the call with KICK_OUT, and the next entry is 403', async () => {
      const channelId = await talking();
      await place.addOverride(channelId, speaker.accid);
      const at = performance.now();
      await place.override(channelId, speaker.accid, { 15: -1 });
      await ended(speaker, 'KICK_OUT');
      const [left] = await listener.event('memberLeaveRTCChannel');
      assert.deepEqual(left, [speaker.accid]);
      assert.ok(performance.now() - at < 2000, 'within two seconds, browsers included');
      await listener.hearsNothing('after the eviction');
      const { peers, tracks } = await speaker.holding();
      assert.deepEqual({ peers, tracks }, { peers: 0, tracks: 0 });
      await enterIs(speaker, channelId, 403);
      await place.override(channelId, speaker.accid, { 15: 0 });
      await speaker.enterAgain(place.serverId, channelId);
      await speaker.unmute();
      await listener.hears('after the right came back');
    });

    await t.test('losing the microphone right cuts the source; the member stays and is told', async () => {
      const channelId = await talking();
      await place.addOverride(channelId, speaker.accid);
      await place.override(channelId, speaker.accid, { 17: -1 });
      for (const p of both) {
        const [change] = await p.event('memberAudioMuteChanged', { where: (e) => e.memberAccId === speaker.accid && e.mute });
        assert.deepEqual(change, { memberAccId: speaker.accid, mute: true, operateByAccId: speaker.accid });
      }
      await listener.hearsNothing('after the right was lost');
      assert.ok(!speaker.saw('RTCChannelEnded'), 'the speaker was thrown out');
      const error = await speaker.unmute().then(() => assert.fail('unmuted'), (e) => e);
      assert.equal(error.data?.code, 403, error.message);
      await place.override(channelId, speaker.accid, { 17: 1 });
      await speaker.unmute();
      await listener.hears('after the right came back');
    });

    await t.test('losing the camera right cuts the picture and leaves the sound', async () => {
      const channelId = await talking();
      await listener.watch(speaker.accid);
      await speaker.call('qchatMedia.unMuteVideo', { accid: speaker.accid });
      await listener.sees(10, 'at the start');
      await place.addOverride(channelId, speaker.accid);
      await place.override(channelId, speaker.accid, { 18: -1 });
      await listener.event('memberVideoMuteChanged', { where: (e) => e.memberAccId === speaker.accid && e.mute });
      const { videoPackets } = await listener.media();
      await listener.hears('with the camera cut');
      assert.ok((await listener.media()).videoPackets - videoPackets <= 30, 'the picture still flows');
    });

    await t.test('a role update of @everyone reaches everybody who is talking', async () => {
      const channelId = await talking();
      await place.everyoneMay({ 15: -1 });
      try {
        await Promise.all(both.map((p) => ended(p, 'KICK_OUT')));
        await enterIs(listener, channelId, 403);
      } finally {
        await place.everyoneMay({ 15: 1 });
      }
    });

    await t.test('a deleted channel is closed by the server', async () => {
      const channelId = await talking();
      await place.deleteChannel(channelId);
      for (const p of both) {
        const [reason] = await p.event('RTCChannelEnded');
        // The SDK leaves by itself on notification 31 with event 2; whichever comes first is right.
        assert.ok(['CLOSE_BY_BACKEND', 'LEAVE_BY_SELF'].includes(reason), reason);
      }
      await enterIs(listener, channelId, 404);
    });

    await t.test('leaving the server ends the call', async () => {
      const channelId = await talking();
      await speaker.call('qchatServer.leaveServer', { serverId: place.serverId });
      await speaker.event('RTCChannelEnded');
      await listener.event('memberLeaveRTCChannel', { where: (l) => l.includes(speaker.accid) });
      await listener.hearsNothing('after the leave');
      await enterIs(speaker, channelId, 403);
    });
    await closePages(...both);
  });
}
