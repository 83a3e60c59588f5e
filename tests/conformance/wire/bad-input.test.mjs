// Whatever arrives: a clear code or a clear close, the others unharmed, the server alive.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLink } from '@rotunda/harness/link.mjs';
import { sharedServer } from '@rotunda/harness/server.mjs';

/** Frame limits of the server: before login, and after. */
const BEFORE_LOGIN = 64 * 1024;
const AFTER_LOGIN = 1024 * 1024;

const prop = (v) => ({ t: 'Property', v });
const getServersByPage = [prop({ 1: 0, 2: 10 })];
let server, app, owner, member, outsider, witness;
let serverId, media, text, hidden;

before(async () => {
  server = await sharedServer();
  app = await server.app('bad input');
  [owner, member, outsider] = await Promise.all(['owner', 'member', 'outsider'].map((a) => app.account(a)));
  witness = await openLink(server.origin);
  await witness.login(app.key, owner);
  serverId = (await witness.command(24, 31, [prop({ 3: 'bad input', 8: 1, 16: 1 }), prop({})])).r[0]['1'];
  assert.equal((await witness.command(24, 36, [{ t: 'Long', v: serverId }, { t: 'StrArray', v: ['member'] }, { t: 'String', v: '' }])).code, 200);
  const channel = async (more) => (await witness.command(24, 48, [prop({ 2: serverId, 4: 'c', 7: 1, ...more }), prop({})])).r[0]['1'];
  media = await channel({});
  text = await channel({ 7: 0 });
  hidden = await channel({ 12: 1 });
});
after(async () => {
  // The witness' link lived through everything.
  assert.equal((await witness.command(24, 35, getServersByPage)).code, 200);
  await witness.close();
  await server.stop();
});

const loggedIn = async (account = owner) => {
  const link = await openLink(server.origin);
  assert.equal((await link.login(app.key, account)).code, 200);
  return link;
};
const alive = async (link) => assert.equal((await link.command(24, 35, getServersByPage)).code, 200);

for (const [what, frame] of [
  ['text that is no frame', 'hello'],
  ['a frame without its packet', '3:::'],
  ['a packet that is no JSON', '3:::{"SER":1,'],
  ['a packet that is an array', '3:::[1,2,3]'],
  ['a packet without SER', '3:::{"SID":24,"CID":35,"Q":[]}'],
  ['an empty message', ''],
]) {
  test(`${what} closes with 1007`, async () => {
    const link = await loggedIn();
    link.send(frame);
    assert.equal(await link.closed, 1007);
  });
}

for (const [what, packet] of [
  ['Q missing', { SER: 900, SID: 24, CID: 35 }],
  ['Q of the wrong type', { SER: 901, SID: 24, CID: 35, Q: 'x' }],
  ['an item that is no object', { SER: 902, SID: 24, CID: 35, Q: [7] }],
  ['SID of the wrong type', { SER: 903, SID: {}, CID: 35, Q: [] }],
]) {
  test(`a packet with ${what} answers a code and goes on`, async () => {
    const link = await loggedIn();
    link.send(`3:::${JSON.stringify(packet)}`);
    const answer = await link.answer(packet.SER);
    assert.ok(answer.code === 998 || answer.code === 414, `code ${answer.code}`);
    await alive(link);
    await link.close();
  });
}

for (const [what, sid, cid, q] of [
  ['an id that is no number', 24, 49, [{ t: 'Long', v: 'abc' }]],
  ['an id that is an object', 24, 49, [{ t: 'Long', v: { a: 1 } }]],
  ['a number out of range', 24, 31, [prop({ 3: 'n', 8: 99, 16: 1 }), prop({})]],
  ['a name that is an object', 24, 31, [prop({ 3: {}, 16: 1 }), prop({})]],
  ['rights that are no JSON', 24, 63, [prop({ 1: '1', 2: '1', 6: '{' }), prop({})]],
  ['a limit below zero', 24, 35, [prop({ 1: 0, 2: -5 })]],
]) {
  test(`${what} is 414, or 404 where it names nothing`, async () => {
    const link = await loggedIn();
    const { code } = await link.command(sid, cid, q);
    assert.ok([414, 998, 404].includes(code), `code ${code}`);
    await alive(link);
    await link.close();
  });
}

test('an unknown command answers a code at once', async () => {
  const link = await loggedIn();
  for (const [sid, cid] of [[24, 999], [99, 1], [25, 200], [6, 99]]) {
    const since = performance.now();
    const { code } = await link.command(sid, cid, []);
    assert.ok(Number.isInteger(code) && code !== 200 && code !== 408, `${sid}_${cid}: ${code}`);
    assert.ok(performance.now() - since < 1000);
  }
  await alive(link);
  await link.close();
});

test('a command before login is refused or closes, and does nothing', async () => {
  const link = await openLink(server.origin);
  link.send(`3:::${JSON.stringify({ SER: 1, SID: 24, CID: 31, Q: [prop({ 3: 'not mine', 16: 1 }), prop({})] })}`);
  const end = await Promise.race([link.closed, link.answer(1).then((a) => a.code).catch(() => link.closed)]);
  assert.ok(end !== 200, `answered ${end}`);
});

test('a binary message closes with 1003', async () => {
  const link = await loggedIn();
  link.socket.send(Buffer.from([1, 2, 3]));
  assert.equal(await link.closed, 1003);
});

test('a message over 64 KiB before login closes with 1009', async () => {
  const link = await openLink(server.origin);
  link.send(`3:::${'x'.repeat(BEFORE_LOGIN + 1)}`);
  assert.equal(await link.closed, 1009);
});

test('after login a large message is read, one over 1 MiB closes with 1009', async () => {
  const link = await loggedIn();
  const { code } = await link.command(24, 31, [prop({ 3: 'n', 5: 'x'.repeat(BEFORE_LOGIN * 2), 16: 1 }), prop({})]);
  assert.equal(code, 405);
  link.send(`3:::${'x'.repeat(AFTER_LOGIN + 1)}`);
  assert.equal(await link.closed, 1009);
});

test('wrong token, unknown account and unknown app are 302', async () => {
  for (const [key, who] of [[app.key, { ...owner, token: 'no' }], [app.key, { accid: 'nobody', token: 'no' }], ['0'.repeat(32), owner], ['', { accid: '', token: '' }]]) {
    const link = await openLink(server.origin);
    assert.equal((await link.login(key, who)).code, 302);
    await link.close();
  }
});

test('a disabled account is 422, and may log in again when enabled', async () => {
  const gone = await app.account('gone', { disabled: true });
  const link = await openLink(server.origin);
  assert.equal((await link.login(app.key, gone)).code, 422);
  await link.close();
  await app.enable('gone');
  await (await loggedIn(gone)).close();
});

test('ids of another app are as good as none', async () => {
  const other = await server.app('elsewhere');
  const stranger = await other.account('owner');
  const link = await openLink(server.origin);
  assert.equal((await link.login(other.key, stranger)).code, 200);
  assert.equal((await link.command(24, 32, [{ t: 'Long', v: serverId }])).code, 404);
  assert.equal((await link.command(24, 49, [{ t: 'Long', v: media }])).code, 404);
  assert.deepEqual((await link.command(24, 34, [{ t: 'LongArray', v: [serverId] }])).r[0], []);
  assert.deepEqual((await link.command(24, 51, [{ t: 'LongArray', v: [media] }])).r[0], []);
  assert.equal((await link.command(25, 3, [prop({ 1: serverId, 2: media })])).code, 404);
  await link.close();
});

test('ids of another server of the same app do not fit together', async () => {
  const elsewhere = (await witness.command(24, 31, [prop({ 3: 'second', 16: 1 }), prop({})])).r[0]['1'];
  const { code } = await witness.command(24, 69, [prop({ 1: elsewhere, 3: 'owner', 4: media })]);
  assert.ok([403, 404, 414].includes(code), `code ${code}`);
  assert.ok([403, 404, 414].includes((await witness.command(25, 3, [prop({ 1: elsewhere, 2: media })])).code));
});

test('a channel of the wrong type is 414, an unknown one 404, a hidden one 403 or 404', async () => {
  const link = await loggedIn(member);
  const ask = async (channel) => (await link.command(25, 3, [prop({ 1: serverId, 2: channel })])).code;
  assert.equal(await ask(media), 200);
  assert.equal(await ask(text), 414);
  assert.equal(await ask('999999999999999999'), 404);
  assert.ok([403, 404].includes(await ask(hidden)));
  const stranger = await loggedIn(outsider);
  const refused = (await stranger.command(25, 3, [prop({ 1: serverId, 2: media })])).code;
  assert.ok([403, 404].includes(refused), `an outsider: ${refused}`);
  await Promise.all([link.close(), stranger.close()]);
});

test('the room service refuses tokens that are not its own', async () => {
  const ask = (path, headers) => fetch(`${server.origin}/scene/apps/${app.key}/${path}`, {
    method: 'POST', headers: { 'content-type': 'application/json', user: 'member', token: 'x.y.z', appkey: app.key, deviceid: 'd', clienttype: 'web', authtype: '1', ...headers }, body: '{}',
  }).then((r) => r.json());
  for (const path of ['v1/login', 'v1/checkToken', `v1/rooms/${media}/entry`]) assert.equal((await ask(path, {})).code, 1027, path);
  const link = await loggedIn(member);
  const { r: [{ 1: token }] } = await link.command(25, 1, [prop({ 1: 'd' })]);
  assert.equal((await ask('v1/login', { token })).code, 0);
  assert.equal((await ask('v1/login', { token, deviceid: 'another' })).code, 1027);
  assert.equal((await ask('v1/login', { token, user: 'owner' })).code, 1027);
  await link.close();
});

test('room entry: hidden 403, unknown 404, text 414, unusable body 400', async () => {
  const link = await loggedIn(member);
  const { r: [{ 1: token }] } = await link.command(25, 1, [prop({ 1: 'd2' })]);
  const headers = { 'content-type': 'application/json', user: 'member', token, appkey: app.key, deviceid: 'd2', clienttype: 'web', authtype: '1' };
  const entry = (room, body = JSON.stringify({ userName: 'member', role: 'qchatAudience', properties: {} })) =>
    fetch(`${server.origin}/scene/apps/${app.key}/v1/rooms/${room}/entry`, { method: 'POST', headers, body }).then((r) => r.json());
  assert.equal((await entry(hidden)).code, 403);
  assert.equal((await entry('999999999999999999')).code, 404);
  assert.equal((await entry('not-a-number')).code, 404);
  assert.equal((await entry(text)).code, 414);
  assert.equal((await entry(media, '{')).code, 400);
  assert.equal((await entry(media)).code, 0);
  await link.close();
});

test('channel info refuses what entry did not give', async () => {
  const form = new URLSearchParams({ uid: '1', appkey: app.key, channelName: media, secureType: '1', checksum: 'no.such.token', t1: '1', webrtc: '1', version: '5.8.34' });
  const answer = await fetch(`${server.origin}/rtc/info`, { method: 'POST', body: form }).then((r) => r.json());
  assert.ok(answer.code === 403 || answer.code === 1027, `code ${answer.code}`);
});

test('a socket that does not log in within 10 s is closed with 1008', async () => {
  const link = await openLink(server.origin);
  const since = performance.now();
  assert.equal(await link.closed, 1008);
  const took = performance.now() - since;
  assert.ok(took > 8_000 && took < 14_000, `closed after ${Math.round(took)} ms`);
});

test('garbage datagrams of every length change nothing', async () => {
  const port = server.ready.udp_port;
  const socket = dgram.createSocket('udp4');
  const send = (bytes) => new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', resolve));
  // First bytes that make a demultiplexer choose STUN, DTLS, SRTP, SRTCP and nothing.
  for (const first of [0x00, 0x01, 0x14, 0x16, 0x17, 0x40, 0x80, 0x90, 0xff]) {
    for (let length = 0; length <= 1500; length += length < 64 ? 1 : 97) {
      const bytes = Buffer.alloc(length, (length * 31 + first) & 0xff);
      if (length > 0) bytes[0] = first;
      // The magic cookie makes it look like STUN all the way in.
      if (first < 2 && length >= 20) bytes.writeUInt32BE(0x2112a442, 4);
      await send(bytes);
    }
  }
  await sleep(200);
  socket.close();
  await alive(witness);
});
