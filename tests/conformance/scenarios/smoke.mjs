// One pass over what an app does first; runs in Node and in Chromium. Every value sent must come back.
export const accounts = ['owner'];
export const engines = ['node', 'chromium'];

export default async function (t) {
  let a, server, channel, role;

  await t.need('login, sync', ['login', 'event:logined', 'event:syncdone'], async () => {
    a = await t.client('owner');
    const [r] = await a.event('logined');
    t.match(r, { account: t.accid('owner'), clientType: 'Web', isAutoReconnect: false, online: true, loginTime: (v) => v > 1.5e12 });
    await a.event('syncdone');
    t.equal(a.sdk.status, 'logined');
  });

  await t.need('createServer returns what was sent', ['qchatServer.createServer'], async () => {
    const sent = { name: 'harness', icon: 'i', ext: '{"a":1}', inviteMode: 1, applyMode: 1, searchType: 3, searchEnable: false };
    server = await a.sdk.qchatServer.createServer(sent);
    t.match(server, { ...sent, owner: t.accid('owner'), validFlag: true, serverId: (v) => typeof v === 'string' && v.length > 0, createTime: (v) => v > 1.5e12, memberNumber: (v) => v >= 1 });
  });

  await t.step('its creator is told', ['event:systemNotification', 'notification:serverCreate'], async () => {
    const n = await a.notification('serverCreate', { where: (x) => x.serverId === server.serverId });
    t.match(n, { fromAccount: t.accid('owner'), attach: { type: 'serverCreate', serverInfo: { serverId: server.serverId, name: 'harness' } } });
  });

  await t.step('getServers', ['qchatServer.getServers'], async () => {
    t.match(await a.sdk.qchatServer.getServers({ serverIds: [server.serverId] }), [{ serverId: server.serverId, name: 'harness' }]);
  });

  await t.need('createChannel of type media', ['qchatChannel.createChannel'], async () => {
    const sent = { serverId: server.serverId, type: 'media', name: 'voice', topic: 'tt', ext: 'x', viewMode: 0 };
    channel = await a.sdk.qchatChannel.createChannel(sent);
    t.match(channel, { ...sent, owner: t.accid('owner'), validFlag: true, channelId: (v) => typeof v === 'string' && v.length > 0 });
  });

  await t.step('getChannelsByPage pages', ['qchatChannel.getChannelsByPage'], async () => {
    await t.sleep(5);
    const second = await a.sdk.qchatChannel.createChannel({ serverId: server.serverId, type: 'message', name: 'text' });
    const p1 = await a.sdk.qchatChannel.getChannelsByPage({ serverId: server.serverId, timetag: 0, limit: 1 });
    t.match(p1, { listQueryTag: { hasMore: true, nextTimetag: (v) => v > 1.5e12 }, datas: [{ channelId: second.channelId, type: 'message' }] });
    const p2 = await a.sdk.qchatChannel.getChannelsByPage({ serverId: server.serverId, timetag: p1.listQueryTag.nextTimetag, limit: 10 });
    t.match(p2, { listQueryTag: { hasMore: false }, datas: [{ channelId: channel.channelId, type: 'media' }] });
  });

  await t.step('createServerRole, updateServerRole auths', ['qchatRole.createServerRole', 'qchatRole.updateServerRole'], async () => {
    role = await a.sdk.qchatRole.createServerRole({ serverId: server.serverId, name: 'mods', priority: 10, ext: 'e' });
    t.match(role, { serverId: server.serverId, name: 'mods', priority: 10, ext: 'e', type: 'custom' });
    const auths = { RTCChannelConnect: 'allow', RTCChannelOpenMicrophone: 'deny', sendMsg: 'deny' };
    const got = await a.sdk.qchatRole.updateServerRole({ serverId: server.serverId, roleId: role.roleId, name: 'mods2', auths });
    t.match(got, { roleId: role.roleId, name: 'mods2', auths });
  });

  await t.step('checkPermission answers a boolean', ['qchatRole.checkPermission'], async () => {
    t.equal(await a.sdk.qchatRole.checkPermission({ serverId: server.serverId, channelId: channel.channelId, auth: 'RTCChannelConnect' }), true);
  });

  await t.step('media config (25_2, 25_3) round trip', ['qchatMedia.updateRTCChannelInfo', 'qchatMedia.getRTCChannelInfo'], async () => {
    const cfg = { limit: 12, audio: { profile: 'high', scenario: 'music' }, video: { width: 640, height: 480, fps: 24 } };
    await a.sdk.qchatMedia.updateRTCChannelInfo({ serverId: server.serverId, channelId: channel.channelId, ...cfg });
    t.equal(await a.sdk.qchatMedia.getRTCChannelInfo({ serverId: server.serverId, channelId: channel.channelId }), cfg);
  });

  await t.step('media members (25_4) of an empty channel', ['qchatMedia.getRTCChannelOnlineMembers'], async () => {
    t.equal(await a.sdk.qchatMedia.getRTCChannelOnlineMembers({ serverId: server.serverId, channelId: channel.channelId }), []);
  });

  await t.step('media token (25_1)', async () => {
    const c = (await a.sdk.sendCmd('qchatGetNeroomToken', { qchatGetNeroomTokenTag: { neroomDeviceId: 'dev1' } })).content.neroomToken;
    t.match(c, { token: (v) => typeof v === 'string' && v.length > 0, expire: (v) => Number(v) > 240 && Number(v) < 24 * 86400 });
  });

  await t.step('logout', ['logout', 'event:disconnect'], async () => {
    await a.sdk.logout();
    await a.event('disconnect');
    t.equal(a.sdk.status, 'unconnected');
  });
}
