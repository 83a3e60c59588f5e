// What every pinned version of the vendor's engine, unmodified from npm, can do against this server: one table of steps,
// run once per version. Prints a line per version and step, and compares them with engine-results.jsonl; with
// RECORD=1 it writes that file.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Engine, ENGINES, engineJoins } from './engine.mjs';
import { readEngineResults, writeEngineResults } from './engine-results.mjs';
import { eventually, openWorld } from './people.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

/** The steps, in order. `a` publishes, `b` receives; both run the version under test. */
const STEPS = [
  ['join', async ({ a, b }) => {
    await a.enter('engine-a', { dual: true });
    await b.enter('engine-b');
    await a.saw('peer-online', { uid: b.uid });
    await b.saw('peer-online', { uid: a.uid });
    assert.deepEqual([a.answers('Join'), b.answers('Join')], [[200], [200]]);
  }],
  ['publish', async ({ a }) => {
    await a.publish();
    assert.deepEqual(a.answers('Produce'), [200, 200]);
    const [, video] = a.wire.filter((m) => m.sent && m.method === 'Produce');
    assert.equal(video.data.rtpParameters.encodings.length, 2, 'a high and a low stream');
  }],
  ['subscribe', async ({ a, b }) => {
    for (const media of ['audio', 'video']) {
      await b.saw('stream-added', { uid: a.uid, media });
      await b.saw('stream-subscribed', { uid: a.uid, media });
    }
    await b.receives({ voices: 1, pictures: 1 }, 'after subscribe');
    for (const member of [a, b]) assert.deepEqual(await member.ciphers(), ['SRTP_AEAD_AES_128_GCM']);
    await b.run((uid) => window.engine.client.unsubscribe(window.engine.remotes.get(uid)), a.uid);
    await b.receives({}, 'after unsubscribe');
    await b.run((uid) => window.engine.client.subscribe(window.engine.remotes.get(uid)), a.uid);
    await b.receives({ voices: 1, pictures: 1 }, 'after the second subscribe');
  }],
  ['mute', async ({ a, b }) => {
    for (const [Media, flowing] of [['Audio', { pictures: 1 }], ['Video', { voices: 1 }]]) {
      const since = await b.mark();
      await a.run((m) => window.engine.stream[`mute${m}`](), Media);
      await b.saw(`mute-${Media.toLowerCase()}`, { uid: a.uid }, since);
      await b.receives(flowing, `while ${Media} is muted`);
      await a.run((m) => window.engine.stream[`unmute${m}`](), Media);
      await b.saw(`unmute-${Media.toLowerCase()}`, { uid: a.uid }, since);
      await b.receives({ voices: 1, pictures: 1 }, `after ${Media} was unmuted`);
    }
  }],
  ['layer switch', async ({ a, b }) => {
    const [high] = await b.widths();
    for (const [type, fits] of [[1, (w) => w > 0 && w < high], [0, (w) => w === high]]) {
      await b.run(([uid, type]) => window.engine.layer(uid, type), [a.uid, type]);
      await eventually(async () => fits((await b.widths())[0]), `stream type ${type}, high is ${high} wide`);
      await b.receives({ voices: 1, pictures: 1 }, `on stream type ${type}`);
    }
    assert.deepEqual(b.answers('SetConsumerPreferredLayer'), [200, 200]);
  }],
  ['screen share', async ({ a, b }) => {
    const since = await b.mark();
    await a.run(() => window.engine.stream.open({ type: 'screen', screenAudio: true }));
    await b.saw('stream-added', { uid: a.uid, media: 'screen' }, since);
    await b.receives({ voices: 2, pictures: 2 }, 'with the screen and its sound');
    assert.ok(Math.max(...await b.widths()) > 640, 'the screen is wider than the camera');
  }],
  ['second sharer refused', async ({ a, b }) => {
    const since = b.wire.length;
    await b.run(async (uid) => {
      window.engine.stream = window.NERTC.createStream({ uid, client: window.engine.client, audio: false, video: false, screen: true });
      await window.engine.stream.init();
      await Promise.race([window.engine.client.publish(window.engine.stream).catch(() => undefined), new Promise((done) => setTimeout(done, 2_000))]);
    }, b.uid);
    await eventually(() => b.answers('Produce', since).length > 0, 'a Produce of the second sharer');
    assert.deepEqual([...new Set(b.answers('Produce', since))], [1012]);
    await b.run(() => window.engine.stream.destroy());
    await b.receives({ voices: 2, pictures: 2 }, 'after its own share was refused');
    assert.equal(a.notified('OnNewProducer').length, 0, 'nobody heard of the refused screen');
  }],
  ['screen share ends', async ({ a, b }) => {
    const since = await b.mark();
    await a.run(() => window.engine.stream.close({ type: 'screen' }));
    await b.saw('stream-removed', { uid: a.uid, media: 'screen' }, since);
    await b.receives({ voices: 1, pictures: 1 }, 'after the screen');
  }],
  ['unpublish', async ({ a, b }) => {
    const since = await b.mark();
    await a.run(() => window.engine.client.unpublish(window.engine.stream));
    for (const media of ['audio', 'video']) await b.saw('stream-removed', { uid: a.uid, media }, since);
    await b.receives({}, 'after unpublish');
    await a.run(() => window.engine.client.publish(window.engine.stream));
    for (const media of ['audio', 'video']) await b.saw('stream-added', { uid: a.uid, media }, since);
    await b.receives({ voices: 1, pictures: 1 }, 'after publishing again');
  }],
  ['reconnect after a cut socket', async ({ a, b }) => {
    for (const [cut, peer] of [[a, b], [b, a]]) {
      const since = await cut.mark();
      const peerSince = await peer.mark();
      const [sent, told] = [cut.wire.length, peer.wire.length];
      assert.equal(await cut.cutSignalling(), 1);
      await cut.saw('connection-state-change', { state: 'CONNECTED' }, since, 20_000);
      assert.deepEqual(cut.answers('Join', sent), [200]);
      await b.receives({ voices: 1, pictures: 1 }, `after the socket of ${cut.account.accid} was cut`, 30_000);
      assert.deepEqual([...peer.notified('OnPeerLeave', told), ...peer.notified('OnPeerJoin', told)], [], 'a cut is not told to peers');
      await peer.didNotSee('peer-leave', peerSince);
    }
  }],
  ['three members at once', async (call) => {
    const { a, b, c } = call;
    await c.enter('engine-c');
    await b.publish();
    await c.publish();
    for (const member of [a, b, c]) await member.receives({ voices: 2, pictures: 2 }, 'with two others', 40_000);
  }],
  ['kicked', async ({ a, b, c }) => {
    const since = await c.mark();
    await a.seat.rest('DELETE', `v1/rooms/${a.call.channelId}/members/${c.account.accid}`);
    await c.saw('client-banned', {}, since);
    await c.saw('connection-state-change', { state: 'DISCONNECTED' }, since);
    for (const peer of [a, b]) await peer.saw('peer-leave', { uid: c.uid });
    assert.equal(await c.run(() => window.instruments.peers.filter((p) => p.connectionState !== 'closed').length), 0);
    const again = await engineJoins(world, c.call.channelId, c.seat, { version: c.version }).then(() => 'joined', () => 'refused');
    assert.equal(again, 'refused', 'with the token of the seat it lost');
    await a.receives({ voices: 1, pictures: 1 }, 'without the one who was kicked');
  }],
  ['leave', async ({ a, b }) => {
    const since = await b.mark();
    await a.run(() => window.engine.client.leave());
    await b.saw('peer-leave', { uid: a.uid }, since);
    await b.receives({}, 'after the leave');
    await a.close();
    await b.run(() => window.engine.client.leave());
    const signalling = () => b.run(() => window.instruments.sockets.filter((s) => s.url.includes('/rtc/signal') && s.readyState !== WebSocket.CLOSED).length);
    await eventually(async () => (await signalling()) === 0, 'its signalling socket stays open');
  }],
];

/** Codes that a step expects besides 200. */
const EXPECTED = [1012];

const results = [];

for (const version of ENGINES) {
  test(`nertc-web-sdk ${version}`, { timeout: 300_000 }, async (t) => {
    const [ada, bea, cyd] = await Promise.all(['ada', 'bea', 'cyd'].map((name) => world.app.account(`${name}-${version}`)));
    const place = await world.community(ada, [bea, cyd]);
    const call = { world, channelId: await place.channel() };
    Object.assign(call, { a: new Engine(call, ada, version), b: new Engine(call, bea, version), c: new Engine(call, cyd, version) });
    let broken = null;
    for (const [step, run] of STEPS) {
      const at = performance.now();
      const line = (result) => {
        results.push({ engine: version, step, result });
        console.log(`engine ${version} | ${step} | ${result} | ${Math.round(performance.now() - at)} ms`);
      };
      await t.test(step, async () => {
        // A step stands on those before it.
        if (broken) {
          line('untried');
          assert.fail(`not tried: "${broken}" failed`);
        }
        try {
          await run(call);
          line('pass');
        } catch (error) {
          broken = step;
          line('fail');
          throw error;
        }
      });
    }
    await t.test('every request was answered as expected', () => {
      for (const member of [call.a, call.b, call.c]) {
        const odd = member.wire.filter((m) => !m.sent && m.code !== undefined && m.code !== 200 && !EXPECTED.includes(m.code));
        assert.deepEqual(odd, []);
        assert.deepEqual(member.wire.filter((m) => m.failed), [], 'every address was good, the probes of 5.4.0 as well');
        const asked = member.wire.filter((m) => m.sent && m.method === 'Produce').length;
        assert.equal(member.answers('Produce').length, asked);
      }
    });
    await Promise.all([call.a, call.b, call.c].map((member) => member.close().catch(() => undefined)));
  });
}

test('the results are those on record', () => {
  if (process.env.RECORD) writeEngineResults(results);
  assert.deepEqual(readEngineResults(), results);
});

test('three versions of the engine in one channel', { timeout: 120_000 }, async () => {
  const accounts = await Promise.all(ENGINES.map((version) => world.app.account(`mixed-${version}`)));
  const place = await world.community(accounts[0], accounts.slice(1));
  const call = { world, channelId: await place.channel() };
  const members = ENGINES.map((version, i) => new Engine(call, accounts[i], version));
  for (const member of members) {
    await member.enter(`mixed-${member.version}`);
    await member.publish();
  }
  for (const member of members) await member.receives({ voices: 2, pictures: 2 }, 'of two other versions', 40_000);
  await members[0].run(() => window.engine.stream.muteAudio());
  for (const member of members.slice(1)) await member.receives({ voices: 1, pictures: 2 }, 'with one muted');
  for (const member of members) {
    await member.run(() => window.engine.client.leave());
    await member.close();
  }
});
