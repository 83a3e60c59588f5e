// The handshake and the frames of the link, as both SDK versions need them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { handshake, openLink } from '@rotunda/harness/link.mjs';
import { sharedServer } from '@rotunda/harness/server.mjs';

let server, app, ann;
before(async () => {
  server = await sharedServer();
  app = await server.app('handshake');
  ann = await app.account('ann');
});
after(() => server.stop());

test('the handshake is readable from any origin', async () => {
  const { response, text } = await handshake(server.origin);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  assert.equal(response.headers.get('access-control-allow-credentials'), null);
  const [sid, seconds, again, transport] = text.split(':');
  assert.ok(sid.length > 0);
  assert.equal(seconds, again);
  assert.ok(Number(seconds) >= 10, `seconds of silence: ${seconds}`);
  assert.equal(transport, 'websocket');
});

test('every handshake gives another session id', async () => {
  const seen = new Set(await Promise.all(Array.from({ length: 5 }, async () => (await handshake(server.origin)).sid)));
  assert.equal(seen.size, 5);
});

test('preflight of the client-facing paths allows the kit\'s headers', async () => {
  const response = await fetch(`${server.origin}/scene/apps/${app.key}/v1/login`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'user,token,appkey,deviceid,clienttype,versioncode,accept-language,authtype,content-type' },
  });
  assert.ok(response.ok, `status ${response.status}`);
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  const allowed = response.headers.get('access-control-allow-headers').toLowerCase();
  for (const name of ['content-type', 'user', 'token', 'appkey', 'deviceid', 'clienttype', 'versioncode', 'authtype', 'session-id']) assert.ok(allowed === '*' || allowed.includes(name), name);
  for (const method of ['GET', 'POST', 'PUT', 'DELETE']) assert.ok(response.headers.get('access-control-allow-methods').includes(method), method);
});

test('login answers the session and the other sessions, in that order', async () => {
  const link = await openLink(server.origin);
  const answer = await link.login(app.key, ann, 'device-a');
  assert.equal(answer.code, 200);
  assert.equal(answer.r[0]['2'] ?? ann.accid, ann.accid);
  assert.equal(answer.r[0]['8'], 'device-a');
  assert.deepEqual(answer.r[1], []);
  const sync = await link.command(24, 19, [{ t: 'Property', v: { 1: 0 } }]);
  assert.equal(sync.code, 200);
  assert.ok(Math.abs(Number(sync.r[0]) - Date.now()) < 60_000);
  await link.close();
});

test('the same device logs in again: the old link ends without a kick, the new one lives', async () => {
  const old = await openLink(server.origin);
  await old.login(app.key, ann, 'device-b');
  const young = await openLink(server.origin);
  assert.equal((await young.login(app.key, ann, 'device-b')).code, 200);
  await old.closed;
  assert.equal((await young.command(24, 35, [{ t: 'Property', v: { 1: 0, 2: 10 } }])).code, 200);
  await young.close();
});

test('a heartbeat command is answered with serial number 0', async () => {
  const link = await openLink(server.origin);
  await link.login(app.key, ann);
  assert.deepEqual(await link.command(1, 2, [], 0).then(({ sid, cid, ser, code }) => ({ sid, cid, ser, code })), { sid: 1, cid: 2, ser: 0, code: 200 });
  await link.close();
});
