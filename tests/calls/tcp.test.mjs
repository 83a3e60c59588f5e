// Two people whose networks let no UDP through: they talk over TCP, and again after their connections are cut.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { eventually, openWorld } from './people.mjs';

/** The way media takes through such a network: a port that passes TCP on, and one at which UDP ends. */
async function openFirewall(port) {
  const passing = new Set();
  const tcp = net.createServer((inside) => {
    const outside = net.connect(port, '127.0.0.1');
    passing.add(inside);
    for (const [one, other] of [[inside, outside], [outside, inside]]) {
      one.pipe(other);
      one.on('error', () => {});
      one.on('close', () => { passing.delete(inside); other.destroy(); });
    }
  });
  tcp.listen(0, '127.0.0.1');
  const udp = dgram.createSocket('udp4');
  let swallowed = 0;
  udp.on('message', () => { swallowed += 1; });
  udp.bind(0, '127.0.0.1');
  await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
  return {
    ports: { tcp: tcp.address().port, udp: udp.address().port },
    open: () => passing.size,
    swallowed: () => swallowed,
    cut() {
      for (const socket of passing) socket.destroy();
      passing.clear();
    },
    close() { this.cut(); tcp.close(); udp.close(); },
  };
}

/** From now on this person's browser is behind the firewall. */
const behind = (person, { ports }) => person.page.evaluate((to) => {
  const real = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function setRemoteDescription({ type, sdp }) {
    const redirected = sdp.replace(/^(a=candidate:\S+ 1 )(udp|tcp)( \d+ \S+ )\d+/gim, (_, start, protocol, middle) => `${start}${protocol}${middle}${to[protocol.toLowerCase()]}`);
    return real.call(this, { type, sdp: redirected });
  };
}, ports);

/** Protocol and TCP type of the candidate pairs in use. */
const ways = (person) => person.page.evaluate(async () => {
  const found = [];
  for (const peer of window.instruments.peers) {
    if (peer.connectionState === 'closed') continue;
    const stats = await peer.getStats();
    for (const { type, selectedCandidatePairId } of stats.values()) {
      const pair = type === 'transport' && stats.get(selectedCandidatePairId);
      if (!pair) continue;
      const [local, remote] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
      found.push(`${local.protocol} ${local.tcpType} to ${remote.protocol} ${remote.tcpType}`);
    }
  }
  return found;
});

let world, firewall, place, ann, bob;
before(async () => {
  world = await openWorld({ ownServer: true });
  firewall = await openFirewall(world.server.port);
  ann = await world.app.account('ann');
  bob = await world.app.account('bob');
  place = await world.community(ann, [bob]);
});
after(async () => {
  firewall?.close();
  await world.close();
});

test('where UDP is blocked, two people talk over TCP', { timeout: 180_000 }, async (t) => {
  const channelId = await place.channel();
  const [a, b] = [await world.person(ann, '0.17.2'), await world.person(bob, '10.8.1')];
  for (const person of [a, b]) {
    await behind(person, firewall);
    await person.enter(place.serverId, channelId);
  }

  await t.test('they hear and see each other', async () => {
    for (const person of [a, b]) await person.unmute();
    await Promise.all([a.hears('over TCP'), b.hears('over TCP')]);
    await a.call('qchatMedia.unMuteVideo', { accid: a.accid });
    await b.event('memberVideoMuteChanged', { where: (e) => e.memberAccId === a.accid && !e.mute });
    await b.watch(a.accid);
    await b.sees(20, 'over TCP');
  });

  await t.test('the browser says that it is TCP, and had tried UDP', async () => {
    for (const person of [a, b]) {
      const taken = await ways(person);
      assert.ok(taken.length > 0 && taken.every((way) => /^tcp .* to tcp passive$/.test(way)), JSON.stringify(taken));
      const { ciphers } = await person.media();
      assert.ok(ciphers.every((cipher) => /GCM/.test(cipher)), `${ciphers}`);
    }
    assert.ok(firewall.swallowed() > 0);
  });

  await t.test('their connections are cut: they hear each other again, and nobody left', async () => {
    const since = [a.mark(), b.mark()];
    assert.ok(firewall.open() >= 4, `${firewall.open()} connections`);
    firewall.cut();
    assert.equal(firewall.open(), 0);
    await eventually(() => firewall.open() >= 4, 'no new connections', 30_000);
    await Promise.all([a.hears('after the cut'), b.hears('after the cut')]);
    await b.sees(20, 'after the cut', 30_000);
    for (const [at, person] of [a, b].entries()) assert.ok(!person.saw('memberLeaveRTCChannel', { since: since[at] }), person.accid);
  });

  await t.test('the records say so', async () => {
    await a.leave();
    await b.leave();
    for (const { accid } of [ann, bob]) {
      const session = await eventually(async () => {
        const { sessions } = await world.server.cli('sessions', '--server', place.serverId, '--channel', channelId, '--account', accid);
        return sessions.length === 1 && sessions[0].reason && sessions[0];
      }, `no record of the end of ${accid}`);
      assert.deepEqual([session.protocol, session.srtp, session.reason], ['tcp', 'AEAD_AES_128_GCM', 'left']);
      assert.ok(session.up.packets > 75 && session.down.packets > 75, JSON.stringify(session));
    }
    await eventually(() => firewall.open() === 0, 'connections stay open');
  });
  await Promise.all([a, b].map((p) => p.page.context().close()));
});
