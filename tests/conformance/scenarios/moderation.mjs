// What moderators do to members: names, kicks, bans.
export const accounts = ['owner', 'mod', 'member', 'other', 'outsider'];

export default async function (t) {
  const [owner, mod, member, outsider] = await Promise.all(['owner', 'mod', 'member', 'outsider'].map((r) => t.client(r)));
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'moderation', inviteMode: 1 });
  const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'message', name: 'text' });
  const about = (more = {}) => ({ where: (n) => n.serverId === serverId, ...more });
  const invite = (...roles) => owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: roles.map(t.accid), ps: '' });
  const count = async () => (await owner.sdk.qchatServer.getServers({ serverIds: [serverId] }))[0].memberNumber;
  const kick = (c, ...roles) => c.sdk.qchatServer.kickServerMembers({ serverId, accids: roles.map(t.accid) });
  const ban = (c, role, ext) => c.sdk.qchatServer.banServerMember({ serverId, accid: t.accid(role), ...(ext && { ext }) });
  const unban = (c, role) => c.sdk.qchatServer.unbanServerMember({ serverId, accid: t.accid(role) });
  const banned = (c, page = {}) => c.sdk.qchatServer.getBannedMembersByPage({ serverId, timetag: 0, ...page });
  await invite('mod', 'member', 'other');
  await member.notification('serverEnterLeave', about());
  const { roleId } = await owner.sdk.qchatRole.createServerRole({ serverId, name: 'moderators', priority: 1 });
  await owner.sdk.qchatRole.updateServerRole({ serverId, roleId, auths: { kickServer: 'allow', banServerMember: 'allow', accountInfoOther: 'allow' } });
  await owner.sdk.qchatRole.addMembersToServerRole({ serverId, roleId, accids: [t.accid('mod')] });

  await t.step('updateMyMemberInfo changes what it names, and tells the server', ['qchatServer.updateMyMemberInfo', 'notification:serverMemberUpdate'], async () => {
    const since = owner.mark();
    const got = await member.sdk.qchatServer.updateMyMemberInfo({ serverId, nick: 'Nick', avatar: 'https://a.example/1', ext: '{"a":1}' });
    t.match(got, { serverId, accid: t.accid('member'), nick: 'Nick', avatar: 'https://a.example/1', ext: '{"a":1}', type: 0 });
    t.match(await owner.notification('serverMemberUpdate', about({ since })), { fromAccount: t.accid('member'), attach: { serverMember: { accid: t.accid('member'), nick: 'Nick' } } });
    t.match(await member.sdk.qchatServer.updateMyMemberInfo({ serverId, nick: 'Nora' }), { nick: 'Nora', avatar: 'https://a.example/1', ext: '{"a":1}' });
    t.match(await owner.sdk.qchatServer.getServerMembers({ accids: [{ serverId, accid: t.accid('member') }] }), [{ nick: 'Nora' }]);
    await t.rejects(outsider.sdk.qchatServer.updateMyMemberInfo({ serverId, nick: 'x' }), { code: 403 });
    await t.rejects(member.sdk.qchatServer.updateMyMemberInfo({ serverId, nick: 'n'.repeat(65) }), { code: 405 });
  });

  await t.step('updateServerMemberInfo needs the right', ['qchatServer.updateServerMemberInfo'], async () => {
    // The member's own last change may still be on its way to it.
    const since = member.mark();
    const where = (n) => n.serverId === serverId && n.fromAccount === t.accid('mod');
    t.match(await mod.sdk.qchatServer.updateServerMemberInfo({ serverId, accid: t.accid('member'), nick: 'Renamed' }), { accid: t.accid('member'), nick: 'Renamed', avatar: 'https://a.example/1', ext: '{"a":1}' });
    t.match(await member.notification('serverMemberUpdate', { since, where }), { attach: { serverMember: { nick: 'Renamed' } } });
    await t.rejects(member.sdk.qchatServer.updateServerMemberInfo({ serverId, accid: t.accid('mod'), nick: 'x' }), { code: 403 });
    await t.rejects(mod.sdk.qchatServer.updateServerMemberInfo({ serverId, accid: t.accid('outsider'), nick: 'x' }), { code: 404 });
  });

  await t.step('a kick removes, and tells both sides', ['qchatServer.kickServerMembers', 'notification:serverMemberKick', 'notification:serverEnterLeave', 'notification:channelVisibilityUpdate'], async () => {
    const since = { owner: owner.mark(), member: member.mark() };
    await kick(mod, 'member', 'other');
    t.match(await owner.notification('serverMemberKick', about({ since: since.owner })), { fromAccount: t.accid('mod'), attach: { kickedAccids: (l) => l.length === 2 && l.includes(t.accid('member')), serverInfo: { serverId, memberNumber: 2 } } });
    t.match(await member.notification('serverEnterLeave', about({ since: since.member })), { attach: { event: 2 } });
    t.match(await member.notification('channelVisibilityUpdate', { since: since.member, where: (n) => n.channelId === channelId }), { attach: { event: 2 } });
    await member.quiet('systemNotification', { ms: 200, since: since.member, where: (e) => e.systemNotifications.some((n) => n.type === 'serverMemberKick') });
    t.equal(await count(), 2);
    await t.rejects(member.sdk.qchatServer.getServerMembersByPage({ serverId, timetag: 0 }), { code: 403 });
  });

  await t.step('a kick is all or nothing', ['qchatServer.kickServerMembers'], async () => {
    await invite('member', 'other');
    await t.rejects(kick(mod, 'member', 'outsider'), { code: 404 });
    await t.rejects(kick(mod, 'member', 'owner'), { code: 403 });
    await t.rejects(kick(mod, 'member', 'mod'), { code: 403 });
    await t.rejects(kick(member, 'other'), { code: 403 });
    await t.rejects(kick(outsider, 'other'), { code: 403 });
    await t.rejects(owner.sdk.qchatServer.kickServerMembers({ serverId, accids: Array.from({ length: 101 }, (_, i) => `a${i}`) }), { code: 414 });
    t.equal(await count(), 4);
  });

  await t.step('a ban removes and keeps out', ['qchatServer.banServerMember', 'notification:serverMemberKick', 'notification:serverEnterLeave'], async () => {
    const since = { owner: owner.mark(), member: member.mark() };
    await ban(mod, 'member', 'spam');
    t.match(await owner.notification('serverMemberKick', about({ since: since.owner })), { attach: { kickedAccids: [t.accid('member')] } });
    t.match(await member.notification('serverEnterLeave', about({ since: since.member })), { attach: { event: 2 } });
    await t.rejects(member.sdk.qchatServer.applyServerJoin({ serverId, ps: '' }), { code: 403 });
    t.match(await invite('member'), { failByBanAccids: [t.accid('member')] });
    await t.rejects(ban(mod, 'member'), { code: 417 });
    t.equal(await count(), 3);
  });

  await t.step('who may ban, and whom', ['qchatServer.banServerMember', 'qchatServer.unbanServerMember'], async () => {
    await t.rejects(ban(mod, 'outsider'), { code: 404 });
    await t.rejects(ban(mod, 'owner'), { code: 403 });
    await t.rejects(ban(mod, 'mod'), { code: 403 });
    await t.rejects(ban(outsider, 'mod'), { code: 403 });
    await t.rejects(unban(member, 'member'), { code: 403 });
    await t.rejects(unban(mod, 'outsider'), { code: 404 });
  });

  await t.step('getBannedMembersByPage pages, newest first', ['qchatServer.getBannedMembersByPage'], async () => {
    await ban(mod, 'other');
    const p1 = await banned(mod, { limit: 1 });
    t.match(p1, { listQueryTag: { hasMore: true }, datas: [{ serverId, accid: t.accid('other'), banTime: (v) => v > 1.5e12 }] });
    const p2 = await banned(mod, { limit: 1, timetag: p1.listQueryTag.nextTimetag });
    t.match(p2, { listQueryTag: { hasMore: false }, datas: [{ accid: t.accid('member'), ext: 'spam' }] });
    await t.rejects(banned(member), { code: 403 });
    const members = (await owner.sdk.qchatServer.getServerMembersByPage({ serverId, timetag: 0 })).datas;
    t.equal(members.map((m) => m.accid).sort(), [t.accid('mod'), t.accid('owner')].sort());
  });

  await t.step('an unban opens every way in again', ['qchatServer.unbanServerMember'], async () => {
    await unban(mod, 'member');
    await t.rejects(unban(mod, 'member'), { code: 404 });
    await member.sdk.qchatServer.applyServerJoin({ serverId, ps: '' });
    t.equal((await banned(mod)).datas.map((b) => b.accid), [t.accid('other')]);
    t.equal(await count(), 3);
  });
}
