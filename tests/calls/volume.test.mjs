// Who speaks how loud, as apps with the kit's room hear of it: five times a second, under the name of newer kits and
// under the SDK's.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openWorld } from './people.mjs';
import { closePages, roomCall } from './room.mjs';

const REMOTE = 'onRtcRemoteAudioVolumeIndication';
const SDK = 'onRtcAudioVolumeIndication';
/** ms over which reports are counted, and between two of them. */
const [MEASURE_MS, PERIOD_MS] = [4_000, 200];

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

/** Reports of both names beside the SDK's own listener, with the page's clock. */
const hearVolumes = (person, channelId) => person.page.evaluate(([c, name]) => {
  window.kit.roomService.getRoomContext(c).on(name, (list) => window.__event({ name, args: [list, performance.now()] }));
}, [channelId, REMOTE]);

const reports = (person, since, name = REMOTE) => person.events.slice(since).filter((e) => e.name === name);
const accounts = (events) => [...new Set(events.flatMap((e) => e.args[0].map((v) => v.userUuid)))].sort();

for (const version of ['0.17.2', '10.8.1']) {
  test(`${version}: volumes name who is heard, from 1 to 100, five times a second, and leave the silent out`, { timeout: 90_000 }, async (t) => {
    const tag = version.replaceAll('.', '_');
    const [ann, ben, cid] = await Promise.all(['ann', 'ben', 'cid'].map((n) => world.app.account(`${n}-${tag}`)));
    const place = await world.community(ann, [ben, cid]);
    const channelId = await place.channel();
    const people = [];
    for (const account of [ann, ben, cid]) {
      const person = await world.person(account, version);
      await person.enter(place.serverId, channelId);
      await hearVolumes(person, channelId);
      people.push(person);
    }
    const [speaker, listener, still] = people;

    await t.test('while every microphone is closed, nothing is reported', async () => {
      const since = people.map((p) => p.mark());
      await sleep(1_500);
      people.forEach((p, i) => assert.deepEqual(reports(p, since[i]), [], p.accid));
    });

    await speaker.unmute();
    // A microphone that is open and picks up nothing.
    await roomCall(still, channelId, 'rtcController.adjustRecordingSignalVolume', 0);
    await still.unmute();
    await listener.hears('the speaker');
    await listener.event(REMOTE, { since: listener.mark(), where: (list) => list.length > 0 });
    const since = people.map((p) => p.mark());
    await sleep(MEASURE_MS);
    const seen = people.map((p, i) => reports(p, since[i]));

    await t.test('everybody hears of the speaker, also the speaker, and nobody of the still one', () => {
      people.forEach((p, i) => assert.deepEqual(accounts(seen[i]), [speaker.accid], p.accid));
    });

    await t.test('volumes are whole numbers from 1 to 100, and beeps are loud and over', () => {
      for (const [i, events] of seen.entries()) {
        const volumes = events.flatMap((e) => e.args[0].map((v) => v.volume));
        assert.ok(volumes.length >= 3, `${people[i].accid}: ${volumes.length} volumes`);
        assert.ok(volumes.every((v) => Number.isInteger(v) && v >= 1 && v <= 100), `${people[i].accid}: ${volumes}`);
        for (const e of events) for (const entry of e.args[0]) assert.deepEqual(Object.keys(entry).sort(), ['userUuid', 'volume']);
      }
    });

    await t.test('five times a second', () => {
      for (const [i, events] of seen.entries()) {
        const at = events.map((e) => e.args[1]);
        const gaps = at.slice(1).map((now, k) => now - at[k]).sort((a, b) => a - b);
        const [median, wanted] = [gaps[Math.floor(gaps.length / 2)], MEASURE_MS / PERIOD_MS];
        t.diagnostic(`${people[i].accid}: ${events.length} reports, median ${Math.round(median)} ms, ${Math.round(gaps[0])} to ${Math.round(gaps.at(-1))}`);
        assert.ok(median > PERIOD_MS * 0.75 && median < PERIOD_MS * 1.25, `${people[i].accid}: ${median} ms between two`);
        assert.ok(events.length > wanted * 0.75 && events.length <= wanted + 2, `${people[i].accid}: ${events.length} reports`);
      }
    });

    await t.test('the SDK\'s event has the same lists', () => {
      people.forEach((p, i) => {
        const both = p.events.slice(since[i]).filter((e) => e.name === SDK || e.name === REMOTE);
        // They come in pairs; the mark may have cut one.
        if (both[0].name === REMOTE) both.shift();
        assert.ok(both.length >= MEASURE_MS / PERIOD_MS, `${p.accid}: ${both.length} of both`);
        for (let k = 0; k + 1 < both.length; k += 2) {
          assert.deepEqual([both[k].name, both[k + 1].name, both[k].args[0]], [SDK, REMOTE, both[k + 1].args[0]], p.accid);
        }
      });
    });

    await t.test('who closes the microphone is left out at once', async () => {
      await speaker.mute();
      await listener.event('memberAudioMuteChanged', { where: (e) => e.memberAccId === speaker.accid && e.mute });
      const after = listener.mark();
      await sleep(1_000);
      assert.deepEqual(accounts(reports(listener, after)), []);
      assert.ok(reports(listener, after).length > 0, 'the still one is open: an empty list is reported');
    });
    await closePages(...people);
  });
}
