// A picture needs three things: the peer publishes, I subscribe, I give a view. Any order of the three shows it, for
// cameras and for screens.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, openWorld } from './people.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

const ORDERS = [
  ['publish', 'subscribe', 'view'], ['publish', 'view', 'subscribe'], ['subscribe', 'publish', 'view'],
  ['subscribe', 'view', 'publish'], ['view', 'publish', 'subscribe'], ['view', 'subscribe', 'publish'],
];

/** By name, as the SDK spells it. */
const KINDS = {
  camera: {
    on: (p) => p.call('qchatMedia.unMuteVideo', { accid: p.accid }),
    off: (p) => p.call('qchatMedia.muteVideo', { accid: p.accid }),
    canvas: 'setupVideoCanvas', subscribe: ['subscribeRemoteVideoStream', { streamType: 0 }],
    unsubscribe: ['unSubscribeRemoteVideoStream', { streamType: 0 }],
    changed: ['memberVideoMuteChanged', (e) => e.mute],
  },
  screen: {
    on: (p) => p.call('qchatMedia.startScreenShare'),
    off: (p) => p.call('qchatMedia.stopScreenShare'),
    canvas: 'setupRemoteVideoSubStreamCanvas', subscribe: ['subscribeRemoteVideoSubStream', {}],
    unsubscribe: ['unsubscribeRemoteVideoSubStream', {}],
    changed: ['memberScreenShareStateChanged', (e) => !e.isSharing],
  },
};

/** Gives the picture a fresh element; as a selector, which the page may fill in later, or as the element. */
const giveView = (person, canvas, accid, id, bySelector) => person.page.evaluate(([canvas, accid, id, bySelector]) => {
  const element = document.createElement('div');
  element.id = id;
  if (!bySelector) document.getElementById('views').append(element);
  const result = window.sdk.qchatMedia[canvas]({ accid, videoView: bySelector ? `#${id}` : element });
  // The selector finds nothing yet.
  if (bySelector) document.getElementById('views').append(element);
  return result;
}, [canvas, accid, id, bySelector]);

const playing = (person, id) => person.page.evaluate((i) => {
  const video = document.getElementById(i)?.querySelector('video');
  return Boolean(video && !video.paused && video.videoWidth > 0);
}, id);

for (const version of ['0.17.2', '10.8.1']) {
  test(`${version}: every order of publishing, subscribing and giving a view`, { timeout: 240_000 }, async (t) => {
    const tag = `views-${version.replaceAll('.', '_')}`;
    const [ann, ben] = await Promise.all(['ann', 'ben'].map((n) => world.app.account(`${n}-${tag}`)));
    const place = await world.community(ann, [ben]);
    const channelId = await place.channel();
    const a = await world.person(ann, version);
    const b = await world.person(ben, version);
    await a.enter(place.serverId, channelId);
    await b.enter(place.serverId, channelId);

    for (const [name, kind] of Object.entries(KINDS)) {
      for (const [turn, order] of ORDERS.entries()) {
        await t.test(`${name}: ${order.join(', ')}`, async () => {
          const id = `${name}-${turn}`;
          const since = b.mark();
          const steps = {
            publish: () => kind.on(a),
            subscribe: () => b.call(`qchatMedia.${kind.subscribe[0]}`, { accid: a.accid, ...kind.subscribe[1] }),
            view: async () => assert.equal(await giveView(b, kind.canvas, a.accid, id, turn % 2 === 1), 0),
          };
          for (const step of order.slice(0, -1)) await steps[step]();
          assert.equal(await playing(b, id), false, 'before the last of the three');
          await steps[order.at(-1)]();
          await eventually(() => playing(b, id), 'no picture in the view', 20_000);
          await b.call(`qchatMedia.${kind.unsubscribe[0]}`, { accid: a.accid, ...kind.unsubscribe[1] });
          await eventually(async () => !(await playing(b, id)), 'the picture stays after unsubscribing');
          await kind.off(a);
          await b.event(kind.changed[0], { since, where: kind.changed[1] });
        });
      }
    }

    await t.test('another view takes the picture along', async () => {
      await a.call('qchatMedia.unMuteVideo', { accid: a.accid });
      await b.call('qchatMedia.subscribeRemoteVideoStream', { accid: a.accid, streamType: 0 });
      await giveView(b, 'setupVideoCanvas', a.accid, 'first', false);
      await eventually(() => playing(b, 'first'), 'no picture in the first view', 20_000);
      await giveView(b, 'setupVideoCanvas', a.accid, 'second', false);
      await eventually(() => playing(b, 'second'), 'no picture in the second view');
      assert.equal(await playing(b, 'first'), false, 'the first view still plays');
    });

    await t.test('a canvas call without a view is refused and breaks nothing', async () => {
      assert.equal(await b.page.evaluate((accid) => window.sdk.qchatMedia.setupVideoCanvas({ accid }), a.accid), -1);
      assert.equal(await playing(b, 'second'), true);
    });
    await Promise.all([a, b].map((p) => p.page.context().close()));
  });
}
