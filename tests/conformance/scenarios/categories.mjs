// Categories (频道分组): create, read, page, change, remove; channels that move, follow, and cease to follow.
export const accounts = ['owner', 'member', 'guest', 'outsider'];

const NOWHERE = '999999999999999999';

export default async function (t) {
  const owner = await t.client('owner');
  const member = await t.client('member');
  const guest = await t.client('guest');
  const outsider = await t.client('outsider');
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'categories', inviteMode: 1 });
  await owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: [t.accid('member'), t.accid('guest')], ps: '' });
  for (const c of [member, guest]) await c.notification('serverEnterLeave', { where: (n) => n.serverId === serverId });
  const channels = owner.sdk.qchatChannel;
  const { roleId: crew } = await owner.sdk.qchatRole.createServerRole({ serverId, name: 'crew', priority: 3 });
  await owner.sdk.qchatRole.addMembersToServerRole({ serverId, roleId: crew, accids: [t.accid('member')] });
  const ofServer = (more = {}) => ({ where: (n) => n.serverId === serverId, ...more });
  const about = (channelId, more = {}) => ({ where: (n) => n.channelId === channelId, ...more });
  const notes = (c, since) => c.events.slice(since).filter((e) => e.name === 'systemNotification').flatMap((e) => e.args[0].systemNotifications);
  const ids = (list) => list.map((x) => x.channelId ?? x.categoryId);
  const may = (c, channelId, auth) => c.sdk.qchatRole.checkPermission({ serverId, channelId, auth });
  let wing, secret;

  await t.need('createChannelCategory: its viewers are told', ['qchatChannel.createChannelCategory', 'notification:channelCategoryCreate'], async () => {
    wing = await channels.createChannelCategory({ serverId, name: 'wing', ext: 'e' });
    t.match(wing, { categoryId: (v) => /^\d+$/.test(v), serverId, name: 'wing', ext: 'e', owner: t.accid('owner'), viewMode: 0, validFlag: true, createTime: (v) => v > 1.5e12, updateTime: (v) => v > 1.5e12 });
    for (const c of [owner, member]) {
      t.match(await c.notification('channelCategoryCreate', ofServer()), { attach: { categoryInfo: { categoryId: wing.categoryId, name: 'wing', viewMode: 0 } } });
    }
    t.match((await owner.sdk.qchatServer.getServers({ serverIds: [serverId] }))[0], { categoryNumber: 1 });
  });

  await t.need('a private category is not announced to those who cannot see it', ['qchatChannel.createChannelCategory', 'notification:channelCategoryCreate'], async () => {
    const since = [owner.mark(), member.mark()];
    secret = await channels.createChannelCategory({ serverId, name: 'secret', viewMode: 1 });
    t.match(secret, { viewMode: 1 });
    await owner.notification('channelCategoryCreate', ofServer({ since: since[0] }));
    await member.quiet('systemNotification', { since: since[1] });
  });

  await t.step('createChannelCategory is refused by right and size', ['qchatChannel.createChannelCategory'], async () => {
    for (const c of [member, outsider]) await t.rejects(c.sdk.qchatChannel.createChannelCategory({ serverId, name: 'no' }), { code: 403 });
    await t.rejects(channels.createChannelCategory({ serverId: NOWHERE, name: 'no' }), { code: 404 });
    await t.rejects(channels.createChannelCategory({ serverId, name: 'n'.repeat(65) }), { code: 405 });
  });

  await t.step('getChannelCategoriesByID leaves out what the caller cannot see', ['qchatChannel.getChannelCategoriesByID'], async () => {
    const categoryIds = [secret.categoryId, wing.categoryId, NOWHERE];
    const read = (c) => c.sdk.qchatChannel.getChannelCategoriesByID({ categoryIds });
    t.equal(ids(await read(owner)), [secret.categoryId, wing.categoryId]);
    const [seen, ...more] = await read(member);
    t.match(seen, { categoryId: wing.categoryId, name: 'wing', channelNumber: 0 });
    t.equal([more, await read(outsider)], [[], []]);
  });

  await t.step('getChannelCategoriesPage lists the visible ones, newest first', ['qchatChannel.getChannelCategoriesPage'], async () => {
    const page = (c, more = {}) => c.sdk.qchatChannel.getChannelCategoriesPage({ serverId, timetag: 0, ...more });
    t.equal(ids((await page(owner)).datas), [secret.categoryId, wing.categoryId]);
    t.equal(ids((await page(member)).datas), [wing.categoryId]);
    const first = await page(owner, { limit: 1 });
    t.match(first.listQueryTag, { hasMore: true, nextTimetag: secret.createTime });
    const second = await page(owner, { limit: 1, timetag: first.listQueryTag.nextTimetag });
    t.match(second, { listQueryTag: { hasMore: false }, datas: [{ categoryId: wing.categoryId }] });
    await t.rejects(page(outsider), { code: 403 });
    await t.rejects(page(owner, { limit: 101 }), { code: 414 });
  });

  await t.step('updateChannelCategory changes what it names, and its viewers are told', ['qchatChannel.updateChannelCategory', 'notification:channelCategoryUpdate'], async () => {
    const since = member.mark();
    t.match(await channels.updateChannelCategory({ categoryId: wing.categoryId, name: 'east' }), { name: 'east', ext: 'e', viewMode: 0 });
    t.match(await member.notification('channelCategoryUpdate', ofServer({ since })), { attach: { categoryInfo: { categoryId: wing.categoryId, name: 'east' } } });
    const [read] = await member.sdk.qchatChannel.getChannelCategoriesByID({ categoryIds: [wing.categoryId] });
    t.match(read, { name: 'east', ext: 'e' });
  });

  await t.step('updateChannelCategory is refused by right, sight, and size', ['qchatChannel.updateChannelCategory'], async () => {
    const update = (c, categoryId, name = 'no') => c.sdk.qchatChannel.updateChannelCategory({ categoryId, name });
    await t.rejects(update(member, wing.categoryId), { code: 403 });
    await t.rejects(update(member, secret.categoryId), { code: 403 });
    await t.rejects(update(outsider, wing.categoryId), { code: 403 });
    await t.rejects(update(owner, NOWHERE), { code: 404 });
    await t.rejects(update(owner, wing.categoryId, 'n'.repeat(65)), { code: 405 });
  });

  let free, follower;
  await t.need('a channel made in a category, in sync from the start', ['qchatChannel.createChannel'], async () => {
    free = await channels.createChannel({ serverId, type: 'media', name: 'free' });
    follower = await channels.createChannel({ serverId, type: 'media', name: 'follower', categoryId: wing.categoryId, syncMode: 1 });
    t.match(follower, { categoryId: wing.categoryId, syncMode: 1, viewMode: 0 });
    await member.notification('channelCreate', about(follower.channelId));
    t.match((await channels.getChannelCategoriesByID({ categoryIds: [wing.categoryId] }))[0], { channelNumber: 1 });
  });

  await t.step('a channel in sync keeps its category\'s view mode', ['qchatChannel.updateChannel'], async () => {
    await t.rejects(channels.updateChannel({ channelId: follower.channelId, viewMode: 1 }), { code: 414 });
    t.match(await channels.updateChannel({ channelId: follower.channelId, topic: 'still' }), { topic: 'still', viewMode: 0, syncMode: 1 });
  });

  await t.step('updateCategoryInfoOfChannel moves a channel, and its viewers are told', ['qchatChannel.updateCategoryInfoOfChannel', 'notification:channelUpdate'], async () => {
    const since = member.mark();
    t.match(await channels.updateCategoryInfoOfChannel({ channelId: free.channelId, categoryId: wing.categoryId }), { categoryId: wing.categoryId, syncMode: 0, viewMode: 0 });
    t.match(await member.notification('channelUpdate', about(free.channelId, { since })), { attach: { channelInfo: { categoryId: wing.categoryId, syncMode: 0 } } });
    t.match(await channels.updateCategoryInfoOfChannel({ channelId: free.channelId, categoryId: '0' }), { categoryId: (v) => v === undefined || v === '0', syncMode: 0 });
    t.match(await channels.updateCategoryInfoOfChannel({ channelId: free.channelId, categoryId: wing.categoryId }), { categoryId: wing.categoryId });
  });

  await t.step('updateCategoryInfoOfChannel is refused by right, sight, and sense', ['qchatChannel.updateCategoryInfoOfChannel'], async () => {
    const move = (c, channelId, more) => c.sdk.qchatChannel.updateCategoryInfoOfChannel({ channelId, ...more });
    await t.rejects(move(member, free.channelId, { categoryId: '0' }), { code: 403 });
    await t.rejects(move(outsider, free.channelId, { categoryId: '0' }), { code: 403 });
    await t.rejects(move(owner, NOWHERE, { categoryId: wing.categoryId }), { code: 404 });
    await t.rejects(move(owner, free.channelId, { categoryId: NOWHERE }), { code: 404 });
    await t.rejects(move(owner, free.channelId, { categoryId: '0', syncMode: 1 }), { code: 414 });
    // With the right to change the channel, the category it moves into must still be seen.
    await owner.sdk.qchatRole.updateServerRole({ serverId, roleId: crew, auths: { manageChannel: 'allow' } });
    await t.rejects(move(member, free.channelId, { categoryId: secret.categoryId }), { code: 403 });
    t.match(await move(member, free.channelId, { categoryId: wing.categoryId, syncMode: 0 }), { categoryId: wing.categoryId });
    await owner.sdk.qchatRole.updateServerRole({ serverId, roleId: crew, auths: { manageChannel: 'deny' } });
    t.match((await channels.getChannels({ channelIds: [free.channelId] }))[0], { categoryId: wing.categoryId, syncMode: 0 });
  });

  await t.step('getChannelCategoryChannelsPage lists the visible channels of a category', ['qchatChannel.getChannelCategoryChannelsPage'], async () => {
    const page = (c, categoryId, more = {}) => c.sdk.qchatChannel.getChannelCategoryChannelsPage({ serverId, categoryId, timetag: 0, ...more });
    const hidden = await channels.createChannel({ serverId, type: 'media', name: 'hidden', viewMode: 1, categoryId: wing.categoryId });
    t.equal(ids((await page(owner, wing.categoryId)).datas), [hidden.channelId, follower.channelId, free.channelId]);
    t.equal(ids((await page(member, wing.categoryId)).datas), [follower.channelId, free.channelId]);
    const first = await page(member, wing.categoryId, { limit: 1 });
    t.match(first.listQueryTag, { hasMore: true, nextTimetag: follower.createTime });
    t.match(await page(member, wing.categoryId, { limit: 1, timetag: first.listQueryTag.nextTimetag }), { listQueryTag: { hasMore: false }, datas: [{ channelId: free.channelId }] });
    t.equal((await page(owner, secret.categoryId)).datas, []);
    await t.rejects(page(member, secret.categoryId), { code: 403 });
    await t.rejects(page(outsider, wing.categoryId), { code: 403 });
    await t.rejects(page(owner, NOWHERE), { code: 404 });
    await channels.deleteChannel({ channelId: hidden.channelId });
  });

  await t.need('turning the category private hides the channels in sync, and only them', ['qchatChannel.updateChannelCategory', 'notification:channelVisibilityUpdate'], async () => {
    const since = guest.mark();
    t.match(await channels.updateChannelCategory({ categoryId: wing.categoryId, viewMode: 1 }), { viewMode: 1 });
    t.match(await guest.notification('channelVisibilityUpdate', about(follower.channelId, { since })), { attach: { event: 2 } });
    t.equal(ids(await guest.sdk.qchatChannel.getChannels({ channelIds: [follower.channelId, free.channelId] })), [free.channelId]);
    t.match((await channels.getChannels({ channelIds: [follower.channelId] }))[0], { viewMode: 1, syncMode: 1 });
    t.ok(notes(guest, since).every((n) => n.channelId !== free.channelId), 'the channel that does not follow is not touched');
  });

  await t.need('what the category says holds in the channels in sync', ['qchatChannel.updateChannelCategoryWhiteBlackRole', 'qchatRole.addChannelCategoryRole'], async () => {
    const since = member.mark();
    await channels.updateChannelCategoryWhiteBlackRole({ serverId, categoryId: wing.categoryId, type: 'white', opeType: 'add', roleId: crew });
    t.match(await member.notification('channelVisibilityUpdate', about(follower.channelId, { since })), { attach: { event: 1 } });
    const { roleId } = await owner.sdk.qchatRole.addChannelCategoryRole({ serverId, categoryId: wing.categoryId, parentRoleId: crew });
    await owner.sdk.qchatRole.updateChannelCategoryRole({ serverId, categoryId: wing.categoryId, roleId, auths: { RTCChannelOpenMicrophone: 'deny' } });
    await owner.sdk.qchatRole.addChannelCategoryMemberRole({ serverId, categoryId: wing.categoryId, accid: t.accid('member') });
    await owner.sdk.qchatRole.updateChannelCategoryMemberRole({ serverId, categoryId: wing.categoryId, accid: t.accid('member'), auths: { RTCChannelOpenCamera: 'deny' } });
    t.equal([await may(member, follower.channelId, 'RTCChannelOpenMicrophone'), await may(member, follower.channelId, 'RTCChannelOpenCamera')], [false, false]);
    t.equal(await may(member, free.channelId, 'RTCChannelOpenMicrophone'), true);
    t.equal((await owner.sdk.qchatRole.getChannelRoles({ serverId, channelId: follower.channelId, timetag: 0 })).length, 1);
  });

  await t.step('turning sync on shows the category, to those it shows itself to', ['qchatChannel.updateCategoryInfoOfChannel', 'notification:channelUpdate', 'notification:channelVisibilityUpdate'], async () => {
    const since = [member.mark(), guest.mark()];
    t.match(await channels.updateCategoryInfoOfChannel({ channelId: free.channelId, syncMode: 1 }), { categoryId: wing.categoryId, syncMode: 1, viewMode: 1 });
    t.match(await member.notification('channelUpdate', about(free.channelId, { since: since[0] })), { attach: { channelInfo: { syncMode: 1, viewMode: 1 } } });
    t.match(await guest.notification('channelVisibilityUpdate', about(free.channelId, { since: since[1] })), { attach: { event: 2 } });
    t.equal(await may(member, free.channelId, 'RTCChannelOpenMicrophone'), false);
  });

  await t.step('from one category into another: in sync with the other, nothing kept', ['qchatChannel.updateCategoryInfoOfChannel'], async () => {
    t.match(await channels.updateCategoryInfoOfChannel({ channelId: free.channelId, categoryId: secret.categoryId }), { categoryId: secret.categoryId, syncMode: 1, viewMode: 1 });
    t.equal(await member.sdk.qchatChannel.getChannels({ channelIds: [free.channelId] }), []);
    t.match(await channels.updateCategoryInfoOfChannel({ channelId: free.channelId, categoryId: wing.categoryId }), { syncMode: 1 });
    t.equal(await may(member, free.channelId, 'RTCChannelConnect'), true);
  });

  await t.step('turning sync off keeps what held, as the channel\'s own', ['qchatChannel.updateCategoryInfoOfChannel'], async () => {
    const since = [member.mark(), guest.mark()];
    t.match(await channels.updateCategoryInfoOfChannel({ channelId: free.channelId, syncMode: 0 }), { categoryId: wing.categoryId, syncMode: 0, viewMode: 1 });
    await member.notification('channelUpdate', about(free.channelId, { since: since[0] }));
    t.equal([await may(member, free.channelId, 'RTCChannelOpenMicrophone'), await may(member, free.channelId, 'RTCChannelOpenCamera'), await may(member, free.channelId, 'RTCChannelConnect')], [false, false, true]);
    t.equal((await owner.sdk.qchatRole.getChannelRoles({ serverId, channelId: free.channelId, timetag: 0 })).map((r) => r.parentRoleId).includes(crew), true);
    t.equal((await owner.sdk.qchatRole.getMemberRoles({ serverId, channelId: free.channelId, timetag: 0 })).map((r) => r.accid), [t.accid('member')]);
    t.match((await channels.getWhiteBlackRolesPage({ serverId, channelId: free.channelId, type: 'white', timetag: 0 })).datas, [{ roleId: crew }]);
    await guest.quiet('systemNotification', { since: since[1] });
    // It is the channel's own now.
    await owner.sdk.qchatRole.removeMemberRole({ serverId, channelId: free.channelId, accid: t.accid('member') });
    t.equal([await may(member, free.channelId, 'RTCChannelOpenCamera'), await may(member, follower.channelId, 'RTCChannelOpenCamera')], [true, false]);
  });

  await t.step('removeChannelCategory is refused by right and sight', ['qchatChannel.removeChannelCategory'], async () => {
    for (const c of [member, guest, outsider]) await t.rejects(c.sdk.qchatChannel.removeChannelCategory({ categoryId: wing.categoryId }), { code: 403 });
    await t.rejects(owner.sdk.qchatChannel.removeChannelCategory({ categoryId: NOWHERE }), { code: 404 });
  });

  await t.step('removeChannelCategory: its viewers are told, its channels live on as they were', ['qchatChannel.removeChannelCategory', 'notification:channelCategoryRemove', 'notification:channelUpdate'], async () => {
    const since = [member.mark(), guest.mark()];
    await channels.removeChannelCategory({ categoryId: wing.categoryId });
    t.match(await member.notification('channelCategoryRemove', ofServer({ since: since[0] })), { attach: { categoryId: wing.categoryId } });
    for (const { channelId } of [free, follower]) {
      t.match(await member.notification('channelUpdate', about(channelId, { since: since[0] })), { attach: { channelInfo: { syncMode: 0, viewMode: 1 } } });
    }
    await guest.quiet('systemNotification', { since: since[1] });
    const now = await member.sdk.qchatChannel.getChannels({ channelIds: [free.channelId, follower.channelId] });
    t.equal(now.map((c) => [c.syncMode, c.viewMode, ['0', '', undefined].includes(c.categoryId)]), [[0, 1, true], [0, 1, true]]);
    t.equal([await may(member, follower.channelId, 'RTCChannelOpenMicrophone'), await may(member, follower.channelId, 'RTCChannelConnect')], [false, true]);
    t.equal(ids(await channels.getChannelCategoriesByID({ categoryIds: [wing.categoryId, secret.categoryId] })), [secret.categoryId]);
    t.match((await owner.sdk.qchatServer.getServers({ serverIds: [serverId] }))[0], { categoryNumber: 1, channelNumber: 2 });
    await t.rejects(channels.removeChannelCategory({ categoryId: wing.categoryId }), { code: 404 });
  });
}
