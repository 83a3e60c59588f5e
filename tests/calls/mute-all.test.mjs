// Mute-all and its inverse (rights 21 and 22): one state of the room that silences, binds late joiners and exempts
// holders. With both versions of the SDK.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, openWorld } from './people.mjs';
import { closePages, mediaEvents, quiet, refusal, roomCall, roomState, stubborn } from './room.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

const change = (member, mute, by) => ({ memberAccId: member.accid, mute, operateByAccId: by.accid });
const mode = (property) => property?.value?.split('_')[0];

/** A holder of 19 to 22, two members, and an account that is not in the channel yet. */
async function meeting(version, name) {
  const tag = `${name}-${version.replaceAll('.', '_')}`;
  const [olga, hana, ann, ben, lea] = await Promise.all(['olga', 'hana', 'ann', 'ben', 'lea'].map((n) => world.app.account(`${n}-${tag}`)));
  const place = await world.community(olga, [hana, ann, ben, lea]);
  const channelId = await place.channel();
  await place.addOverride(channelId, hana.accid);
  await place.override(channelId, hana.accid, { 19: 1, 20: 1, 21: 1, 22: 1 });
  const come = async (account) => {
    const person = await world.person(account, version);
    await person.enter(place.serverId, channelId);
    return person;
  };
  const holder = await come(hana);
  const loud = await come(ann);
  const quietOne = await come(ben);
  return { place, channelId, holder, loud, listener: quietOne, late: () => come(lea) };
}

for (const version of ['0.17.2', '10.8.1']) {
  test(`${version}: everybody's microphone`, { timeout: 240_000 }, async (t) => {
    const { channelId, holder, loud, listener, late } = await meeting(version, 'audio');
    const everybody = [holder, loud, listener];
    for (const person of everybody) await person.unmute();
    await listener.hears('the others');

    await t.test('without right 21 it does nothing: the SDK does not ask, and the server answers 403', async () => {
      const since = everybody.map((p) => p.mark());
      await loud.call('qchatMedia.muteAllAudio');
      const text = JSON.stringify({ value: `offNotAllowSelfOn_${Date.now()}` });
      for (const key of ['audioOff', 'videoOff', 'anything']) {
        assert.equal(await refusal(roomCall(loud, channelId, 'updateRoomProperty', key, text)), 403, key);
      }
      assert.equal(await refusal(roomCall(loud, channelId, 'deleteRoomProperty', 'audioOff')), 403);
      assert.equal(await refusal(roomCall(holder, channelId, 'updateRoomProperty', 'anything', text)), 403, 'no other property can be written');
      await listener.hears('the others still');
      assert.deepEqual(await roomState(listener, channelId, 'roomProperties'), {});
      everybody.forEach((p, i) => assert.deepEqual(mediaEvents(p, since[i]), [], p.accid));
    });

    await t.test('everybody without it falls silent, whoever ignores it too; the holder is muted once', async () => {
      await stubborn(loud);
      const since = everybody.map((p) => p.mark());
      const asked = Date.now();
      await holder.call('qchatMedia.muteAllAudio');
      for (const [i, person] of everybody.entries()) {
        for (const member of everybody) {
          const where = (e) => e.memberAccId === member.accid;
          const [seen] = await person.event('memberAudioMuteChanged', { since: since[i], where });
          assert.deepEqual(seen, change(member, true, holder));
          assert.equal(person.events.slice(since[i]).filter((e) => e.name === 'memberAudioMuteChanged' && where(...e.args)).length, 1, 'told twice');
        }
      }
      const sent = (await loud.media()).audioSent;
      const last = await quiet(listener, 'audio', 'after mute-all');
      assert.ok((await loud.media()).audioSent - sent >= 20, 'the client that ignores it went on sending');
      t.diagnostic(`last packet ${Math.round(last - asked)} ms after the holder asked`);
      assert.ok(last - asked < 1_000, `${last - asked} ms from request to silence`);
      await listener.hearsNothing('after mute-all');
      for (const p of [holder, listener]) assert.equal((await p.holding()).tracks, 0, `${p.accid}: a device stayed open`);
      for (const p of everybody) assert.equal(mode((await roomState(p, channelId, 'roomProperties')).audioOff), 'offNotAllowSelfOn');
    });

    const joiner = await late();
    await t.test('a late joiner sees the lock and is bound by it', async () => {
      assert.equal(mode((await roomState(joiner, channelId, 'roomProperties')).audioOff), 'offNotAllowSelfOn');
      assert.equal((await roomState(joiner, channelId, 'localMember')).isAudioOn, false);
      await joiner.unmute();
      assert.equal((await joiner.holding()).tracks, 0, 'the SDK does not even ask');
      assert.equal(await refusal(roomCall(joiner, channelId, 'rtcController.unmuteMyAudio')), 403, 'the first Produce');
      assert.equal(await refusal(roomCall(listener, channelId, 'rtcController.unmuteMyAudio')), 403, 'a producer that waits');
      for (const p of [joiner, listener]) assert.equal((await p.holding()).tracks, 0, `${p.accid}: a device stayed open`);
      const members = await listener.call('qchatMedia.getRTCMembers');
      assert.ok(members.every((m) => !m.isAudioOn), JSON.stringify(members));
    });

    await t.test('the holder is exempt from the lock', async () => {
      const since = listener.mark();
      await holder.unmute();
      assert.deepEqual((await listener.event('memberAudioMuteChanged', { since }))[0], change(holder, false, holder));
      await listener.hears('the holder under the lock');
      await holder.mute();
      await listener.event('memberAudioMuteChanged', { since, where: (e) => e.mute });
      await quiet(listener, 'audio', 'after the holder closed the microphone');
    });

    await t.test('the holder opens one member, who stays open until an off', async () => {
      const since = [listener.mark(), joiner.mark()];
      await holder.call('qchatMedia.unMuteAudio', { accid: joiner.accid });
      for (const [i, p] of [listener, joiner].entries()) {
        assert.deepEqual((await p.event('memberAudioMuteChanged', { since: since[i] }))[0], change(joiner, false, holder));
      }
      await listener.hears('the member whom the holder opened');
      for (const [i, p] of [listener, joiner].entries()) {
        assert.deepEqual(mediaEvents(p, since[i]), [{ name: 'memberAudioMuteChanged', args: [change(joiner, false, holder)] }]);
      }
      await joiner.mute();
      await listener.event('memberAudioMuteChanged', { since: since[0], where: (e) => e.mute });
      assert.equal(await refusal(roomCall(joiner, channelId, 'rtcController.unmuteMyAudio')), 403, 'after its own off the lock binds again');
    });

    await t.test('the same again mutes whoever is open', async () => {
      await holder.call('qchatMedia.unMuteAudio', { accid: joiner.accid });
      await listener.hears('the member opened again');
      const since = listener.mark();
      await holder.call('qchatMedia.muteAllAudio');
      assert.deepEqual((await listener.event('memberAudioMuteChanged', { since }))[0], change(joiner, true, holder));
      await quiet(listener, 'audio', 'after the second mute-all');
    });

    await t.test('unmute-all lifts the lock and opens nobody', async () => {
      const since = listener.mark();
      await holder.call('qchatMedia.unMuteAllAudio');
      await eventually(async () => mode((await roomState(joiner, channelId, 'roomProperties')).audioOff) === 'disable', 'the lock is lifted');
      assert.deepEqual(mediaEvents(listener, since), [], 'somebody was opened');
      await joiner.unmute();
      assert.deepEqual((await listener.event('memberAudioMuteChanged', { since }))[0], change(joiner, false, joiner));
      await listener.hears('the joiner after unmute-all');
    });
    await closePages(...everybody, joiner);
  });

  test(`${version}: everybody's camera`, { timeout: 180_000 }, async (t) => {
    const { channelId, holder, loud, listener } = await meeting(version, 'video');
    await loud.call('qchatMedia.unMuteVideo', { accid: loud.accid });
    await loud.unmute();
    await listener.watch(loud.accid);
    await listener.sees(10, 'the camera');

    await t.test('without right 22: nothing', async () => {
      await listener.call('qchatMedia.muteAllVideo');
      assert.equal(await refusal(roomCall(listener, channelId, 'updateRoomProperty', 'videoOff', JSON.stringify({ value: `offNotAllowSelfOn_${Date.now()}` }))), 403);
      await listener.sees(10, 'the camera still');
    });

    await t.test('the picture stops, the sound goes on, and the camera cannot be opened', async () => {
      const since = listener.mark();
      await holder.call('qchatMedia.muteAllVideo');
      assert.deepEqual((await listener.event('memberVideoMuteChanged', { since }))[0], change(loud, true, holder));
      await quiet(listener, 'video', 'after mute-all');
      await listener.hears('the sound still');
      await loud.call('qchatMedia.unMuteVideo', { accid: loud.accid });
      assert.equal(await refusal(roomCall(loud, channelId, 'rtcController.unmuteMyVideo')), 403);
      assert.equal((await roomState(listener, channelId, 'roomProperties')).audioOff, undefined, 'the microphones are another lock');
    });

    await t.test('the holder opens one camera; unmute-all lets everybody', async () => {
      const since = listener.mark();
      await roomCall(holder, channelId, 'rtcController.unmuteMemberVideo', loud.accid);
      assert.deepEqual((await listener.event('memberVideoMuteChanged', { since }))[0], change(loud, false, holder));
      await listener.sees(10, 'the camera the holder opened');
      await holder.call('qchatMedia.unMuteAllVideo');
      await eventually(async () => mode((await roomState(listener, channelId, 'roomProperties')).videoOff) === 'disable', 'the lock is lifted');
      await listener.call('qchatMedia.unMuteVideo', { accid: listener.accid });
      await loud.event('memberVideoMuteChanged', { where: (e) => e.memberAccId === listener.accid && !e.mute });
    });
    await closePages(holder, loud, listener);
  });
}
