// One member acts on another: microphone (19), camera (20), the door (16). With both versions of the SDK.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, openWorld } from './people.mjs';
import { closePages, cutKitSockets, mediaEvents, quiet, refusal, roomCall, stubborn } from './room.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

const audio = (member, mute, by) => ({ memberAccId: member.accid, mute, operateByAccId: by.accid });

/** A moderator, a member, and the owner of the server, all in one channel. */
async function meeting(version, name) {
  const tag = `${name}-${version.replaceAll('.', '_')}`;
  const [olga, mona, finn] = await Promise.all(['olga', 'mona', 'finn'].map((n) => world.app.account(`${n}-${tag}`)));
  const place = await world.community(olga, [mona, finn]);
  const channelId = await place.channel();
  await place.addOverride(channelId, mona.accid);
  await place.addOverride(channelId, finn.accid);
  const people = [];
  for (const account of [olga, mona, finn]) {
    const person = await world.person(account, version);
    await person.enter(place.serverId, channelId);
    people.push(person);
  }
  const [owner, moderator, member] = people;
  const may = (person, auths) => place.override(channelId, person.accid, auths);
  return { place, channelId, owner, moderator, member, may };
}

for (const version of ['0.17.2', '10.8.1']) {
  test(`${version}: another's microphone and camera, closed and opened by who may`, { timeout: 180_000 }, async (t) => {
    const { channelId, owner, moderator, member, may } = await meeting(version, 'mute');
    const all = [owner, moderator, member];
    /** All three are told the same, once. */
    const told = async (event, expected, since) => {
      for (const [i, person] of all.entries()) {
        const where = (e) => e.memberAccId === expected.memberAccId && e.mute === expected.mute;
        assert.deepEqual((await person.event(event, { since: since[i], where }))[0], expected);
        assert.equal(person.events.slice(since[i]).filter((e) => e.name === event && where(...e.args)).length, 1, `${person.accid} was told twice`);
      }
    };
    const marks = () => all.map((p) => p.mark());

    await member.unmute();
    await member.call('qchatMedia.unMuteVideo', { accid: member.accid });
    await owner.watch(member.accid);
    await Promise.all([owner.hears('the member'), owner.sees(10, 'the member')]);

    await t.test('without rights 19 and 20 every one of the four is 403, and nothing changes', async () => {
      const since = marks();
      const accid = member.accid;
      for (const method of ['muteAudio', 'unMuteAudio', 'muteVideo']) {
        assert.equal(await refusal(moderator.call(`qchatMedia.${method}`, { accid })), 403, method);
      }
      // The SDK drops this one's promise, so the kit is asked.
      assert.equal(await refusal(roomCall(moderator, channelId, 'rtcController.unmuteMemberVideo', accid)), 403);
      await Promise.all([owner.hears('the member still'), owner.sees(10, 'the member still')]);
      all.forEach((p, i) => assert.deepEqual(mediaEvents(p, since[i]), [], `${p.accid} was told of a refused operation`));
    });

    await may(moderator, { 19: 1, 20: 1 });
    await t.test('a moderator closes the microphone: device closed, packets stop, everybody knows who it was', async () => {
      const since = marks();
      await moderator.call('qchatMedia.muteAudio', { accid: member.accid });
      await told('memberAudioMuteChanged', audio(member, true, moderator), since);
      await quiet(owner, 'audio', 'after the moderator muted the member');
      await owner.hearsNothing('of a muted member');
      const live = await member.page.evaluate(() => window.instruments.tracks.filter((x) => x.readyState === 'live').map((x) => x.kind));
      assert.deepEqual(live, ['video'], 'the microphone stayed open');
    });

    await t.test('the member opens it again: a moderator\'s off is no lock', async () => {
      const since = marks();
      await member.unmute();
      await told('memberAudioMuteChanged', audio(member, false, member), since);
      await owner.hears('the member again');
    });

    await t.test('a moderator opens a closed microphone: the device opens by itself', async () => {
      await member.mute();
      await owner.event('memberAudioMuteChanged', { where: (e) => e.mute && e.operateByAccId === member.accid });
      const since = marks();
      await moderator.call('qchatMedia.unMuteAudio', { accid: member.accid });
      await told('memberAudioMuteChanged', audio(member, false, moderator), since);
      await owner.hears('the member opened by the moderator');
    });

    await t.test('the camera likewise', async () => {
      let since = marks();
      await moderator.call('qchatMedia.muteVideo', { accid: member.accid });
      await told('memberVideoMuteChanged', audio(member, true, moderator), since);
      await quiet(owner, 'video', 'after the moderator closed the camera');
      since = marks();
      await moderator.call('qchatMedia.unMuteVideo', { accid: member.accid });
      await told('memberVideoMuteChanged', audio(member, false, moderator), since);
      await owner.sees(10, 'the camera the moderator opened');
    });

    await t.test('who has no right 17 or 18 cannot be opened by anybody', async () => {
      const since = marks();
      await may(member, { 17: -1, 18: -1 });
      await told('memberAudioMuteChanged', audio(member, true, member), since);
      await told('memberVideoMuteChanged', audio(member, true, member), since);
      assert.equal(await refusal(moderator.call('qchatMedia.unMuteAudio', { accid: member.accid })), 403);
      assert.equal(await refusal(roomCall(moderator, channelId, 'rtcController.unmuteMemberVideo', member.accid)), 403);
      assert.equal(await refusal(owner.call('qchatMedia.unMuteAudio', { accid: member.accid })), 403, 'not even by the owner');
      assert.equal((await member.holding()).tracks, 0, 'a device stayed open');
      await may(member, { 17: 0, 18: 0 });
    });

    await t.test('the owner is untouchable, and who is absent is 1015', async () => {
      assert.equal(await refusal(moderator.call('qchatMedia.muteAudio', { accid: owner.accid })), 403);
      assert.equal(await refusal(moderator.call('qchatMedia.muteAudio', { accid: 'nobody-here' })), 1015);
    });

    await t.test('a device that does not open for the moderator is off again, for everybody', async () => {
      await member.page.evaluate(() => { window.instruments.denyDevices = true; });
      const since = marks();
      await moderator.call('qchatMedia.unMuteAudio', { accid: member.accid });
      await told('memberAudioMuteChanged', audio(member, false, moderator), since);
      await told('memberAudioMuteChanged', audio(member, true, member), since);
      const seen = (await owner.call('qchatMedia.getRTCMembers')).find((m) => m.accid === member.accid);
      assert.equal(seen.isAudioOn, false);
      await member.page.evaluate(() => { window.instruments.denyDevices = false; });
    });

    await t.test('who was muted and lost the connection for a moment can reopen at once', async () => {
      await member.unmute();
      await owner.hears('the member before');
      await moderator.call('qchatMedia.muteAudio', { accid: member.accid });
      await member.event('memberAudioMuteChanged', { where: (e) => e.mute && e.operateByAccId === moderator.accid });
      const before = await member.page.evaluate(() => window.instruments.sockets.length);
      const cut = await cutKitSockets(member);
      await eventually(() => member.page.evaluate((n) => window.instruments.sockets.filter((s) => s.readyState === WebSocket.OPEN).length === 3 && window.instruments.sockets.length >= n, before + cut), 'the sockets are back');
      const since = marks();
      await member.unmute();
      await told('memberAudioMuteChanged', audio(member, false, member), since);
      await owner.hears('the member after the reconnect');
    });

    await t.test('a client that ignores the moderator is silenced by the server', async () => {
      await member.unmute();
      await owner.hears('the member before');
      await stubborn(member);
      const since = owner.mark();
      const asked = Date.now();
      await moderator.call('qchatMedia.muteAudio', { accid: member.accid });
      await owner.event('memberAudioMuteChanged', { since, where: (e) => e.mute });
      const sent = (await member.media()).audioSent;
      const last = await quiet(owner, 'audio', 'of a client that ignores the moderator');
      const more = (await member.media()).audioSent - sent;
      assert.ok(more >= 20, `the client went on sending, or nothing was proved: ${more} packets`);
      t.diagnostic(`last packet ${Math.round(last - asked)} ms after the moderator asked`);
      assert.ok(last - asked < 1_000, `${last - asked} ms from request to silence`);
    });
    await closePages(...all);
  });

  test(`${version}: kick`, { timeout: 120_000 }, async (t) => {
    const { place, channelId, owner, moderator, member, may } = await meeting(version, 'kick');
    await member.unmute();
    await member.call('qchatMedia.unMuteVideo', { accid: member.accid });
    await owner.hears('the member');

    await t.test('without right 16 it is 403, the owner cannot be kicked, who is absent is 1015', async () => {
      assert.equal(await refusal(moderator.call('qchatMedia.kickMemberOut', { accid: member.accid })), 403);
      await may(moderator, { 16: 1 });
      assert.equal(await refusal(moderator.call('qchatMedia.kickMemberOut', { accid: owner.accid })), 403);
      assert.equal(await refusal(moderator.call('qchatMedia.kickMemberOut', { accid: 'nobody-here' })), 1015);
    });

    await t.test('who is kicked leaves with KICK_OUT, devices closed; the others are told', async () => {
      const since = [owner, moderator, member].map((p) => p.mark());
      await moderator.call('qchatMedia.kickMemberOut', { accid: member.accid });
      await member.event('RTCChannelEnded', { since: since[2] });
      const own = mediaEvents(member, since[2]).filter((e) => /RTCChannel/.test(e.name) && !/Mute/.test(e.name));
      assert.deepEqual(own, [{ name: 'memberLeaveRTCChannel', args: [[member.accid]] }, { name: 'RTCChannelEnded', args: ['KICK_OUT'] }]);
      for (const [i, p] of [owner, moderator].entries()) {
        assert.deepEqual(await p.event('memberLeaveRTCChannel', { since: since[i] }), [[member.accid]]);
        assert.ok(!p.saw('RTCChannelEnded', { since: since[i] }), `${p.accid} was thrown out too`);
      }
      const { peers, tracks, sockets } = await member.holding();
      assert.deepEqual({ peers, tracks }, { peers: 0, tracks: 0 });
      assert.equal(sockets.length, 1, `only the QChat link is open: ${sockets}`);
      await quiet(owner, 'audio', 'after the kick');
      const here = await owner.call('qchatMedia.getRTCMembers');
      assert.deepEqual(here.map((m) => m.accid), [moderator.accid]);
    });

    await t.test('a kick is no ban: the member comes back and is heard', async () => {
      const since = owner.mark();
      await member.enterAgain(place.serverId, channelId);
      await owner.event('memberJoinRTCChannel', { since, where: (l) => l.includes(member.accid) });
      await member.unmute();
      await owner.hears('the member who came back');
    });

    await t.test('a client that ignores the kick is dropped by the server', async () => {
      await stubborn(member);
      const sent = (await member.media()).audioSent;
      const asked = Date.now();
      await moderator.call('qchatMedia.kickMemberOut', { accid: member.accid });
      const last = await quiet(owner, 'audio', 'of a client that ignores the kick');
      const more = (await member.media()).audioSent - sent;
      assert.ok(more >= 20, `the client went on sending, or nothing was proved: ${more} packets`);
      t.diagnostic(`last packet ${Math.round(last - asked)} ms after the moderator asked`);
      assert.ok(last - asked < 1_000, `${last - asked} ms from request to silence`);
    });
    await closePages(owner, moderator, member);
  });
}
