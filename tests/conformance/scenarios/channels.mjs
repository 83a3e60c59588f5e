// Channels: create, read, page, change, delete, and what a private one shows to whom.
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

  await t.need('updateChannel changes what it names, and its viewers are told', ['qchatChannel.updateChannel', 'notification:channelUpdate'], async () => {
    for (const edit of [{ name: 'renamed' }, { topic: 'a topic', ext: '{"a":1}' }, { visitorMode: 1 }]) {
      const since = member.mark();
      const answer = await owner.sdk.qchatChannel.updateChannel({ channelId: open.channelId, serverId, ...edit });
      t.match(answer, { channelId: open.channelId, serverId, type: 'media', viewMode: 0, ...edit });
      t.match(await member.notification('channelUpdate', about(open, { since })), { attach: { channelInfo: { channelId: open.channelId, ...edit } } });
    }
    const [read] = await member.sdk.qchatChannel.getChannels({ channelIds: [open.channelId] });
    t.match(read, { name: 'renamed', topic: 'a topic', ext: '{"a":1}', visitorMode: 1, updateTime: (v) => v >= read.createTime });
    t.match(await owner.sdk.qchatChannel.updateChannel({ channelId: open.channelId, topic: '' }), { name: 'renamed', topic: '' });
  });

  await t.step('updateChannel is refused by right, sight, and size', ['qchatChannel.updateChannel'], async () => {
    const rename = (channelId, name = 'no') => ({ channelId, name });
    await t.rejects(member.sdk.qchatChannel.updateChannel(rename(open.channelId)), { code: 403 });
    await t.rejects(member.sdk.qchatChannel.updateChannel(rename(hidden.channelId)), { code: 403 });
    await t.rejects(outsider.sdk.qchatChannel.updateChannel(rename(open.channelId)), { code: 403 });
    await t.rejects(owner.sdk.qchatChannel.updateChannel(rename('999999999999999999')), { code: 404 });
    await t.rejects(owner.sdk.qchatChannel.updateChannel(rename(open.channelId, 'n'.repeat(65))), { code: 405 });
    await t.rejects(owner.sdk.qchatChannel.updateChannel({ channelId: open.channelId, visitorMode: 7 }), { code: 414 });
    t.match(await owner.sdk.qchatChannel.getChannels({ channelIds: [open.channelId] }), [{ name: 'renamed' }]);
  });

  await t.need('a channel that turns private vanishes for members, and comes back', ['qchatChannel.updateChannel', 'notification:channelVisibilityUpdate'], async () => {
    let since = member.mark();
    t.match(await owner.sdk.qchatChannel.updateChannel({ channelId: open.channelId, viewMode: 1 }), { viewMode: 1 });
    t.match(await member.notification('channelVisibilityUpdate', about(open, { since })), { attach: { event: 2 } });
    t.equal(await member.sdk.qchatChannel.getChannels({ channelIds: [open.channelId] }), []);
    t.ok(!member.events.slice(since).some((e) => e.name === 'systemNotification' && e.args[0].systemNotifications.some((n) => n.type === 'channelUpdate')), 'who no longer sees it hears nothing else');
    since = member.mark();
    await owner.sdk.qchatChannel.updateChannel({ channelId: open.channelId, viewMode: 0 });
    t.match(await member.notification('channelVisibilityUpdate', about(open, { since })), { attach: { event: 1 } });
    await member.notification('channelUpdate', about(open, { since }));
  });

  await t.step('getMembersByPage lists exactly those who see the channel, page by page', ['qchatChannel.getMembersByPage'], async () => {
    const page = (c, channelId, more = {}) => c.sdk.qchatChannel.getMembersByPage({ serverId, channelId, timetag: 0, ...more });
    const all = await page(member, open.channelId);
    t.equal(all.datas.map((m) => m.accid), [t.accid('member'), t.accid('owner')]);
    t.match(all.datas[0], { serverId, type: 0, joinTime: (v) => v > 1.5e12, validFlag: true });
    const first = await page(owner, open.channelId, { limit: 1 });
    t.match(first, { listQueryTag: { hasMore: true, nextTimetag: first.datas[0].joinTime }, datas: [{ accid: t.accid('member') }] });
    const second = await page(owner, open.channelId, { limit: 1, timetag: first.listQueryTag.nextTimetag });
    t.match(second, { listQueryTag: { hasMore: false }, datas: [{ accid: t.accid('owner') }] });
    t.equal((await page(owner, hidden.channelId)).datas.map((m) => m.accid), [t.accid('owner')]);
    await owner.sdk.qchatChannel.updateWhiteBlackMembers({ serverId, channelId: hidden.channelId, type: 'white', opeType: 'add', toAccids: [t.accid('member')] });
    t.equal((await page(member, hidden.channelId)).datas.map((m) => m.accid), [t.accid('member'), t.accid('owner')]);
    await owner.sdk.qchatChannel.updateWhiteBlackMembers({ serverId, channelId: hidden.channelId, type: 'white', opeType: 'remove', toAccids: [t.accid('member')] });
    await t.rejects(page(member, hidden.channelId), { code: 403 });
    await t.rejects(page(outsider, open.channelId), { code: 403 });
    await t.rejects(page(owner, '999999999999999999'), { code: 404 });
    await t.rejects(page(owner, open.channelId, { limit: 101 }), { code: 414 });
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
