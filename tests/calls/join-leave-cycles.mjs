#!/usr/bin/env node
// Members that come and go: entry, push link, channel info, Join, Produce, leave, at the wire and some side by side.
// The server's memory and descriptors must stay flat. No browser takes part, so no handshake of DTLS does either:
// five-cycles.test.mjs has those.
//
//   node join-leave-cycles.mjs [--cycles 3000]
//
// Exits with 1 when either grows after the warm-up.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openLink } from '@rotunda/harness/link.mjs';
import { startServer } from '@rotunda/harness/server.mjs';
import { WebSocket } from 'ws';
import { descriptors, memoryBytes } from './processes.mjs';

const { values } = parseArgs({ options: { cycles: { type: 'string', default: '3000' } } });
const cycles = Number(values.cycles);

/** Members that come and go side by side. */
const MEMBERS = 4;
/** Share of the cycles in which pools, caches and the allocator may still grow. */
const WARM = 0.3;
/** Bytes per cycle above which it is a leak: a seat that stayed behind holds several KiB. */
const SLOPE_BYTES = 512;
/** Descriptors that may be open in addition: Postgres connections of the pool. */
const SPARE_DESCRIPTORS = 4;

const property = (v) => [{ t: 'Property', v }];
// Four accounts enter as often as hundreds would.
const server = await startServer({ env: { ROTUNDA_LIMITS__JOINS_PER_MINUTE: '0', ROTUNDA_LIMITS__TOKEN_CHECKS_PER_ADDRESS_MINUTE: '0' } });

class Member {
  constructor(app, account, place) {
    Object.assign(this, { app, account, place, device: `room-${account.accid}` });
  }

  async login() {
    this.link = await openLink(server.origin);
    await this.ok(this.link.login(this.app.key, this.account, `link-${this.account.accid}`));
    const { r } = await this.ok(this.link.command(25, 1, property({ 1: this.device })));
    this.token = r[0]['1'];
  }

  async ok(answer) {
    const got = await answer;
    if (got.code !== 200) throw new Error(`code ${got.code}`);
    return got;
  }

  async rest(method, path, body) {
    const answer = await fetch(`${server.ready.room_server}/scene/apps/${this.app.key}/${path}`, {
      method, body: body && JSON.stringify(body),
      headers: { 'content-type': 'application/json', user: this.account.accid, token: this.token, appkey: this.app.key, deviceid: this.device, clienttype: 'web', authtype: '1', versioncode: '1.20.0' },
    }).then((r) => r.json());
    if (answer.code !== 0) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer.data;
  }

  async cycle() {
    const { channelId } = this.place;
    const { member } = await this.rest('POST', `v2/rooms/${channelId}/entry`, { userName: this.account.accid, role: 'qchatAudience', properties: {} });
    const push = await openLink(server.origin);
    await this.ok(push.command(2, 3, property({ 18: this.app.key, 19: this.account.accid, 38: this.device, 1000: this.token })));
    const form = { uid: String(member.rtcUid), appkey: this.app.key, channelName: channelId, secureType: '1', t1: '1', checksum: member.rtcToken };
    const info = await fetch(server.ready.channel_server, { method: 'POST', body: new URLSearchParams(form) }).then((r) => r.json());
    const rtc = await this.join(info, member);
    await rtc.request('Produce', {
      kind: 'audio', iceUfrag: 'abcd', dtlsParameters: { role: 'server', fingerprints: [{ algorithm: 'sha-256', value: Array(32).fill('AB').join(':') }] },
      rtpParameters: {
        mid: '0', codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2, parameters: {}, rtcpFeedback: [] }],
        headerExtensions: [], encodings: [{ ssrc: 1 + Math.floor(Math.random() * 0xfffffffe), dtx: false }], rtcp: { cname: 'c' },
      },
      externData: { producerInfo: { mediaType: 'audio', subStream: false, simulcastEnable: false, mute: false } },
    });
    await this.rest('DELETE', `v1/rooms/${channelId}/members/${this.account.accid}`);
    rtc.socket.terminate();
    await push.close();
  }

  async join(info, member) {
    const url = `wss://${info.ips.webrtcarray[0]}?&cid=${info.cid}&uid=${member.rtcUid}&deviceid=engine-${this.device}`;
    const socket = new WebSocket(url, 'protoo', { rejectUnauthorized: false });
    const answers = new Map();
    socket.on('message', (data) => {
      const m = JSON.parse(data);
      if (m.response) answers.get(m.id)?.(m.data);
      else if (m.request || m.notification) socket.send(JSON.stringify({ response: true, id: m.id, ok: true, data: {} }));
    });
    await new Promise((open, no) => socket.once('open', open).once('error', no));
    const rtc = {
      socket,
      request: async (method, data) => {
        const id = answers.size + 1;
        const { code } = await new Promise((resolve) => {
          answers.set(id, resolve);
          socket.send(JSON.stringify({ request: true, id, method, data: { requestId: String(id), ...data } }));
        });
        if (code !== 200) throw new Error(`${method}: ${code}`);
      },
    };
    await rtc.request('Join', { externData: { userName: String(member.rtcUid), token: info.token, cname: this.place.channelId, engineVersion: '4.6.50', platformType: 16, browser: { name: 'Chrome', version: '120' }, gmEnable: false, customEncryption: false } });
    return rtc;
  }
}

/** Growth of `y` per step of `x` by least squares. */
function slope(points) {
  const mean = (key) => points.reduce((sum, p) => sum + p[key], 0) / points.length;
  const [x, y] = [mean('x'), mean('y')];
  return points.reduce((sum, p) => sum + (p.x - x) * (p.y - y), 0) / points.reduce((sum, p) => sum + (p.x - x) ** 2, 0);
}

try {
  const app = await server.app('cycles');
  const owner = new Member(app, await app.account('owner'), {});
  await owner.login();
  const accounts = [];
  for (let n = 0; n < MEMBERS; n++) accounts.push(await app.account(`m${n}`));
  const created = await owner.ok(owner.link.command(24, 31, [...property({ 3: 'cycles', 8: 1, 16: 1 }), ...property({})]));
  const serverId = created.r[0]['1'];
  await owner.ok(owner.link.command(24, 36, [{ t: 'Long', v: serverId }, { t: 'StrArray', v: accounts.map((a) => a.accid) }, { t: 'String', v: '' }]));
  const channel = await owner.ok(owner.link.command(24, 48, [...property({ 2: serverId, 4: 'voice', 7: 1 }), ...property({})]));
  const members = accounts.map((account) => new Member(app, account, { channelId: channel.r[0]['1'] }));
  for (const member of members) await member.login();

  const start = performance.now();
  const samples = [];
  for (let done = 0; done < cycles;) {
    // In batches, and counted between them, when nobody is in.
    for (const until = Math.min(cycles, done + 50); done < until; done += MEMBERS) await Promise.all(members.map((m) => m.cycle()));
    await sleep(100);
    samples.push({ x: done, memory: memoryBytes(server.pid), descriptors: descriptors(server.pid) });
  }
  const settled = samples.filter((s) => s.x > cycles * WARM);
  const bytes = slope(settled.map((s) => ({ x: s.x, y: s.memory })));
  const grown = settled.at(-1).descriptors - settled[0].descriptors;
  const mib = (n) => Math.round(n / 1024 / 102.4) / 10;
  const figure = { cycles: samples.at(-1).x, seconds: Math.round((performance.now() - start) / 1_000), rss_mib: [mib(samples[0].memory), mib(settled[0].memory), mib(settled.at(-1).memory)], bytes_per_cycle: Math.round(bytes), descriptors: [samples[0].descriptors, settled[0].descriptors, settled.at(-1).descriptors] };
  console.log(JSON.stringify(figure));
  const holds = bytes < SLOPE_BYTES && grown <= SPARE_DESCRIPTORS;
  console.log(`join and leave: ${figure.cycles} cycles, ${figure.bytes_per_cycle} bytes per cycle, ${grown} descriptors more: ${holds ? 'holds' : 'MISSED'}`);
  process.exitCode = holds ? 0 : 1;
  for (const { link } of [owner, ...members]) link.socket.terminate();
} finally {
  await server.stop();
}
