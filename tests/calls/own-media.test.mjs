// What apps that know the kit's room set of their own media past the SDK: the camera's picture, the microphone's volume,
// the size of a shared screen.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, openWorld } from './people.mjs';
import { closePages, mediaEvents, pictures, refusal, roomCall } from './room.mjs';

/** ms over which a voice is measured: three beeps of the fake microphone, give or take one packet. */
const MEASURE_MS = 3_000;

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

/** Counts the audio processing of the page; call before the kit does anything. */
const countContexts = (person) => person.page.evaluate(() => {
  window.contexts = [];
  window.AudioContext = class extends window.AudioContext {
    constructor(...args) {
      super(...args);
      window.contexts.push(this);
    }
  };
});
const contexts = (person) => person.page.evaluate(() => window.contexts.map((c) => c.state));

/** What is sent of the camera, and how the device runs. */
const camera = (person) => person.page.evaluate(() => {
  const track = window.instruments.tracks.findLast((t) => t.kind === 'video' && t.readyState === 'live');
  const senders = window.instruments.peers.filter((p) => p.connectionState !== 'closed').flatMap((p) => p.getSenders());
  const { encodings } = senders.find((s) => s.track === track).getParameters();
  return { frameRate: track.getSettings().frameRate, bitrates: encodings.filter((e) => e.active).map((e) => e.maxBitrate) };
});

/** Until a picture that moves fits. */
const shows = (person, fits, message) => {
  let before = [];
  return eventually(async () => {
    const now = await pictures(person);
    const moved = now.filter((p) => p.frames > (before.find((b) => b.ssrc === p.ssrc)?.frames ?? p.frames));
    before = now;
    return moved.some(fits);
  }, `${message}: no such picture`, 20_000);
};
const size = (width, height) => (p) => p.width === width && p.height === height;

for (const version of ['0.17.2', '10.8.1']) {
  test(`${version}: camera, microphone and screen as the app sets them`, { timeout: 180_000 }, async (t) => {
    const tag = version.replaceAll('.', '_');
    const [ann, ben] = await Promise.all(['ann', 'ben'].map((n) => world.app.account(`${n}-${tag}`)));
    const place = await world.community(ann, [ben]);
    const channelId = await place.channel();
    const a = await world.person(ann, version);
    const b = await world.person(ben, version);
    await countContexts(a);
    await a.enter(place.serverId, channelId);
    await b.enter(place.serverId, channelId);
    const rtc = (method, ...args) => roomCall(a, channelId, `rtcController.${method}`, ...args);
    const on = () => a.call('qchatMedia.unMuteVideo', { accid: a.accid });
    const off = () => a.call('qchatMedia.muteVideo', { accid: a.accid });

    await t.test('a running camera takes another size, rate and bitrate, and nobody is told of anything', async () => {
      await b.watch(a.accid);
      await on();
      await shows(b, size(640, 480), 'the channel\'s own size');
      assert.equal((await camera(a)).bitrates.length, 2, 'layers');
      const since = [a.mark(), b.mark()];
      await rtc('setLocalVideoConfig', { resolution: 720, frameRate: 10, bitrate: 900_000 });
      await shows(b, size(1280, 720), 'larger');
      const { frameRate, bitrates } = await camera(a);
      assert.equal(frameRate, 10);
      assert.deepEqual([bitrates.length, bitrates.at(-1)], [2, 900_000]);
      // So small that one layer is all.
      await rtc('setLocalVideoConfig', { width: 320, height: 240 });
      await shows(b, size(320, 240), 'smaller');
      assert.equal((await camera(a)).bitrates.length, 1);
      await rtc('setLocalVideoConfig', { resolution: 480 });
      await shows(b, size(640, 480), 'layers again');
      assert.equal((await camera(a)).bitrates.length, 2);
      assert.deepEqual([mediaEvents(a, since[0]), mediaEvents(b, since[1])], [[], []]);
      assert.equal((await a.holding()).tracks, 1);
    });

    await t.test('again and again, faster than anybody would', async () => {
      for (let round = 1; round <= 3; round++) {
        await rtc('setLocalVideoConfig', { width: 320, height: 240 });
        await shows(b, size(320, 240), `smaller, round ${round}`);
        await rtc('setLocalVideoConfig', {});
        await shows(b, size(640, 480), `layers, round ${round}`);
      }
    });

    await t.test('a camera that began small gets layers when it becomes large: a producer takes the other\'s place', async () => {
      await a.leave();
      await a.enterAgain(place.serverId, channelId);
      await rtc('setLocalVideoConfig', { width: 320, height: 240 });
      await on();
      await shows(b, size(320, 240), 'small');
      const since = [a.mark(), b.mark()];
      await rtc('setLocalVideoConfig', {});
      await shows(b, size(640, 480), 'large');
      assert.equal((await camera(a)).bitrates.length, 2);
      await b.call('qchatMedia.subscribeRemoteVideoStream', { accid: a.accid, streamType: 1 });
      await shows(b, size(160, 120), 'the low layer');
      await b.call('qchatMedia.subscribeRemoteVideoStream', { accid: a.accid, streamType: 0 });
      await shows(b, size(640, 480), 'the high layer');
      assert.deepEqual([mediaEvents(a, since[0]), mediaEvents(b, since[1])], [[], []]);
    });

    await t.test('it is remembered for the next start, and left again', async () => {
      await rtc('setLocalVideoConfig', { width: 320, height: 240 });
      await off();
      await on();
      await shows(b, size(320, 240), 'as set before');
      await off();
      await rtc('setLocalVideoConfig', {});
      await on();
      await shows(b, size(640, 480), 'as the channel says');
      assert.equal((await camera(a)).bitrates.length, 2);
    });

    await t.test('nonsense is refused and changes nothing', async () => {
      for (const config of [{ width: 0 }, { frameRate: 'fast' }, { resolution: -480 }]) assert.equal(await refusal(rtc('setLocalVideoConfig', config)), -1);
      await b.sees(5, 'the camera still');
      await off();
    });

    await t.test('at full volume the microphone\'s own track is sent; below, as much less as was set', async () => {
      await a.unmute();
      await b.hears('at full volume');
      assert.deepEqual(await contexts(a), [], 'no audio processing at full volume');
      const full = await b.listen(MEASURE_MS);
      await rtc('adjustRecordingSignalVolume', 25);
      await b.hears('with a gain');
      const quarter = await b.listen(MEASURE_MS);
      // A quarter of the amplitude is a sixteenth of the energy.
      const share = quarter / full;
      t.diagnostic(`energy at full volume ${full}, at a quarter ${quarter}`);
      assert.ok(share > 1 / 32 && share < 1 / 8, `${share} of the energy`);
      await rtc('adjustRecordingSignalVolume', 0);
      await b.hearsNothing('at volume 0');
      assert.deepEqual(await contexts(a), ['running'], 'one gain, whatever it is set to');
    });

    await t.test('it is remembered for the next opening; muting closes the device and the gain', async () => {
      await a.mute();
      assert.equal((await a.holding()).tracks, 0);
      await eventually(async () => (await contexts(a)).every((state) => state === 'closed'), 'a gain is left open');
      await a.unmute();
      await b.hearsNothing('still at volume 0');
      await rtc('adjustRecordingSignalVolume', 100);
      await b.hears('at full volume again');
      await eventually(async () => (await contexts(a)).every((state) => state === 'closed'), 'a gain is left open');
      assert.equal(await refusal(rtc('adjustRecordingSignalVolume', 'loud')), -1);
      assert.equal((await a.holding()).tracks, 1);
      await a.mute();
    });

    await t.test('a shared screen has at most the lines and frames asked for', async () => {
      await b.call('qchatMedia.subscribeRemoteVideoSubStream', { accid: a.accid });
      await rtc('startScreenShare', { sourceId: 'screen:0:0', resolution: 240, frameRate: 8 });
      await shows(b, (p) => p.height === 240, 'of 240 lines');
      const { frameRate } = await a.page.evaluate(() => window.instruments.tracks.findLast((t) => t.kind === 'video').getSettings());
      assert.equal(frameRate, 8);
      await rtc('stopScreenShare');
      await rtc('startScreenShare');
      await shows(b, (p) => p.height > 240, 'of more lines');
      await rtc('stopScreenShare');
    });

    await t.test('leaving closes what the volume opened', async () => {
      await rtc('adjustRecordingSignalVolume', 50);
      await a.unmute();
      await b.hears('at half volume');
      await a.leave();
      assert.equal((await a.holding()).tracks, 0);
      await eventually(async () => (await contexts(a)).every((state) => state === 'closed'), 'a gain is left open');
      for (const p of [a, b]) assert.deepEqual(await p.page.evaluate(() => window.instruments.unhandled), []);
    });
    await closePages(a, b);
  });
}
