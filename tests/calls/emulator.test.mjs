// The emulated network does what its conditions say: what tests of bad networks conclude rests on this.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTunnels } from '@rotunda/harness/tunnels.mjs';
import { openRelay, RELAY_ADDRESS } from '@rotunda/harness/udp-relay.mjs';

const bound = (socket) => new Promise((ok) => socket.bind(0, '127.0.0.1', () => ok(socket)));

/** A client and a server with a relay between them, and what arrived where. */
async function pair(t, seed) {
  const [client, server] = [await bound(dgram.createSocket('udp4')), await bound(dgram.createSocket('udp4'))];
  const { port } = server.address();
  const relay = await openRelay(port, { seed });
  const arrived = { server: [], client: [] };
  server.on('message', (data, from) => arrived.server.push({ n: data.readUInt32BE(), port: from.port, at: performance.now() }));
  client.on('message', (data) => arrived.client.push({ n: data.readUInt32BE(), at: performance.now() }));
  const packet = (n, bytes) => {
    const data = Buffer.alloc(bytes);
    data.writeUInt32BE(n);
    return data;
  };
  t.after(() => { client.close(); server.close(); relay.close(); });
  const up = (n, bytes = 100) => client.send(packet(n, bytes), port, RELAY_ADDRESS);
  up(0);
  for (let tries = 0; tries < 100 && !arrived.server.length; tries++) await sleep(10);
  const [flow] = relay.flows([client.address().port]);
  return { flow, arrived, up, down: (n, bytes = 100) => server.send(packet(n, bytes), arrived.server.at(-1).port, '127.0.0.1') };
}

/** Sends so many, a few at a time so that no socket's own buffer overflows. */
async function burst(send, count) {
  for (let n = 1; n <= count; n++) {
    send(n);
    if (n % 20 === 0) await sleep(1);
  }
  await sleep(100);
}

test('loss is as large as said, alone or in bursts, and the same for the same seed', async (t) => {
  const runs = [];
  for (const conditions of [{ loss: 0.2 }, { loss: 0.2 }, { loss: 0.2, burst: 5 }]) {
    const { flow, arrived, up } = await pair(t, 7);
    flow.up.set(conditions);
    await burst(up, 2_000);
    const got = arrived.server.slice(1).map(({ n }) => n);
    const gaps = got.slice(1).filter((n, i) => n !== got[i] + 1).length;
    runs.push({ got, share: 1 - got.length / 2_000, run: (2_000 - got.length) / gaps });
  }
  for (const { share } of runs) assert.ok(share > 0.15 && share < 0.25, `${share} lost`);
  assert.deepEqual(runs[0].got, runs[1].got);
  assert.ok(runs[0].run < 1.5 && runs[2].run > 3.5, `runs of ${runs[0].run} and ${runs[2].run}`);
});

test('delay and jitter hold packets, and one way only', async (t) => {
  const { flow, arrived, up, down } = await pair(t, 3);
  flow.down.set({ delayMs: 50, jitterMs: 100 });
  const start = performance.now();
  for (let n = 1; n <= 50; n++) down(n);
  up(1);
  await sleep(400);
  const waits = arrived.client.map(({ at }) => at - start).sort((a, b) => a - b);
  assert.equal(waits.length, 50);
  assert.ok(waits[0] >= 49 && waits.at(-1) - waits[0] > 50, `${waits[0]} to ${waits.at(-1)} ms`);
  assert.ok(arrived.server.at(-1).at - start < 40, 'the other way is as it was');
});

test('a limited link drops what its queue does not hold, and delivers the rest at its rate', async (t) => {
  const { flow, arrived, down } = await pair(t, 3);
  flow.down.set({ kbps: 400, queueMs: 200 });
  const start = performance.now();
  // 100 ms of the link at 1,000 bytes per 20 ms is 5 packets; 200 ms of queue hold ten more than the first.
  for (let n = 1; n <= 100; n++) down(n, 1_000);
  await sleep(600);
  const count = arrived.client.length;
  assert.ok(count >= 10 && count <= 13, `${count} arrived`);
  assert.ok(arrived.client.at(-1).at - start >= 190, `the last after ${arrived.client.at(-1).at - start} ms`);
});

test('a blocked flow passes nothing, a rebound one has another address', async (t) => {
  const { flow, arrived, up, down } = await pair(t, 3);
  flow.up.set({ blocked: true });
  up(1);
  await sleep(100);
  assert.equal(arrived.server.length, 1);
  flow.up.set({});
  flow.rebind();
  up(2);
  await sleep(100);
  const [old, now] = arrived.server;
  assert.equal(now.n, 2);
  assert.notEqual(now.port, old.port);
  down(3);
  await sleep(100);
  assert.deepEqual(arrived.client.map(({ n }) => n), [3]);
});

let echo;
before(async () => {
  // Half-open, so that only the tunnel can be what closes a connection.
  echo = net.createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
  await new Promise((ok) => echo.listen(0, '127.0.0.1', ok));
});
after(() => echo.close());

/** A connection through the proxy; `got` is what came back after the proxy's own answer. */
async function dial(tunnels, host) {
  const socket = net.connect(Number(new URL(tunnels.proxy).port), '127.0.0.1');
  const seen = { socket, got: '', closed: false, open: false };
  socket.setEncoding('latin1').on('error', () => {}).on('close', () => { seen.closed = true; });
  socket.on('data', (text) => {
    seen.got += text;
    const end = seen.got.indexOf('\r\n\r\n');
    if (!seen.open && end >= 0) Object.assign(seen, { open: true, got: seen.got.slice(end + 4) });
  });
  socket.write(`CONNECT ${host}:${echo.address().port} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  await sleep(100);
  return seen;
}

test('tunnels of one host are cut, stalled and refused, and those of another are not', async (t) => {
  const tunnels = await openTunnels();
  t.after(() => tunnels.close());
  const [one, other] = [await dial(tunnels, 'localhost'), await dial(tunnels, '127.0.0.1')];
  const say = async (text) => {
    for (const { socket } of [one, other]) socket.write(text);
    await sleep(100);
    return [one.got, other.got];
  };
  assert.deepEqual(await say('a'), ['a', 'a']);
  assert.equal(tunnels.stall('localhost'), 1);
  const waiting = await dial(tunnels, 'localhost');
  assert.deepEqual(await say('b'), ['a', 'ab']);
  assert.deepEqual([one.closed, waiting.closed, waiting.open], [false, false, false]);
  tunnels.restore('localhost');
  await sleep(100);
  assert.deepEqual([one.got, waiting.open], ['ab', true]);
  assert.equal(tunnels.cut('localhost'), 2);
  await sleep(100);
  assert.deepEqual([one.closed, other.closed], [true, false]);
  tunnels.refuse('localhost');
  assert.equal((await dial(tunnels, 'localhost')).closed, true);
  tunnels.restore('localhost');
  const again = await dial(tunnels, 'localhost');
  assert.equal(again.open, true);
  for (const { socket } of [other, again]) socket.destroy();
});
