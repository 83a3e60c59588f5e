// A screen and its sound as the second picture of a member: one sharer per channel, and every way a share ends. With
// both versions of the SDK. Chromium's fake devices give the screen, and a beep as its sound.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, openWorld } from './people.mjs';
import { closePages, cutKitSockets, mediaEvents, pictures, quiet, refusal, roomCall } from './room.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

const change = (member, isSharing, by) => ({ memberAccId: member.accid, isSharing, operateByAccId: by.accid });

const EVENT = 'memberScreenShareStateChanged';

/** View and subscription for a member's screen, in the order given. */
const watchScreen = (person, accid) => person.page.evaluate(async (a) => {
  window.sdk.qchatMedia.setupRemoteVideoSubStreamCanvas({ accid: a, videoView: window.view(`screen-${a}`) });
  await window.sdk.qchatMedia.subscribeRemoteVideoSubStream({ accid: a });
}, accid);

const screenShown = (person, accid) => person.page.evaluate((a) => {
  const video = window.view(`screen-${a}`).querySelector('video');
  return video === null ? null : { width: video.videoWidth, height: video.videoHeight, playing: !video.paused };
}, accid);

/** The longest time within `ms` in which no arriving picture was decoded further, ms. */
const longestStill = (person, ms) => person.page.evaluate(async (duration) => {
  const frames = new Map();
  const start = performance.now();
  let last = start;
  let gap = 0;
  while (performance.now() - start < duration) {
    for (const peer of window.instruments.peers.filter((p) => p.connectionState !== 'closed')) {
      for (const s of (await peer.getStats()).values()) {
        if (s.type !== 'inbound-rtp' || s.kind !== 'video' || s.framesDecoded <= (frames.get(s.id) ?? 0)) continue;
        frames.set(s.id, s.framesDecoded);
        gap = Math.max(gap, performance.now() - last);
        last = performance.now();
      }
    }
    await new Promise((next) => setTimeout(next, 50));
  }
  return Math.max(gap, performance.now() - last);
}, ms);

/** As the browser does it when its own "stop sharing" button is pressed. */
const browserStops = (person) => person.page.evaluate(() => {
  for (const track of window.instruments.tracks.filter((t) => t.kind === 'video' && t.readyState === 'live')) {
    track.stop();
    track.dispatchEvent(new Event('ended'));
  }
});

// A screen has few frames, so mostly they wait for the next.
describe('side by side', { concurrency: true }, () => {
  for (const version of ['0.17.2', '10.8.1']) {
    test(`${version}: one shares, others watch, others end it`, { timeout: 240_000 }, async (t) => {
      const tag = `screen-${version.replaceAll('.', '_')}`;
      const [olga, ann, ben, mona] = await Promise.all(['olga', 'ann', 'ben', 'mona'].map((n) => world.app.account(`${n}-${tag}`)));
      const place = await world.community(olga, [ann, ben, mona]);
      const channelId = await place.channel();
      await place.addOverride(channelId, ann.accid);
      await place.addOverride(channelId, mona.accid);
      const come = async (account) => {
        const person = await world.person(account, version);
        await person.enter(place.serverId, channelId);
        return person;
      };
      const sharer = await come(ann);
      const watcher = await come(ben);
      const moderator = await come(mona);
      const all = [sharer, watcher, moderator];
      const may = (person, auths) => place.override(channelId, person.accid, auths);
      const marks = () => all.map((p) => p.mark());
      /** All are told this, and nothing else, since the marks. */
      const told = async (expected, since) => {
        for (const [i, person] of all.entries()) {
          await person.event(EVENT, { since: since[i], where: (e) => e.memberAccId === expected.memberAccId && e.isSharing === expected.isSharing });
          assert.deepEqual(mediaEvents(person, since[i]), [{ name: EVENT, args: [expected] }], person.accid);
        }
      };
      const shares = (person) => person.call('qchatMedia.startScreenShare');
      const live = async (person) => (await person.holding()).tracks;
      const sharing = (person) => person.call('qchatMedia.getScreenSharingUserUuid');

      await t.test('who subscribed before sees it and hears its sound', async () => {
        await watchScreen(watcher, sharer.accid);
        const since = marks();
        await shares(sharer);
        await told(change(sharer, true, sharer), since);
        await watcher.sees(10, 'the screen');
        await watcher.hears('the sound of the screen');
        const shown = await screenShown(watcher, sharer.accid);
        assert.ok(shown?.playing && shown.width > 0 && shown.height > 0, JSON.stringify(shown));
        for (const p of all) assert.equal(await sharing(p), sharer.accid);
        const [member] = (await watcher.call('qchatMedia.getRTCMembers')).filter((m) => m.accid === sharer.accid);
        assert.deepEqual([member.isAudioOn, member.isVideoOn, member.isSharingScreen], [false, false, true]);
      });

      await t.test('who subscribes later sees it too', async () => {
        assert.equal((await pictures(moderator)).length, 0, 'a picture nobody asked for');
        await watchScreen(moderator, sharer.accid);
        await moderator.sees(10, 'the screen');
      });

      await t.test('the camera goes beside it', async () => {
        const before = await pictures(watcher);
        await watcher.watch(sharer.accid);
        await sharer.call('qchatMedia.unMuteVideo', { accid: sharer.accid });
        const both = await eventually(async () => {
          const now = await pictures(watcher);
          const moved = now.filter((p) => p.frames - (before.find((b) => b.ssrc === p.ssrc)?.frames ?? 0) >= 10);
          return moved.length === 2 && moved;
        }, 'both pictures move');
        assert.notEqual(both[0].width, both[1].width, 'camera and screen are two pictures');
        await sharer.call('qchatMedia.muteVideo', { accid: sharer.accid });
        await watcher.event('memberVideoMuteChanged', { where: (e) => e.mute });
        await watcher.sees(5, 'the screen after the camera went off');
      });

      await t.test('a second sharer is 1012 and changes nothing', async () => {
        const since = marks();
        assert.equal(await refusal(roomCall(watcher, channelId, 'rtcController.startScreenShare')), 1012);
        assert.equal(await live(watcher), 0, 'the screen was left open');
        await moderator.sees(5, 'the first screen still');
        all.forEach((p, i) => assert.deepEqual(mediaEvents(p, since[i]), [], `${p.accid} was told of a refused share`));
        for (const p of all) assert.equal(await sharing(p), sharer.accid);
      });

      await t.test('a screen the user does not give is a refusal, and changes nothing', async () => {
        const since = marks();
        await watcher.page.evaluate(() => { window.instruments.denyDevices = true; });
        assert.equal(typeof await refusal(roomCall(watcher, channelId, 'rtcController.startScreenShare')), 'number');
        await shares(watcher);
        await watcher.page.evaluate(() => { window.instruments.denyDevices = false; });
        all.forEach((p, i) => assert.deepEqual(mediaEvents(p, since[i]), [], p.accid));
      });

      await t.test('a cut of the sharer\'s sockets ends nothing', async () => {
        const since = marks();
        const still = longestStill(watcher, 8_000);
        assert.ok(await cutKitSockets(sharer) >= 2);
        const longest = await still;
        t.diagnostic(`longest time without a new frame ${Math.round(longest)} ms`);
        assert.ok(longest < 3_000, `${longest} ms without a new frame`);
        assert.equal((await sharer.holding()).sockets.length, 3, 'the sockets are back');
        await watcher.hears('its sound afterwards');
        all.forEach((p, i) => assert.deepEqual(mediaEvents(p, since[i]), [], `${p.accid} was told of a cut`));
        assert.equal(await refusal(roomCall(watcher, channelId, 'rtcController.startScreenShare')), 1012, 'it is still the one');
      });

      await t.test('unsubscribing stops its packets, and only its own', async () => {
        await moderator.call('qchatMedia.unsubscribeRemoteVideoSubStream', { accid: sharer.accid });
        await quiet(moderator, 'video', 'after unsubscribing');
        await watcher.sees(5, 'the screen still');
      });

      await t.test('the browser\'s own button ends it', async () => {
        const since = marks();
        await browserStops(sharer);
        await told(change(sharer, false, sharer), since);
        await quiet(watcher, 'video', 'after the share');
        await watcher.hearsNothing('of an ended share');
        assert.equal(await live(sharer), 0);
        assert.equal(await screenShown(watcher, sharer.accid), null, 'the view still has a picture');
        for (const p of all) assert.equal(await sharing(p), '');
      });

      await t.test('again, without a new subscription; stopScreenShare ends it', async () => {
        let since = marks();
        await shares(sharer);
        await told(change(sharer, true, sharer), since);
        await watcher.sees(10, 'the second share');
        await watcher.hears('the sound of the second share');
        since = marks();
        await sharer.call('qchatMedia.stopScreenShare');
        await told(change(sharer, false, sharer), since);
        await quiet(watcher, 'video', 'after the second share');
      });

      await t.test('a moderator stops it with right 24, and not without', async () => {
        let since = marks();
        await shares(sharer);
        await told(change(sharer, true, sharer), since);
        await watcher.sees(10, 'the third share');
        assert.equal(await refusal(roomCall(moderator, channelId, 'rtcController.stopMemberScreenShare', sharer.accid)), 403);
        await watcher.sees(5, 'the third share still');
        await may(moderator, { 24: 1 });
        assert.equal(await refusal(roomCall(moderator, channelId, 'rtcController.stopMemberScreenShare', watcher.accid)), -1, 'one who is not sharing');
        since = marks();
        await moderator.call('qchatMedia.stopMemberScreenShare', { accid: sharer.accid });
        await told(change(sharer, false, moderator), since);
        await quiet(watcher, 'video', 'after the moderator stopped it');
        assert.equal(await live(sharer), 0, 'the screen was left open');
      });

      await t.test('a moderator stops it while the sharer\'s sockets are away: it does not come back by itself', async () => {
        let since = marks();
        await shares(sharer);
        await told(change(sharer, true, sharer), since);
        await watcher.sees(10, 'the share');
        since = marks();
        await cutKitSockets(sharer);
        await moderator.call('qchatMedia.stopMemberScreenShare', { accid: sharer.accid });
        await Promise.all([watcher, moderator].map((p, i) => p.event(EVENT, { since: since[i + 1] })));
        await quiet(watcher, 'video', 'after the moderator stopped it');
        const [off] = await sharer.event(EVENT, { since: since[0], timeout: 15_000 });
        assert.deepEqual([off.memberAccId, off.isSharing], [sharer.accid, false]);
        await eventually(async () => await live(sharer) === 0, 'the screen was left open');
        await quiet(watcher, 'video', 'after the sockets are back');
        assert.equal(await sharing(watcher), '');
      });

      await t.test('losing right 23 ends it', async () => {
        let since = marks();
        await shares(sharer);
        await told(change(sharer, true, sharer), since);
        await watcher.sees(10, 'the fourth share');
        since = marks();
        await may(sharer, { 23: -1 });
        await told(change(sharer, false, sharer), since);
        await quiet(watcher, 'video', 'after right 23 was lost');
        await watcher.hearsNothing('after right 23 was lost');
        assert.equal(await live(sharer), 0, 'the screen was left open');
        assert.equal(await refusal(roomCall(sharer, channelId, 'rtcController.startScreenShare')), 403);
        assert.equal(await live(sharer), 0, 'the screen was left open by the refusal');
        await may(sharer, { 23: 0 });
      });

      await t.test('two who start at once: one shares, the other is 1012', async () => {
        await watchScreen(moderator, sharer.accid);
        await watchScreen(moderator, watcher.accid);
        for (let round = 0; round < 3; round++) {
          const since = marks();
          const pair = [sharer, watcher];
          const results = await Promise.all(pair.map((p) => roomCall(p, channelId, 'rtcController.startScreenShare').then(() => 0, (e) => e.code)));
          assert.deepEqual([...results].sort((a, b) => a - b), [0, 1012]);
          const winner = pair[results.indexOf(0)];
          await told(change(winner, true, winner), since);
          await moderator.sees(5, 'the winner');
          const stopped = marks();
          await winner.call('qchatMedia.stopScreenShare');
          await told(change(winner, false, winner), stopped);
        }
      });

      await t.test('leaving ends it, and the next may share', async () => {
        const since = marks();
        await shares(sharer);
        await told(change(sharer, true, sharer), since);
        await sharer.leave();
        await watcher.event('memberLeaveRTCChannel', { where: (l) => l.includes(sharer.accid) });
        assert.equal(await sharing(watcher), '');
        assert.equal(await live(sharer), 0);
        await roomCall(watcher, channelId, 'rtcController.startScreenShare');
        await moderator.sees(10, 'the next sharer');
      });

      await t.test('no promise was left unhandled', async () => {
        for (const p of all) assert.deepEqual(await p.page.evaluate(() => window.instruments.unhandled), []);
      });
      await closePages(...all);
    });
  }
});
