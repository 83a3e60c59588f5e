// What the vendor's room kits 1.4 to 1.20 (neroom-web-sdk) ask of a server, from facts about their wire: the kit itself is
// not on npm. One table of steps, run once per kit version. Prints a line per version and step.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openLink } from '@rotunda/harness/link.mjs';
import { sharedServer } from '@rotunda/harness/server.mjs';
import { WebSocket } from 'ws';

/**
 * `entry`: v1 asks config, entry and snapshot apart, v2 gets all in one answer. `wraps`: how often a property text is
 * wrapped in `{"value": …}` inside `value`. `sequence`: fills gaps by the sequence route. `joinRtc`: says so over REST.
 */
const KITS = [
  { version: '1.4.0', entry: 1, wraps: 0, sequence: false, joinRtc: true },
  { version: '1.7.0', entry: 1, wraps: 0, sequence: false, joinRtc: true },
  { version: '1.10.0', entry: 1, wraps: 0, sequence: false, joinRtc: true },
  { version: '1.13.0', entry: 1, wraps: 1, sequence: false, joinRtc: true },
  { version: '1.17.0', entry: 1, wraps: 1, sequence: true, joinRtc: true },
  { version: '1.19.3', entry: 2, wraps: 1, sequence: true, joinRtc: false },
  { version: '1.20.0', entry: 2, wraps: 1, sequence: true, joinRtc: true },
];
const ROLE = 'qchatAudience';
const TLS = { rejectUnauthorized: false };
const property = (v) => [{ t: 'Property', v }];

/** ms in which a push written before an answer has been read, on loopback and on a busy machine. */
const AT_ONCE = 100;

/** ms to wait for what must come; a pass takes a few. */
const PATIENCE = 10_000;

let server, app;
before(async () => {
  server = await sharedServer();
  app = await server.app('room-kits');
});
after(() => server.stop());

/** One member: a QChat link that stays open, and what a kit keeps. */
class Member {
  pushes = [];
  #waiting = new Set();
  #request = 0;
  #answers = new Map();
  notified = [];

  constructor(kit, account, device) {
    Object.assign(this, { kit, account, device });
  }

  async login() {
    this.qchat = await openLink(server.origin);
    assert.equal((await this.qchat.login(app.key, this.account, `link-${this.device}`)).code, 200);
    const { code, r } = await this.qchat.command(25, 1, property({ 1: this.device }));
    assert.equal(code, 200);
    this.token = r[0]['1'];
  }

  /** The whole envelope. */
  async rest(method, path, body, { token = this.token } = {}) {
    const response = await fetch(`${server.ready.room_server}/scene/apps/${app.key}/${path}`, {
      method, body: body === undefined ? undefined : JSON.stringify(body),
      headers: {
        user: this.account.accid, token, AppKey: app.key, deviceId: this.device, clientType: 'web', versionCode: this.kit.version,
        'accept-language': 'en', authType: '1', 'content-type': 'application/json', origin: 'https://app.example',
      },
    });
    assert.equal(response.status, 200, `${method} ${path}`);
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    const envelope = await response.json();
    for (const [key, type] of [['code', 'number'], ['msg', 'string'], ['ts', 'number'], ['requestId', 'string']]) assert.equal(typeof envelope[key], type, `${key} in the answer to ${path}`);
    assert.ok('cost' in envelope, 'cost');
    return envelope;
  }

  async ok(method, path, body) {
    const { code, msg, data } = await this.rest(method, path, body);
    assert.equal(code, 0, `${method} ${path}: ${code} ${msg}`);
    return data;
  }

  /** The IM connection: where LBS says, logged in with the account's own IM token. */
  async openPushLink(address) {
    this.push = await openLink(`https://${address}`);
    this.push.socket.on('message', (data) => {
      const text = data.toString();
      const packet = text.startsWith('3:::') ? JSON.parse(text.slice(4)) : {};
      if (packet.sid !== 22 || packet.cid !== 2) return;
      assert.equal(typeof packet.r[0]['3'] === 'number' || /^\d+$/.test(packet.r[0]['3']), true, 'time of a push');
      this.pushes.push(JSON.parse(packet.r[0]['2']));
      for (const look of [...this.#waiting]) look();
    });
    return this.push.command(2, 3, property({ 18: app.key, 19: this.account.accid, 38: this.device, 1000: this.account.token }));
  }

  mark = () => this.pushes.length;

  /** The first push of this command since `since`, past or coming. */
  pushed = (cmd, since = 0, ms = PATIENCE) => this.#first(() => this.pushes.slice(since).find((p) => p.cmd === cmd), `push ${cmd}`, ms);

  /** The first signalling notification that fits, past or coming. */
  heard = (method, where = () => true) => this.#first(() => this.notified.find((m) => m.method === method && where(m.data.externData)), method, PATIENCE);

  #first(find, what, ms) {
    return new Promise((resolve, reject) => {
      const end = (f, value) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        f(value);
      };
      const look = () => { const found = find(); if (found) end(resolve, found); };
      const timer = setTimeout(() => end(reject, new Error(`${this.account.accid}: no ${what} within ${ms} ms; pushes: ${this.pushes.map((p) => p.cmd)}`)), ms);
      this.#waiting.add(look);
      look();
    });
  }

  /** Channel info and `Join`, as the engine inside the kit does it. */
  async joinRtc(channelId, member) {
    const form = { uid: String(member.rtcUid), appkey: app.key, permKeySecret: '', channelName: channelId, secureType: '1', osType: '4', mode: '2', netType: '0', version: '4.6.50.0', curtime: '1', checksum: member.rtcToken, webrtc: '1', nrtcg2: '1', t1: '7' };
    const info = await fetch(server.ready.channel_server, { method: 'POST', headers: { 'session-id': '' }, body: new URLSearchParams(form) }).then((r) => r.json());
    assert.equal(info.code, 200, info.desc);
    assert.equal(info.time.t1, 7);
    this.rtc = new WebSocket(`wss://${info.ips.webrtcarray[0]}?&cid=${info.cid}&uid=${member.rtcUid}&deviceid=engine-${this.device}`, 'protoo', TLS);
    this.rtcClosed = new Promise((done) => this.rtc.on('close', done));
    this.rtc.on('error', () => {});
    this.rtc.on('message', (data) => {
      const m = JSON.parse(data);
      if (m.notification) {
        this.notified.push(m);
        for (const look of [...this.#waiting]) look();
        this.rtc.send(JSON.stringify({ response: true, id: m.id, ok: true, data: {} }));
      }
      if (m.response) this.#answers.get(m.id)?.(m.data);
    });
    await new Promise((open, no) => this.rtc.once('open', open).once('close', no));
    const externData = { userName: String(member.rtcUid), token: info.token, cname: channelId, subType: 'select', role: 'part', version: '2.0', sessionMode: 'meeting', engineVersion: '4.6.50', userRole: 0, userType: 3, platformType: 16, browser: { name: 'Chrome', version: '120' }, gmEnable: false, customEncryption: false };
    const answer = await this.signal('Join', { externData });
    assert.equal(answer.code, 200, answer.errMsg);
    assert.ok(Array.isArray(answer.externData.userList) && typeof answer.externData.roomCapability === 'object');
    return answer;
  }

  signal(method, data) {
    const id = ++this.#request;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.rtc.send(JSON.stringify({ request: true, id, method, data: { requestId: String(id), ...data } }));
    });
  }

  end() {
    for (const socket of [this.qchat?.socket, this.push?.socket, this.rtc]) socket?.terminate();
  }
}

const wrapped = (text, times) => (times === 0 ? text : wrapped(JSON.stringify({ value: text }), times - 1));

/** Member as it is in entries, snapshots and pushes: `properties` without `states` makes the kit throw. */
function isMember(m, accid) {
  assert.equal(m.userUuid, accid);
  assert.equal(m.role, ROLE);
  assert.ok(Number.isSafeInteger(m.rtcUid) && m.rtcUid > 0);
  assert.equal(typeof m.streams, 'object');
  assert.equal(typeof m.properties.states, 'object');
}

function isConfig(config) {
  assert.equal(typeof config.permissions.room, 'object');
  for (const stream of ['audio', 'video', 'subVideo']) assert.equal(typeof config.permissions.member.streams[stream], 'object');
  const role = config.roleConfigs[ROLE];
  assert.ok(role.limit > 0, 'limit 0 would be no seat at all');
  for (const params of ['audio', 'video', 'screen']) assert.equal(typeof role.params[params], 'object');
}

/** Enters as the kit's version does. */
async function enters(call, who) {
  const body = { userName: who.account.accid, role: ROLE, userIcon: '', properties: {} };
  if (call.kit.entry === 1) {
    isConfig(await who.ok('GET', `v2/rooms/${call.channelId}/config`));
    who.entered = await who.ok('POST', `v1/rooms/${call.channelId}/entry`, body);
  } else {
    who.entered = await who.ok('POST', `v2/rooms/${call.channelId}/entry`, { ...body, ext: {} });
  }
  return who.entered;
}

/** The steps, in order. `a` owns the server, `b` is a member. */
const STEPS = [
  ['LBS', async (call) => {
    const url = `${server.ready.lbs}?id=${call.a.account.accid}&sv=50&pv=1&networkType=0&k=${app.key}`;
    const lbs = await fetch(url, { headers: { origin: 'https://app.example' } }).then((r) => r.json());
    assert.match(lbs.common.link[0], /^[^/]+:\d+$/);
    assert.deepEqual(lbs.common['link.default'], lbs.common.link);
    assert.deepEqual(lbs.nosup, []);
    call.address = lbs.common.link[0];
  }],
  ['login', async ({ a, b }) => {
    for (const who of [a, b]) {
      await who.login();
      const data = await who.ok('POST', 'v1/login');
      assert.deepEqual({ ...data, imToken: '', userToken: '' }, { userUuid: who.account.accid, imKey: app.key, imToken: '', rtcKey: app.key, userToken: '' });
      assert.ok(data.imToken && data.userToken);
    }
  }],
  ['push link', async ({ a, b, address }) => {
    for (const who of [a, b]) {
      const { code, r } = await who.openPushLink(address);
      assert.equal(code, 200);
      assert.ok(r[0]['102'] && r[0]['103'], 'connection id and address');
      assert.deepEqual([r[1], r[2]], [[], {}]);
      for (const [sid, cid] of [[6, 23], [6, 26], [6, 27], [5, 1], [1, 2]]) assert.equal((await who.push.command(sid, cid, [])).code, 200, `${sid}_${cid}`);
    }
  }],
  ['entry', async (call) => {
    const { a, b } = call;
    for (const who of [a, b]) {
      const { member, room, members, sequence } = await enters(call, who);
      isMember(member, who.account.accid);
      assert.ok(member.rtcToken && member.rtcKey === app.key);
      for (const key of ['checksum', 'curTime', 'nonce']) assert.equal(typeof member.wbAuth[key], 'string');
      assert.ok(room.rtcCid, 'a falsy rtcCid is none');
      assert.equal(room.roomUuid, call.channelId);
      if (call.kit.entry === 2) {
        isConfig(room.config);
        assert.ok(room.roomArchiveId && Number.isSafeInteger(sequence));
        assert.ok(members.some((m) => m.userUuid === who.account.accid));
      }
    }
    const { data, type, roomUuid, timestamp } = await a.pushed(30);
    assert.deepEqual([type, roomUuid, data.roomUuid], ['R', call.channelId, call.channelId]);
    assert.ok(Math.abs(timestamp - Date.now()) < 60_000);
    isMember(data.members[0], b.account.accid);
  }],
  ['snapshot', async ({ a, b, channelId }) => {
    const { sequence, snapshot } = await a.ok('GET', `v1/rooms/${channelId}/snapshot`);
    assert.ok(Number.isSafeInteger(sequence));
    assert.deepEqual(snapshot.members.map((m) => m.userUuid).sort(), [a.account.accid, b.account.accid].sort());
    for (const m of snapshot.members) isMember(m, m.userUuid);
    assert.equal(typeof snapshot.room.properties, 'object');
  }],
  ['RTC', async (call) => {
    for (const who of [call.a, call.b]) {
      const since = call.a.mark();
      if (call.kit.joinRtc) await who.ok('POST', `v1/rooms/${call.channelId}/members/joinRtc`, {});
      await who.joinRtc(call.channelId, who.entered.member);
      const { data } = await call.a.pushed(32, since);
      assert.equal(data.members[0].userUuid, who.account.accid);
      assert.equal(data.members[0].properties.states.rtcState, 2);
    }
    // "Joined RTC" needs both for the kit.
    await call.a.heard('OnPeerJoin', (e) => e.uid === call.b.entered.member.rtcUid);
  }],
  ['streams', async ({ a, b, channelId }) => {
    for (const stream of ['audio', 'video', 'subVideo']) {
      const path = `v1/rooms/${channelId}/members/${b.account.accid}/streams/${stream}`;
      const since = a.mark();
      await b.ok('PUT', path, { value: 1 });
      const on = await a.pushed(40, since);
      assert.deepEqual(on.data.streams, { [stream]: { value: 1 } });
      assert.equal(on.data.operatorMember.userUuid, b.account.accid);
      await b.ok('PUT', path, { value: 1 });
      await b.ok('DELETE', path);
      const off = await a.pushed(41, since);
      assert.equal(off.data.streamType, stream);
      assert.equal(off.sequence, on.sequence + 1, 'a repeat pushes nothing');
    }
  }],
  ['mute-all', async ({ a, b, channelId, kit }) => {
    const path = `v1/rooms/${channelId}/properties/audioOff?a=`;
    const audio = `v1/rooms/${channelId}/members/${b.account.accid}/streams/audio`;
    await b.ok('PUT', audio, { value: 1 });
    const since = b.mark();
    for (const text of [`offNotAllowSelfOn_${Date.now()}`, `offNotAllowSelfOn_${Date.now() + 1}`]) {
      const at = b.mark();
      await a.ok('PUT', path, { value: wrapped(text, kit.wraps) });
      assert.equal((await b.pushed(10, at)).data.properties.audioOff.value, text, 'unwrapped; the same mode at another time is a change');
    }
    assert.equal((await b.pushed(41, since)).data.member.userUuid, b.account.accid);
    assert.equal((await b.rest('PUT', audio, { value: 1 })).code, 403);
    assert.match((await b.ok('GET', `v1/rooms/${channelId}/snapshot`)).snapshot.room.properties.audioOff.value, /^offNotAllowSelfOn_\d+$/);
    assert.equal((await b.rest('DELETE', path)).code, 403);
    await a.ok('DELETE', path);
    assert.equal((await b.pushed(11, since)).data.key, 'audioOff');
    await b.ok('PUT', audio, { value: 1 });
  }],
  ['member properties', async ({ a, b, channelId }) => {
    const since = a.mark();
    const path = `v1/rooms/${channelId}/members/${b.account.accid}/properties/hand`;
    await b.ok('PUT', path, { value: 'up' });
    const changed = await a.pushed(20, since);
    assert.deepEqual([changed.data.member.userUuid, changed.data.properties.hand.value], [b.account.accid, 'up']);
    await b.ok('DELETE', path);
    assert.equal((await a.pushed(21, since)).data.key, 'hand');
  }],
  ['sequence', async ({ a, channelId, kit }) => {
    const numbers = a.pushes.map((p) => p.sequence);
    assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i), 'numbers rise by one');
    if (!kit.sequence) return;
    const after = numbers.at(-3);
    const { list } = await a.ok('GET', `v1/rooms/${channelId}/sequence?nextId=${after}&trigger=gap`);
    assert.deepEqual(list, a.pushes.slice(-3));
    assert.deepEqual((await a.ok('GET', `v1/rooms/${channelId}/sequence?nextId=1&trigger=gap`)).list, [], 'no longer kept: the kit reads the snapshot');
  }],
  ['renew token', async ({ b }) => {
    const { r } = await b.qchat.command(25, 1, property({ 1: b.device }));
    b.token = r[0]['1'];
    await b.ok('POST', 'v1/checkToken');
    assert.equal((await b.rest('POST', 'v1/checkToken', undefined, { token: `${b.token}x` })).code, 1027);
  }],
  ['what QChat has no use for', async ({ a, b, channelId }) => {
    for (const [method, path, body] of [
      ['POST', `v1/rooms/${channelId}/members/${b.account.accid}/send`, { cmdId: 10_001, message: 'hi' }],
      ['POST', `v1/rooms/${channelId}/send`, { cmdId: 10_001, message: 'hi' }],
      ['POST', `v1/rooms/${channelId}/members/${b.account.accid}/handoverRole`, {}],
      ['PUT', `v2/rooms/${channelId}`, { roomName: 'x', configId: 1 }],
      ['POST', 'v1/anonymous/login', {}],
    ]) {
      const { code } = await a.rest(method, path, body);
      assert.notEqual(code, 0, `${method} ${path}`);
    }
    await a.ok('GET', `v1/rooms/${channelId}/snapshot`);
  }],
  ['statistics', async () => {
    const { statistics_server: stat, statistics_websocket_server: statws } = server.ready;
    for (const path of ['', '/statistics/sdkconfig']) {
      const response = await fetch(stat + path, { method: 'POST', body: '{"event":{}}', headers: { origin: 'https://app.example', 'content-type': 'application/json' } });
      assert.equal(response.status, 200);
      assert.equal(typeof await response.json(), 'object');
    }
    const socket = new WebSocket(`${statws}?deviceId=d&isTest=0&sdktype=webrtc`, TLS);
    await new Promise((open, no) => socket.once('open', open).once('error', no));
    let closed = false;
    socket.on('close', () => { closed = true; });
    socket.send(Buffer.from([10]));
    socket.send(Buffer.alloc(300, 1));
    await new Promise((pong) => { socket.once('pong', pong); socket.ping(); });
    assert.equal(closed, false);
    socket.terminate();
  }],
  ['leave', async (call) => {
    const { a, b, channelId } = call;
    const [since, own] = [a.mark(), b.mark()];
    await b.ok('DELETE', `v1/rooms/${channelId}/members/${b.account.accid}`);
    // Pushed before it was answered: it is here, but for what is between two sockets of one machine.
    const { data } = await b.pushed(33, own, AT_ONCE);
    assert.deepEqual(data.members[0].reason, { type: 'NORMAL', deviceId: b.device });
    await a.pushed(33, since);
    await a.heard('OnPeerLeave', (e) => e.userList[0].uid === b.entered.member.rtcUid);
    await b.rtcClosed;
    assert.equal((await b.rest('DELETE', `v1/rooms/${channelId}/members/${b.account.accid}`)).code, 0, 'leaving twice');
    assert.equal((await b.rest('PUT', `v1/rooms/${channelId}/members/${b.account.accid}/streams/audio`, { value: 1 })).code, 403);
  }],
  ['entry again', async (call) => {
    const { a, b } = call;
    const since = a.mark();
    const before = b.entered.member;
    const { member } = await enters(call, b);
    assert.equal(member.rtcUid, before.rtcUid, 'one uid per channel and account');
    assert.notEqual(member.rtcToken, before.rtcToken);
    await b.joinRtc(call.channelId, member);
    await a.pushed(32, since);
    await b.ok('PUT', `v1/rooms/${call.channelId}/members/${b.account.accid}/streams/audio`, { value: 1 });
    await a.pushed(40, since);
  }],
  ['kick', async ({ a, b, channelId }) => {
    const since = b.mark();
    assert.equal((await b.rest('DELETE', `v1/rooms/${channelId}/members/${a.account.accid}`)).code, 403);
    await a.ok('DELETE', `v1/rooms/${channelId}/members/${b.account.accid}`);
    const { data } = await b.pushed(33, since);
    assert.deepEqual(data.members[0].reason, { type: 'ADMIN_KICK', deviceId: b.device });
    assert.equal(data.operatorMember.userUuid, a.account.accid);
    await b.heard('OnKickOff', (e) => e.reason === 2);
  }],
  ['logout', async ({ a, b }) => {
    for (const who of [a, b]) {
      assert.equal((await who.push.command(2, 6, [])).code, 200);
      await who.push.closed;
      // A push link is no login: the QChat link knows nothing of its end.
      assert.equal(who.qchat.socket.readyState, WebSocket.OPEN);
    }
  }],
];

// At the same time: each has a channel of its own, and most of the time passes in waiting for closes.
test('room kits', { concurrency: true, timeout: 120_000 }, async (kits) => {
  await Promise.all(KITS.map((kit) => kits.test(`room kit ${kit.version}`, async (t) => {
    const [owner, guest] = [await app.account(`owner-${kit.version}`), await app.account(`guest-${kit.version}`)];
    const link = await openLink(server.origin);
    assert.equal((await link.login(app.key, owner, 'prepares')).code, 200);
    const serverId = (await link.command(24, 31, [...property({ 3: 'kits', 8: 1, 16: 1 }), ...property({})])).r[0]['1'];
    await link.command(24, 36, [{ t: 'Long', v: serverId }, { t: 'StrArray', v: [guest.accid] }, { t: 'String', v: '' }]);
    const channelId = (await link.command(24, 48, [...property({ 2: serverId, 4: 'voice', 7: 1 }), ...property({})])).r[0]['1'];
    const call = { kit, channelId, a: new Member(kit, owner, `kit-owner-${kit.version}`), b: new Member(kit, guest, `kit-guest-${kit.version}`) };
    let broken = null;
    for (const [step, run] of STEPS) {
      await t.test(step, async () => {
        // A step stands on those before it.
        if (broken) assert.fail(`not tried: "${broken}" failed`);
        let result = 'fail';
        try {
          await run(call);
          result = 'pass';
        } finally {
          if (result === 'fail') broken = step;
          console.log(`room kit ${kit.version} | ${step} | ${result}`);
        }
      });
    }
    for (const who of [call.a, call.b]) who.end();
    await link.close();
  })));
});
