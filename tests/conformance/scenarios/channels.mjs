// Channels: create, read, page, delete, and what a private one shows to whom.
export const accounts = ['owner', 'member', 'outsider'];

export default async function (t) {
  const owner = await t.client('owner');
  const member = await t.client('member');
  const outsider = await t.client('outsider');
  const server = await owner.sdk.qchatServer.createServer({ name: 'channels', inviteMode: 1 });
  const { serverId } = server;
  await owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: [t.accid('member')], ps: '' });
  await member.notification('serverEnterLeave', { where: (n) => n.serverId === serverId });
  const about = (c, more = {}) => ({ where: (n) => n.channelId === c.channelId, ...more });
  let open, hidden;

  await t.need('createChannel: its viewers are told', ['qchatChannel.createChannel', 'notification:channelCreate', 'notification:channelVisibilityUpdate'], async () => {
    open = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'open' });
    t.match(open, { type: 'media', viewMode: 0, categoryId: (v) => v === undefined || v === '0' || v === '' });
    for (const c of [owner, member]) {
      t.match(await c.notification('channelCreate', about(open)), { attach: { channelInfo: { channelId: open.channelId, name: 'open', type: 'media' } } });
    }
    t.match(await member.notification('channelVisibilityUpdate', about(open)), { attach: { event: 1 } });
  });

  await t.step('all three types, and no other', ['qchatChannel.createChannel'], async () => {
    for (const type of ['message', 'ext']) t.match(await owner.sdk.qchatChannel.createChannel({ serverId, type, name: type }), { type });
  });

  await t.step('createChannel needs manageChannel', ['qchatChannel.createChannel'], async () => {
    await t.rejects(member.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'no' }), { code: 403 });
    await t.rejects(outsider.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'no' }), { code: 403 });
    await t.rejects(owner.sdk.qchatChannel.createChannel({ serverId: '999999999999999999', type: 'media', name: 'no' }), { code: (c) => c === 403 || c === 404 });
  });

  await t.need('a private channel is not announced to those who cannot see it', ['qchatChannel.createChannel', 'notification:channelCreate'], async () => {
    const since = member.mark();
    hidden = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'hidden', viewMode: 1 });
    await owner.notification('channelCreate', about(hidden));
    await member.quiet('systemNotification', { since, where: (e) => e.systemNotifications.some((n) => n.channelId === hidden.channelId) });
  });

  await t.step('getChannels leaves out what the caller cannot see', ['qchatChannel.getChannels'], async () => {
    const channelIds = [open.channelId, hidden.channelId, '999999999999999999'];
    t.equal((await owner.sdk.qchatChannel.getChannels({ channelIds })).map((c) => c.channelId).sort(), [open.channelId, hidden.channelId].sort());
    t.equal((await member.sdk.qchatChannel.getChannels({ channelIds })).map((c) => c.channelId), [open.channelId]);
    t.equal(await outsider.sdk.qchatChannel.getChannels({ channelIds }), []);
  });

  await t.step('getChannelsByPage lists the visible ones', ['qchatChannel.getChannelsByPage'], async () => {
    const ids = async (c) => (await c.sdk.qchatChannel.getChannelsByPage({ serverId, timetag: 0, limit: 100 })).datas.map((x) => x.channelId);
    t.ok((await ids(owner)).includes(hidden.channelId), 'the owner sees it');
    const seen = await ids(member);
    t.ok(seen.includes(open.channelId) && !seen.includes(hidden.channelId), `the member sees ${seen.join()}`);
    await t.rejects(outsider.sdk.qchatChannel.getChannelsByPage({ serverId, timetag: 0, limit: 100 }), { code: 403 });
  });

  await t.step('an invisible channel grants nothing', ['qchatRole.checkPermission'], async () => {
    const ask = { serverId, channelId: hidden.channelId, auth: 'RTCChannelConnect' };
    t.equal(await owner.sdk.qchatRole.checkPermission(ask), true);
    const seen = await member.sdk.qchatMedia.getRTCChannelOnlineMembers({ serverId, channelId: hidden.channelId }).then(() => 200, (e) => e.code);
    t.ok(seen === 403 || seen === 404, `members of an invisible channel: ${seen}`);
  });

  await t.step('deleteChannel: a member may not, its viewers are told', ['qchatChannel.deleteChannel', 'notification:channelRemove', 'notification:channelVisibilityUpdate'], async () => {
    await t.rejects(member.sdk.qchatChannel.deleteChannel({ channelId: open.channelId }), { code: 403 });
    const since = member.mark();
    await owner.sdk.qchatChannel.deleteChannel({ channelId: open.channelId });
    await member.notification('channelRemove', about(open, { since }));
    t.match(await member.notification('channelVisibilityUpdate', about(open, { since })), { attach: { event: 2 } });
    t.equal(await owner.sdk.qchatChannel.getChannels({ channelIds: [open.channelId] }), []);
    await t.rejects(owner.sdk.qchatChannel.deleteChannel({ channelId: open.channelId }), { code: 404 });
  });
}
