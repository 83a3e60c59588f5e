// Two people talk and see each other, with the unmodified SDK and our kit. Both versions, and one with each.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openWorld } from './people.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

for (const [first, second] of [['0.17.2', '0.17.2'], ['10.8.1', '10.8.1'], ['0.17.2', '10.8.1']]) {
  test(`${first} and ${second}: talk, see each other, part`, { timeout: 120_000 }, async (t) => {
    const tag = `${first}-${second}`.replaceAll('.', '_');
    const [ada, ben] = [await world.app.account(`ada-${tag}`), await world.app.account(`ben-${tag}`)];
    const place = await world.community(ada, [ben]);
    const channelId = await place.channel();
    const { serverId } = place;
    const a = await world.person(ada, first);
    const b = await world.person(ben, second);

    await t.test('the owner sets rights through the SDK, as the guides show it', async () => {
      const role = await a.call('qchatRole.createServerRole', { serverId, name: 'speakers', priority: 3 });
      const { auths } = await a.call('qchatRole.updateServerRole', { serverId, roleId: role.roleId, auths: { manageRole: 'allow', RTCChannelConnect: 'allow', RTCChannelOpenMicrophone: 'allow' } });
      assert.equal(auths.RTCChannelOpenMicrophone, 'allow');
    });

    await t.test('both connect, and each learns of the other', async () => {
      await a.enter(serverId, channelId);
      await a.event('connectChannel');
      await b.enter(serverId, channelId);
      await a.event('memberJoinRTCChannel', { where: (l) => l.includes(b.accid) });
      await b.event('memberJoinRTCChannel', { where: (l) => l.includes(a.accid) });
      assert.ok(!a.saw('memberJoinRTCChannel', { where: (l) => l.includes(a.accid) }), 'told of oneself');
      const members = await b.call('qchatMedia.getRTCMembers');
      assert.deepEqual(members.map(({ accid, isAudioOn, isVideoOn, isSharingScreen }) => ({ accid, isAudioOn, isVideoOn, isSharingScreen })), [{ accid: a.accid, isAudioOn: false, isVideoOn: false, isSharingScreen: false }]);
      const online = await a.call('qchatMedia.getRTCChannelOnlineMembers', { serverId, channelId });
      assert.deepEqual(online.map((m) => m.accid).sort(), [a.accid, b.accid].sort());
    });

    await t.test('before anybody unmutes there is silence', () => b.hearsNothing('before unmute'));

    await t.test('unmute: the other is told, and hears it', async () => {
      await a.unmute();
      const [change] = await b.event('memberAudioMuteChanged');
      assert.deepEqual(change, { memberAccId: a.accid, mute: false, operateByAccId: a.accid });
      await a.event('memberAudioMuteChanged', { where: (e) => e.memberAccId === a.accid && !e.mute });
      await b.hears('after unmute');
    });

    await t.test('who speaks: the listener is told a volume', async () => {
      const [list] = await b.event('onRtcAudioVolumeIndication', { where: (l) => l.some((v) => v.userUuid === a.accid && v.volume > 0) });
      assert.ok(list.every((v) => v.volume >= 0 && v.volume <= 100));
      await a.event('onRtcAudioVolumeIndication', { where: (l) => l.some((v) => v.userUuid === a.accid && v.volume > 0) });
    });

    await t.test('both talk at once', async () => {
      await b.unmute();
      await a.event('memberAudioMuteChanged', { where: (e) => e.memberAccId === b.accid && !e.mute });
      await Promise.all([a.hears('both talk'), b.hears('both talk')]);
    });

    await t.test('media is encrypted with GCM', async () => {
      for (const p of [a, b]) {
        const { ciphers, states } = await p.media();
        assert.ok(ciphers.length > 0 && ciphers.every((c) => /GCM/.test(c)), `ciphers: ${ciphers}`);
        assert.ok(states.every((s) => s === 'connected'), `states: ${states}`);
      }
    });

    await t.test('mute: the other is told, and hears nothing', async () => {
      const since = b.mark();
      await a.mute();
      const [change] = await b.event('memberAudioMuteChanged', { since });
      assert.deepEqual(change, { memberAccId: a.accid, mute: true, operateByAccId: a.accid });
      await b.hearsNothing('after mute');
      await a.hears('while I am muted');
    });

    await t.test('cameras, both ways; one subscribes before, one after the picture is there', async () => {
      await a.watch(b.accid);
      await a.watch(a.accid);
      await a.call('qchatMedia.unMuteVideo', { accid: a.accid });
      await b.call('qchatMedia.unMuteVideo', { accid: b.accid });
      await b.event('memberVideoMuteChanged', { where: (e) => e.memberAccId === a.accid && !e.mute && e.operateByAccId === a.accid });
      await b.watch(a.accid);
      await Promise.all([a.sees(20, 'sees the other'), b.sees(20, 'sees the other')]);
      const size = await b.page.evaluate((accid) => {
        const video = window.view(accid).querySelector('video');
        return video && { width: video.videoWidth, height: video.videoHeight, playing: !video.paused };
      }, a.accid);
      assert.ok(size?.playing && size.width > 0 && size.height > 0, JSON.stringify(size));
    });

    await t.test('a camera off and on again is seen again without a new subscription', async () => {
      await a.call('qchatMedia.muteVideo', { accid: a.accid });
      await b.event('memberVideoMuteChanged', { where: (e) => e.memberAccId === a.accid && e.mute });
      await a.call('qchatMedia.unMuteVideo', { accid: a.accid });
      await b.sees(10, 'sees the other again');
    });

    await t.test('disconnect: events in order, devices closed, the other is told', async () => {
      const since = a.mark();
      await a.leave();
      await a.event('qchatMediaDisconnect', { since });
      await b.event('memberLeaveRTCChannel', { where: (l) => l.includes(a.accid) });
      const names = a.events.slice(since).map((e) => e.name).filter((n) => /RTCChannel|qchatMedia/.test(n));
      assert.deepEqual(names.filter((n) => n === 'RTCChannelEnded' || n === 'qchatMediaDisconnect'), ['RTCChannelEnded', 'qchatMediaDisconnect']);
      assert.deepEqual(a.events.slice(since).find((e) => e.name === 'RTCChannelEnded').args, ['LEAVE_BY_SELF']);
      const { peers, tracks, sockets } = await a.holding();
      assert.deepEqual({ peers, tracks }, { peers: 0, tracks: 0 });
      assert.equal(sockets.length, 1, `only the QChat link is open: ${sockets}`);
      await b.hearsNothing('alone');
      await b.leave();
      const online = await a.call('qchatMedia.getRTCChannelOnlineMembers', { serverId, channelId });
      assert.deepEqual(online, []);
    });

    await t.test('no promise was left unhandled by the kit', async () => {
      for (const p of [a, b]) assert.deepEqual(await p.page.evaluate(() => window.instruments.unhandled), []);
    });
    await Promise.all([a, b].map((p) => p.page.context().close()));
  });
}
