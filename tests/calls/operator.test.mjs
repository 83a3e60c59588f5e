// Whoever operates the server acts on a call over /v1: members hear of it in their own names. With both versions of the SDK.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openWorld } from './people.mjs';
import { refusal, roomCall } from './room.mjs';

let world, token;
before(async () => {
  world = await openWorld();
  ({ token } = await world.server.cli('admin-token', 'create', '--name', 'calls', '--scopes', 'media'));
});
after(() => world.close());

/** Status and answer. */
async function act(channelId, path, body) {
  const response = await fetch(`${world.server.ready.admin}/v1/channels/${channelId}/${path}`, {
    method: 'POST', body: JSON.stringify(body),
    headers: { authorization: `Bearer ${token}`, 'idempotency-key': randomUUID(), 'content-type': 'application/json' },
  });
  return [response.status, await response.json()];
}

for (const version of ['0.17.2', '10.8.1']) {
  test(`${version}: an operator silences, opens, locks and removes`, { timeout: 180_000 }, async (t) => {
    const tag = version.replaceAll('.', '_');
    const [olga, finn] = await Promise.all(['olga', 'finn'].map((name) => world.app.account(`${name}-operator-${tag}`)));
    const place = await world.community(olga, [finn]);
    const channelId = await place.channel();
    const people = [];
    for (const account of [olga, finn]) {
      const person = await world.person(account, version);
      await person.enter(place.serverId, channelId);
      people.push(person);
    }
    const [listener, member] = people;
    const changed = async (mute, since) => {
      for (const [i, person] of people.entries()) {
        const [seen] = await person.event('memberAudioMuteChanged', { since: since[i], where: (e) => e.memberAccId === member.accid && e.mute === mute });
        assert.equal(seen.operateByAccId, member.accid);
      }
    };
    const marks = () => people.map((person) => person.mark());
    const audio = { sources: ['audio'] };
    const whom = [200, { items: [member.accid] }];

    await member.unmute();
    await listener.hears('the member');

    await t.test('mute: silent, the device closed', async () => {
      const since = marks();
      assert.deepEqual(await act(channelId, `members/${member.accid}/mute`, audio), whom);
      await changed(true, since);
      await listener.hearsNothing('after it');
      assert.equal((await member.holding()).tracks, 0);
    });

    await t.test('mute-all binds, and unmute opens one member all the same', async () => {
      assert.equal((await act(channelId, 'mute-all', audio))[0], 200);
      assert.equal(await refusal(roomCall(member, channelId, 'rtcController.unmuteMyAudio')), 403);
      const since = marks();
      assert.deepEqual(await act(channelId, `members/${member.accid}/unmute`, audio), whom);
      await changed(false, since);
      // The kit opens what was closed by force.
      await listener.hears('the member again');
      assert.equal((await act(channelId, 'unmute-all', audio))[0], 200);
    });

    await t.test('kick: out, and back', async () => {
      const since = listener.mark();
      assert.deepEqual(await act(channelId, `members/${member.accid}/kick`, {}), whom);
      await Promise.all([listener.event('memberLeaveRTCChannel', { since }), member.event('RTCChannelEnded', { where: (reason) => reason === 'KICK_OUT' })]);
      assert.equal((await act(channelId, `members/${member.accid}/kick`, {}))[0], 404);
      await member.enterAgain(place.serverId, channelId);
    });
  });
}
