// Every door that stays shut says why: the server's own code reaches the app as error.data.code.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openWorld } from './people.mjs';

let world, place, owner, one, two, outsider;
const VERSIONS = ['0.17.2', '10.8.1'];
before(async () => {
  world = await openWorld();
  owner = await world.app.account('owner');
  one = await world.app.account('one');
  two = await world.app.account('two');
  outsider = await world.app.account('outsider');
  place = await world.community(owner, [one, two]);
});
after(() => world.close());

const code = (promise) => promise.then(() => assert.fail('it was not refused'), (e) => {
  assert.equal(e.sdkName === 'customError' || e.code === 400, true, e.message);
  return e.data?.code;
});

for (const version of VERSIONS) {
  test(`${version}: private, foreign, unknown and text channels`, { timeout: 60_000 }, async () => {
    const hidden = await place.channel({ 12: 1 });
    const text = await place.channel({ 7: 0 });
    const open = await place.channel();
    const member = await world.person(one, version);
    assert.equal(await code(member.enter(place.serverId, hidden)), 403);
    assert.equal(await code(member.enterAgain(place.serverId, '999999999999999999')), 404);
    assert.equal(await code(member.enterAgain(place.serverId, text)), 414);
    await member.enterAgain(place.serverId, open);
    await member.leave();
    const stranger = await world.person(outsider, version);
    assert.equal(await code(stranger.enter(place.serverId, open)), 403);
    await Promise.all([member, stranger].map((p) => p.page.context().close()));
  });

  test(`${version}: a full channel is 1002, and lets in as soon as somebody leaves`, { timeout: 60_000 }, async () => {
    const channelId = await place.channel();
    await place.limit(channelId, 1);
    const first = await world.person(one, version);
    const second = await world.person(two, version);
    await first.enter(place.serverId, channelId);
    assert.equal(await code(second.enter(place.serverId, channelId)), 1002);
    await first.leave();
    await second.enterAgain(place.serverId, channelId);
    assert.equal(await code(first.enterAgain(place.serverId, channelId)), 1002);
    await Promise.all([first, second].map((p) => p.page.context().close()));
  });

  test(`${version}: publishing without the right is 403, and nobody hears or sees it`, { timeout: 60_000 }, async () => {
    const channelId = await place.channel();
    await place.addOverride(channelId, one.accid);
    await place.override(channelId, one.accid, { 17: -1, 18: -1 });
    const mute = await world.person(one, version);
    const witness = await world.person(two, version);
    await mute.enter(place.serverId, channelId);
    await witness.enter(place.serverId, channelId);
    assert.equal(await code(mute.unmute()), 403);
    assert.equal(await code(mute.call('qchatMedia.unMuteVideo', { accid: mute.accid })), 403);
    assert.equal((await mute.holding()).tracks, 0, 'a device stayed open');
    await witness.hearsNothing('of a member without the right');
    const [seen] = await witness.call('qchatMedia.getRTCMembers');
    assert.deepEqual([seen.isAudioOn, seen.isVideoOn], [false, false]);
    await Promise.all([mute, witness].map((p) => p.page.context().close()));
  });

  test(`${version}: a denied microphone rejects and shows nobody an open one`, { timeout: 60_000 }, async () => {
    const channelId = await place.channel();
    const shy = await world.person(one, version);
    const witness = await world.person(two, version);
    await shy.enter(place.serverId, channelId);
    await witness.enter(place.serverId, channelId);
    await shy.page.evaluate(() => { window.instruments.denyDevices = true; });
    const error = await shy.unmute().then(() => assert.fail('unmuted'), (e) => e);
    assert.equal(typeof error.data?.code, 'number', error.message);
    const [seen] = await witness.call('qchatMedia.getRTCMembers');
    assert.equal(seen.isAudioOn, false);
    assert.ok(!witness.saw('memberAudioMuteChanged', { where: (e) => !e.mute }), 'the witness was told of an open microphone');
    await shy.page.evaluate(() => { window.instruments.denyDevices = false; });
    await shy.unmute();
    await witness.hears('after the permission');
    await Promise.all([shy, witness].map((p) => p.page.context().close()));
  });
}
