// The media commands of the link: configuration, token, who is inside.
export const accounts = ['owner', 'member', 'outsider'];

export default async function (t) {
  const owner = await t.client('owner');
  const member = await t.client('member');
  const outsider = await t.client('outsider');
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'media', inviteMode: 1 });
  await owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: [t.accid('member')], ps: '' });
  const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'voice' });
  const { channelId: text } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'message', name: 'text' });
  const { channelId: hidden } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'hidden', viewMode: 1 });
  const config = { limit: 7, audio: { profile: 'music_standard', scenario: 'music' }, video: { width: 1280, height: 720, fps: 30 } };

  await t.step('a new channel has a configuration', ['qchatMedia.getRTCChannelInfo'], async () => {
    t.match(await member.sdk.qchatMedia.getRTCChannelInfo({ serverId, channelId }), { limit: (n) => n >= 0, audio: { profile: (v) => v.length > 0 }, video: { width: (n) => n > 0, height: (n) => n > 0, fps: (n) => n > 0 } });
  });

  await t.step('updateRTCChannelInfo needs manageChannel', ['qchatMedia.updateRTCChannelInfo'], async () => {
    await t.rejects(member.sdk.qchatMedia.updateRTCChannelInfo({ serverId, channelId, ...config }), { code: 403 });
    await owner.sdk.qchatMedia.updateRTCChannelInfo({ serverId, channelId, ...config });
    t.equal(await member.sdk.qchatMedia.getRTCChannelInfo({ serverId, channelId }), config);
  });

  for (const [name, call, method] of [
    ['updateRTCChannelInfo', (c, at) => c.sdk.qchatMedia.updateRTCChannelInfo({ ...at, ...config }), 'qchatMedia.updateRTCChannelInfo'],
    ['getRTCChannelInfo', (c, at) => c.sdk.qchatMedia.getRTCChannelInfo(at), 'qchatMedia.getRTCChannelInfo'],
    ['getRTCChannelOnlineMembers', (c, at) => c.sdk.qchatMedia.getRTCChannelOnlineMembers(at), 'qchatMedia.getRTCChannelOnlineMembers'],
  ]) {
    await t.step(`${name}: a text channel is 414, an unknown one 404, a hidden or foreign one 403 or 404`, [method], async () => {
      await t.rejects(call(owner, { serverId, channelId: text }), { code: 414 });
      await t.rejects(call(owner, { serverId, channelId: '999999999999999999' }), { code: 404 });
      await t.rejects(call(member, { serverId, channelId: hidden }), { code: (c) => c === 403 || c === 404 });
      await t.rejects(call(outsider, { serverId, channelId }), { code: (c) => c === 403 || c === 404 });
    });
  }

  await t.step('nobody is inside', ['qchatMedia.getRTCChannelOnlineMembers'], async () => {
    t.equal(await member.sdk.qchatMedia.getRTCChannelOnlineMembers({ serverId, channelId }), []);
  });

  await t.step('25_1 gives a token that is good for more than four minutes', async () => {
    const ask = () => member.sdk.sendCmd('qchatGetNeroomToken', { qchatGetNeroomTokenTag: { neroomDeviceId: 'device-1' } });
    t.match((await ask()).content.neroomToken, { token: (v) => v.split('.').length === 3, expire: (v) => Number(v) === 86400 });
  });
}
