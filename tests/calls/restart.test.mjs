// The server ends in the middle of a call and comes back: data is there, and people talk again. Mostly waits.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openLink } from '@rotunda/harness/link.mjs';
import { Engine, ENGINES } from './engine.mjs';
import { eventually, HEARD, openWorld } from './people.mjs';

let world, place, ann, bob, cat;
before(async () => {
  world = await openWorld({ ownServer: true });
  ann = await world.app.account('ann');
  bob = await world.app.account('bob');
  cat = await world.app.account('cat');
  place = await world.community(ann, [bob, cat]);
});
after(() => world.close());

for (const [version, crash] of [['0.17.2', false], ['10.8.1', true]]) {
  test(`${crash ? 'a crash' : 'a restart'} in mid-call: the app sees it, logs in again, connects again (${version})`, { timeout: 120_000 }, async () => {
    const channelId = await place.channel();
    const [a, b] = [await world.person(ann, version), await world.person(bob, version)];
    await a.enter(place.serverId, channelId);
    await b.enter(place.serverId, channelId);
    await a.unmute();
    await b.hears('before the restart');
    const [sinceA, sinceB] = [a.mark(), b.mark()];
    await world.server.restart({ crash });
    for (const [p, since] of [[a, sinceA], [b, sinceB]]) {
      await p.event('disconnect', { since });
      await p.event('qchatMediaDisconnect', { since, timeout: 15_000 });
      const [again] = await p.event('logined', { since, timeout: 30_000 });
      assert.equal(again.isAutoReconnect, true);
    }
    await Promise.all([a, b].map((p) => p.enterAgain(place.serverId, channelId)));
    await a.unmute();
    await b.hears('after the restart');
    const { datas } = await a.call('qchatServer.getServersByPage', { timestamp: 0 });
    assert.deepEqual(datas.map((s) => s.serverId), [place.serverId]);
    await Promise.all([a, b].map((p) => p.page.context().close()));
  });
}

test('the kit without the SDK recovers its media by itself over a restart', { timeout: 120_000 }, async () => {
  const channelId = await place.channel();
  const people = [];
  for (const account of [ann, bob]) {
    const page = await world.bare(world.server.ready.roomkit_url);
    const kitDevice = await page.evaluate(({ appkey, roomServer }) => {
      const kit = window.kit = new window.RotundaRoomKit();
      kit.initialize({ appKey: appkey, serverConfig: { roomKitServerConfig: { roomServer } } });
      return kit.deviceId;
    }, { appkey: world.app.key, roomServer: world.server.ready.room_server });
    const device = `kit-${account.accid}`;
    const link = await world.link(account, device);
    const token = (await link.command(25, 1, [{ t: 'Property', v: { 1: kitDevice } }])).r[0]['1'];
    await page.evaluate(async ({ account, token, channelId }) => {
      window.ended = [];
      await window.kit.authService.loginByIM(account.accid, token, account.token);
      await window.kit.roomService.joinRoom({ roomUuid: channelId, role: 'qchatAudience', userName: account.accid, initialProperties: {} }, {});
      const room = window.room = window.kit.roomService.getRoomContext(channelId);
      room.addRoomListener({ onRoomEnded: (r) => window.ended.push(r), onRtcChannelError: (c) => window.ended.push(c) });
      await room.rtcController.joinRtcChannel();
      await room.rtcController.unmuteMyAudio();
    }, { account, token, channelId });
    people.push({ page, account, device });
  }
  const hears = (page) => eventually(async () => {
    const before = await page.evaluate(() => window.media());
    await page.waitForTimeout(1500);
    return (await page.evaluate(() => window.media())).audioEnergy - before.audioEnergy >= HEARD;
  }, 'nobody is heard', 40_000);
  await Promise.all(people.map((p) => hears(p.page)));
  await world.server.restart();
  // The QChat link of the device comes back, as an app's would; the media is the kit's own affair.
  const links = await Promise.all(people.map(async ({ account, device }) => {
    const link = await openLink(world.server.origin);
    assert.equal((await link.login(world.app.key, account, device)).code, 200);
    return link;
  }));
  await Promise.all(people.map((p) => hears(p.page)));
  for (const { page } of people) assert.deepEqual(await page.evaluate(() => window.ended), []);
  for (const link of links) await link.close();
  await Promise.all(people.map((p) => p.page.context().close()));
});

test('engines of every version recover their media by themselves over a restart', { timeout: 180_000 }, async () => {
  const call = { world, channelId: await place.channel() };
  const members = [ann, bob, cat].map((account, i) => new Engine(call, account, ENGINES[i]));
  for (const member of members) {
    await member.enter(`engine-${member.account.accid}`);
    await member.publish({ audio: true, video: false });
  }
  for (const member of members) await member.receives({ voices: 2 }, 'before the restart');
  await world.server.restart();
  const links = await Promise.all(members.map(async ({ account }) => {
    const link = await openLink(world.server.origin);
    assert.equal((await link.login(world.app.key, account, `link-engine-${account.accid}`)).code, 200);
    return link;
  }));
  for (const member of members) await member.receives({ voices: 2 }, 'after the restart', 40_000);
  for (const link of links) await link.close();
  for (const member of members) await member.close();
});
