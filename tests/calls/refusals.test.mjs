// Every door that stays shut says why: the server's own code reaches the app as error.data.code. With both versions of
// the SDK.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openWorld } from './people.mjs';
import { closePages } from './room.mjs';

let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

const code = (promise) => promise.then(() => assert.fail('it was not refused'), (e) => {
  assert.equal(e.sdkName === 'customError' || e.code === 400, true, e.message);
  return e.data?.code;
});

for (const version of ['0.17.2', '10.8.1']) {
  test(`${version}: what is refused`, { timeout: 180_000 }, async (t) => {
    const tag = version.replaceAll('.', '_');
    const [owner, one, two, outsider] = await Promise.all(['owner', 'one', 'two', 'outsider'].map((n) => world.app.account(`${n}-${tag}`)));
    const place = await world.community(owner, [one, two]);
    const [first, second, stranger] = await Promise.all([one, two, outsider].map((account) => world.person(account, version)));
    const both = [first, second];
    const leave = async () => {
      for (const person of both) await person.leave().catch(() => {});
      for (const person of both) person.forget();
    };

    await t.test('private, foreign, unknown and text channels', async () => {
      const hidden = await place.channel({ 12: 1 });
      const text = await place.channel({ 7: 0 });
      const open = await place.channel();
      assert.equal(await code(first.enter(place.serverId, hidden)), 403);
      assert.equal(await code(first.enterAgain(place.serverId, '999999999999999999')), 404);
      assert.equal(await code(first.enterAgain(place.serverId, text)), 414);
      await first.enterAgain(place.serverId, open);
      await first.leave();
      assert.equal(await code(stranger.enter(place.serverId, open)), 403);
    });

    await t.test('a full channel is 1002, and lets in as soon as somebody leaves', async () => {
      const channelId = await place.channel();
      await place.limit(channelId, 1);
      await first.enterAgain(place.serverId, channelId);
      assert.equal(await code(second.enter(place.serverId, channelId)), 1002);
      await first.leave();
      await second.enterAgain(place.serverId, channelId);
      assert.equal(await code(first.enterAgain(place.serverId, channelId)), 1002);
    });

    await t.test('publishing without the right is 403, and nobody hears or sees it', async () => {
      await leave();
      const channelId = await place.channel();
      await place.addOverride(channelId, one.accid);
      await place.override(channelId, one.accid, { 17: -1, 18: -1 });
      for (const person of both) await person.enterAgain(place.serverId, channelId);
      assert.equal(await code(first.unmute()), 403);
      assert.equal(await code(first.call('qchatMedia.unMuteVideo', { accid: first.accid })), 403);
      assert.equal((await first.holding()).tracks, 0, 'a device stayed open');
      await second.hearsNothing('of a member without the right');
      const [seen] = await second.call('qchatMedia.getRTCMembers');
      assert.deepEqual([seen.isAudioOn, seen.isVideoOn], [false, false]);
    });

    await t.test('a denied microphone rejects and shows nobody an open one', async () => {
      await leave();
      const channelId = await place.channel();
      for (const person of both) await person.enterAgain(place.serverId, channelId);
      await first.page.evaluate(() => { window.instruments.denyDevices = true; });
      const error = await first.unmute().then(() => assert.fail('unmuted'), (e) => e);
      assert.equal(typeof error.data?.code, 'number', error.message);
      const [seen] = await second.call('qchatMedia.getRTCMembers');
      assert.equal(seen.isAudioOn, false);
      assert.ok(!second.saw('memberAudioMuteChanged', { where: (e) => !e.mute }), 'the witness was told of an open microphone');
      await first.page.evaluate(() => { window.instruments.denyDevices = false; });
      await first.unmute();
      await second.hears('after the permission');
    });
    await closePages(first, second, stranger);
  });
}
