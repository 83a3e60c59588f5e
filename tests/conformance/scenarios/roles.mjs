// Server roles: @everyone, custom roles, membership, and what they grant.
export const accounts = ['owner', 'member', 'other', 'outsider'];

export default async function (t) {
  const owner = await t.client('owner');
  const member = await t.client('member');
  const outsider = await t.client('outsider');
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'roles', inviteMode: 1 });
  await owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: [t.accid('member'), t.accid('other')], ps: '' });
  await member.notification('serverEnterLeave', { where: (n) => n.serverId === serverId });
  const may = (c, auth) => c.sdk.qchatRole.checkPermission({ serverId, auth });
  let everyone, role;

  await t.need('every server has @everyone, with all 27 rights spelt out', ['qchatRole.getServerRoles'], async () => {
    const got = await member.sdk.qchatRole.getServerRoles({ serverId });
    [everyone] = got.roles;
    t.match(everyone, { type: 'everyone', serverId, memberCount: -1, auths: { RTCChannelConnect: 'allow', RTCChannelOpenMicrophone: 'allow', RTCChannelOpenCamera: 'allow', manageRole: 'deny', kickServer: 'deny' } });
    t.equal(Object.keys(everyone.auths).length, 27);
    t.ok(Object.values(everyone.auths).every((v) => v === 'allow' || v === 'deny'), 'allow or deny only');
    await t.rejects(outsider.sdk.qchatRole.getServerRoles({ serverId }), { code: 403 });
  });

  await t.need('createServerRole: a copy of what its creator may', ['qchatRole.createServerRole'], async () => {
    role = await owner.sdk.qchatRole.createServerRole({ serverId, name: 'crew', priority: 5, icon: 'i', ext: 'e' });
    t.match(role, { serverId, name: 'crew', icon: 'i', ext: 'e', priority: 5, type: 'custom', memberCount: 0, auths: (a) => Object.keys(a).length === 27 });
    await t.rejects(member.sdk.qchatRole.createServerRole({ serverId, name: 'no', priority: 6 }), { code: 403 });
  });

  await t.step('getServerRoles pages by priority, @everyone first', ['qchatRole.getServerRoles'], async () => {
    const second = await owner.sdk.qchatRole.createServerRole({ serverId, name: 'later', priority: 9 });
    const p1 = await owner.sdk.qchatRole.getServerRoles({ serverId, limit: 2, priority: 0 });
    t.equal(p1.roles.map((r) => r.roleId), [everyone.roleId, role.roleId]);
    const p2 = await owner.sdk.qchatRole.getServerRoles({ serverId, limit: 2, priority: p1.roles.at(-1).priority });
    t.equal(p2.roles.map((r) => r.roleId), [second.roleId]);
  });

  await t.step('addMembersToServerRole says who was taken, and tells the server', ['qchatRole.addMembersToServerRole', 'notification:serverIdentifyAdd'], async () => {
    const since = member.mark();
    const answer = await owner.sdk.qchatRole.addMembersToServerRole({ serverId, roleId: role.roleId, accids: [t.accid('member'), 'nobody'] });
    t.match(answer, { successAccids: [t.accid('member')], failedAccids: ['nobody'] });
    t.match(await member.notification('serverIdentifyAdd', { since, where: (n) => n.serverId === serverId }), { attach: { addAccids: [t.accid('member')], serverIdentifyInfo: { roleId: role.roleId } } });
    t.match(await member.sdk.qchatRole.getServerRoles({ serverId }), { isMemberRoles: (l) => l.includes(role.roleId) });
    t.match(await owner.sdk.qchatRole.getServerRoles({ serverId }), { roles: (l) => l.find((r) => r.roleId === role.roleId).memberCount === 1 });
  });

  await t.step('updateServerRole changes only what it names, and tells the server', ['qchatRole.updateServerRole', 'notification:serverIdentifyUpdate'], async () => {
    const since = member.mark();
    const before = (await owner.sdk.qchatRole.getServerRoles({ serverId })).roles.find((r) => r.roleId === role.roleId);
    const got = await owner.sdk.qchatRole.updateServerRole({ serverId, roleId: role.roleId, auths: { kickServer: 'allow' } });
    t.equal(got.auths, { ...before.auths, kickServer: 'allow' });
    t.match(got, { name: 'crew', priority: 5 });
    t.match(await member.notification('serverIdentifyUpdate', { since, where: (n) => n.serverId === serverId }), { attach: { updateAuths: { kickServer: 'allow' }, serverIdentifyInfo: { roleId: role.roleId } } });
    t.equal(await may(member, 'kickServer'), true);
  });

  await t.step('having beats not having: deny in one role hides no other grant', ['qchatRole.checkPermission', 'qchatRole.updateServerRole'], async () => {
    await owner.sdk.qchatRole.updateServerRole({ serverId, roleId: role.roleId, auths: { RTCChannelConnect: 'deny' } });
    t.equal(await may(member, 'RTCChannelConnect'), true);
    await owner.sdk.qchatRole.updateServerRole({ serverId, roleId: everyone.roleId, auths: { RTCChannelConnect: 'deny' } });
    t.equal(await may(member, 'RTCChannelConnect'), false);
    await owner.sdk.qchatRole.updateServerRole({ serverId, roleId: everyone.roleId, auths: { RTCChannelConnect: 'allow' } });
    t.equal(await may(member, 'RTCChannelConnect'), true);
  });

  await t.step('nobody lifts himself: a member without manageRole is refused', ['qchatRole.updateServerRole', 'qchatRole.addMembersToServerRole'], async () => {
    await t.rejects(member.sdk.qchatRole.updateServerRole({ serverId, roleId: role.roleId, auths: { manageRole: 'allow' } }), { code: 403 });
    await t.rejects(member.sdk.qchatRole.addMembersToServerRole({ serverId, roleId: role.roleId, accids: [t.accid('other')] }), { code: 403 });
    await t.rejects(outsider.sdk.qchatRole.updateServerRole({ serverId, roleId: role.roleId, name: 'mine' }), { code: 403 });
  });

  await t.step('@everyone keeps its name, and its members are everybody', ['qchatRole.updateServerRole', 'qchatRole.addMembersToServerRole'], async () => {
    await t.rejects(owner.sdk.qchatRole.updateServerRole({ serverId, roleId: everyone.roleId, name: 'renamed' }), { code: 403 });
    await t.rejects(owner.sdk.qchatRole.addMembersToServerRole({ serverId, roleId: everyone.roleId, accids: [t.accid('member')] }), { code: 403 });
  });

  await t.step('an unknown role is 404', ['qchatRole.updateServerRole'], async () => {
    await t.rejects(owner.sdk.qchatRole.updateServerRole({ serverId, roleId: '999999999999999999', name: 'x' }), { code: 404 });
  });

  await t.step('checkPermission: the owner may everything, an outsider nothing', ['qchatRole.checkPermission'], async () => {
    t.equal(await may(owner, 'banServerMember'), true);
    const seen = await may(outsider, 'sendMsg').then((v) => v, (e) => e.code);
    t.ok(seen === false || seen === 403, `an outsider's sendMsg: ${seen}`);
  });

  const custom = async (id) => (await owner.sdk.qchatRole.getServerRoles({ serverId })).roles.find((r) => r.roleId === id);
  const nowhere = '999999999999999999';

  await t.step('updateServerRole: bad values change nothing, naming nothing is no change', ['qchatRole.updateServerRole'], async () => {
    const before = await custom(role.roleId);
    const update = (o) => owner.sdk.qchatRole.updateServerRole({ serverId, roleId: role.roleId, ...o });
    await t.rejects(update({ name: 'n'.repeat(65) }), { code: 405 });
    await t.rejects(update({ priority: 0 }), { code: 414 });
    await t.rejects(update({ priority: 2 ** 53 }), { code: 414 });
    await t.rejects(update({ auths: { 28: 'allow' } }), { code: 414 });
    await t.rejects(update({ auths: { 10001: 'allow' } }), { code: 414 });
    t.equal(await custom(role.roleId), before);
    t.match(await update({}), { name: 'crew', updateTime: before.updateTime });
    t.match(await update({ name: 'team', icon: 'j', ext: 'f' }), { name: 'team', icon: 'j', ext: 'f', priority: 5 });
  });

  await t.step('createServerRole: a priority from 1 to 2^53 - 1', ['qchatRole.createServerRole'], async () => {
    await t.rejects(owner.sdk.qchatRole.createServerRole({ serverId, name: 'r', priority: 2 ** 53 }), { code: 414 });
    await t.rejects(owner.sdk.qchatRole.createServerRole({ serverId: nowhere, name: 'r', priority: 1 }), { code: 404 });
    await t.rejects(outsider.sdk.qchatRole.createServerRole({ serverId, name: 'r', priority: 1 }), { code: 403 });
  });

  await t.step('getMembersFromServerRole: newest first, one page after the other', ['qchatRole.getMembersFromServerRole'], async () => {
    await owner.sdk.qchatRole.addMembersToServerRole({ serverId, roleId: role.roleId, accids: [t.accid('other')] });
    const page = (o) => member.sdk.qchatRole.getMembersFromServerRole({ serverId, roleId: role.roleId, timetag: 0, limit: 1, ...o });
    const [newest] = await page({});
    t.match(newest, { serverId, roleId: role.roleId, accid: t.accid('other'), nick: (v) => typeof v === 'string', createTime: (v) => v > 1.5e12, joinTime: (v) => v > 1.5e12 });
    t.match(await page({ timetag: newest.createTime, accid: newest.accid }), [{ accid: t.accid('member') }]);
    t.equal((await member.sdk.qchatRole.getMembersFromServerRole({ serverId, roleId: role.roleId })).map((m) => m.accid), [t.accid('other'), t.accid('member')]);
    t.equal(await page({ roleId: everyone.roleId }), []);
    await t.rejects(page({ roleId: nowhere }), { code: 404 });
    await t.rejects(page({ limit: 101 }), { code: 414 });
    await t.rejects(outsider.sdk.qchatRole.getMembersFromServerRole({ serverId, roleId: role.roleId, timetag: 0 }), { code: 403 });
  });

  await t.step('getExistingAccidsInServerRole: only those who are in it', ['qchatRole.getExistingAccidsInServerRole'], async () => {
    const among = (c, o) => c.sdk.qchatRole.getExistingAccidsInServerRole({ serverId, roleId: role.roleId, accids: [t.accid('member'), t.accid('owner'), 'nobody', 'No Name'], ...o });
    // Both versions hand on only the accounts.
    t.equal(await among(member, {}), [t.accid('member')]);
    t.equal(await among(member, { roleId: everyone.roleId }), []);
    await t.rejects(among(member, { accids: [] }), { code: 414 });
    await t.rejects(among(member, { accids: Array(101).fill(t.accid('member')) }), { code: 414 });
    await t.rejects(among(member, { roleId: nowhere }), { code: 404 });
    await t.rejects(among(outsider, {}), { code: 403 });
  });

  await t.step('getServerRolesByAccid: custom roles, without their rights', ['qchatRole.getServerRolesByAccid'], async () => {
    const of = (c, o) => c.sdk.qchatRole.getServerRolesByAccid({ serverId, accid: t.accid('member'), timetag: 0, ...o });
    const roles = await of(member, {});
    t.match(roles, [{ roleId: role.roleId, name: 'team', type: 'custom', priority: 5, memberCount: 2 }]);
    t.equal(roles.length, 1);
    t.equal(Object.keys(roles[0].auths ?? {}), []);
    t.equal(await of(member, { timetag: roles[0].createTime }), []);
    t.equal(await of(member, { accid: t.accid('owner') }), []);
    t.equal(await of(member, { accid: t.accid('outsider') }), []);
    await t.rejects(of(member, { limit: 101 }), { code: 414 });
    await t.rejects(of(outsider, {}), { code: 403 });
  });

  await t.step('getExistingServerRolesByAccids: the custom roles of each', ['qchatRole.getExistingServerRolesByAccids'], async () => {
    const of = (c, o) => c.sdk.qchatRole.getExistingServerRolesByAccids({ serverId, accids: [t.accid('member'), t.accid('owner'), t.accid('outsider')], ...o });
    const found = await of(member, {});
    t.equal(Object.keys(found).sort(), [t.accid('member'), t.accid('owner')].sort());
    t.match(found, { [t.accid('member')]: [{ roleId: role.roleId, type: 'custom', auths: { kickServer: 'allow' } }], [t.accid('owner')]: (l) => l.length === 0 });
    await t.rejects(of(member, { accids: [] }), { code: 414 });
    await t.rejects(of(member, { accids: Array(101).fill(t.accid('member')) }), { code: 414 });
    await t.rejects(of(member, { serverId: nowhere }), { code: 404 });
    await t.rejects(of(outsider, {}), { code: 403 });
  });

  await t.step('checkPermissions: each right, allow or deny', ['qchatRole.checkPermissions'], async () => {
    const ask = (c, o) => c.sdk.qchatRole.checkPermissions({ serverId, auths: ['sendMsg', 'kickServer', 'manageServer'], ...o });
    t.equal(await ask(member, {}), { sendMsg: 'allow', kickServer: 'allow', manageServer: 'deny' });
    t.equal(await ask(owner, {}), { sendMsg: 'allow', kickServer: 'allow', manageServer: 'allow' });
    t.equal(await ask(outsider, {}), { sendMsg: 'deny', kickServer: 'deny', manageServer: 'deny' });
    const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'closed', viewMode: 1 });
    t.equal(await ask(member, { channelId }), { sendMsg: 'deny', kickServer: 'deny', manageServer: 'deny' });
    t.equal(await ask(owner, { channelId }), { sendMsg: 'allow', kickServer: 'allow', manageServer: 'allow' });
    await t.rejects(ask(member, { channelId: nowhere }), { code: 404 });
    await t.rejects(ask(member, { serverId: nowhere }), { code: 404 });
    await t.rejects(ask(member, { auths: [] }), { code: 414 });
    await t.rejects(ask(member, { auths: ['sendMsg', '10001'] }), { code: 414 });
    await t.rejects(ask(member, { auths: Object.keys(everyone.auths).slice(0, 11) }), { code: 414 });
  });

  await t.step('removeMembersFromServerRole says who is out, and tells the server', ['qchatRole.removeMembersFromServerRole', 'notification:serverIdentifyRemove'], async () => {
    const out = (c, o) => c.sdk.qchatRole.removeMembersFromServerRole({ serverId, roleId: role.roleId, accids: [t.accid('member')], ...o });
    await t.rejects(out(outsider, {}), { code: 403 });
    await t.rejects(out(owner, { roleId: everyone.roleId }), { code: 403 });
    await t.rejects(out(owner, { roleId: nowhere }), { code: 404 });
    await t.rejects(out(owner, { accids: Array(101).fill(t.accid('member')) }), { code: 414 });
    const since = member.mark();
    t.match(await out(owner, { accids: [t.accid('member'), 'nobody', 'No Name'] }), { successAccids: [t.accid('member')], failedAccids: ['nobody', 'No Name'] });
    t.match(await member.notification('serverIdentifyRemove', { since, where: (n) => n.serverId === serverId }), { attach: { deleteAccids: [t.accid('member')], serverIdentifyInfo: { roleId: role.roleId, memberCount: 1 } } });
    t.equal(await may(member, 'kickServer'), false);
    t.match(await out(owner, {}), { successAccids: [t.accid('member')], failedAccids: [] });
  });

  await t.step('a manager ranks below the owner and above what is below', ['qchatRole.createServerRole', 'qchatRole.updateServerRole', 'qchatRole.addMembersToServerRole', 'qchatRole.removeMembersFromServerRole', 'qchatRole.deleteServerRole'], async () => {
    const own = await owner.sdk.qchatRole.createServerRole({ serverId, name: 'managers', priority: 20 });
    await owner.sdk.qchatRole.updateServerRole({ serverId, roleId: own.roleId, auths: { manageRole: 'allow' } });
    await owner.sdk.qchatRole.addMembersToServerRole({ serverId, roleId: own.roleId, accids: [t.accid('member')] });
    const { createServerRole, updateServerRole, addMembersToServerRole, removeMembersFromServerRole, deleteServerRole } = member.sdk.qchatRole;
    const as = (f, o) => f.call(member.sdk.qchatRole, { serverId, ...o });
    await t.rejects(as(createServerRole, { name: 'above', priority: 20 }), { code: 403 });
    const low = await as(createServerRole, { name: 'below', priority: 21 });
    t.match(low, { auths: { manageRole: 'allow', kickServer: 'deny' } });
    await t.rejects(as(updateServerRole, { roleId: low.roleId, auths: { kickServer: 'allow' } }), { code: 403 });
    await t.rejects(as(updateServerRole, { roleId: low.roleId, priority: 20 }), { code: 403 });
    await t.rejects(as(updateServerRole, { roleId: own.roleId, name: 'mine' }), { code: 403 });
    await t.rejects(as(updateServerRole, { roleId: everyone.roleId, auths: { sendMsg: 'allow' } }), { code: 403 });
    await t.rejects(as(addMembersToServerRole, { roleId: role.roleId, accids: [t.accid('other')] }), { code: 403 });
    t.match(await as(addMembersToServerRole, { roleId: low.roleId, accids: [t.accid('other')] }), { successAccids: [t.accid('other')] });
    await t.rejects(as(deleteServerRole, { roleId: role.roleId }), { code: 403 });
    await t.rejects(as(deleteServerRole, { roleId: own.roleId }), { code: 403 });
    await as(deleteServerRole, { roleId: low.roleId });
    // One may leave one's own highest role.
    t.match(await as(removeMembersFromServerRole, { roleId: own.roleId, accids: [t.accid('member')] }), { successAccids: [t.accid('member')] });
    await t.rejects(as(createServerRole, { name: 'no', priority: 30 }), { code: 403 });
    await owner.sdk.qchatRole.deleteServerRole({ serverId, roleId: own.roleId });
  });

  await t.step('updateServerRolePriorities: all or none, told for each that moved', ['qchatRole.updateServerRolePriorities', 'notification:serverIdentifyUpdate'], async () => {
    const [a, b] = [await owner.sdk.qchatRole.createServerRole({ serverId, name: 'a', priority: 31 }), await owner.sdk.qchatRole.createServerRole({ serverId, name: 'b', priority: 32 })];
    const set = (c, pairs) => c.sdk.qchatRole.updateServerRolePriorities({ serverId, serverRoles: pairs.map(([roleId, priority]) => ({ serverId, roleId, priority })) });
    await t.rejects(set(member, [[a.roleId, 40]]), { code: 403 });
    await t.rejects(set(owner, [[a.roleId, 40], [everyone.roleId, 41]]), { code: 403 });
    await t.rejects(set(owner, [[a.roleId, 40], [nowhere, 41]]), { code: 404 });
    await t.rejects(set(owner, [[a.roleId, 40], [b.roleId, 0]]), { code: 414 });
    await t.rejects(set(owner, [[a.roleId, 40], [a.roleId, 41]]), { code: 414 });
    await t.rejects(set(owner, []), { code: 414 });
    t.equal((await custom(a.roleId)).priority, 31);
    const since = member.mark();
    t.match(await set(owner, [[a.roleId, 32], [b.roleId, 31]]), [{ roleId: a.roleId, priority: 32, name: 'a' }, { roleId: b.roleId, priority: 31, name: 'b' }]);
    for (const [id, priority] of [[a.roleId, 32], [b.roleId, 31]]) {
      t.match(await member.notification('serverIdentifyUpdate', { since, where: (n) => n.serverId === serverId && n.attach.serverIdentifyInfo.roleId === id }), { attach: { serverIdentifyInfo: { priority }, updateAuths: (v) => Object.keys(v).length === 0 } });
    }
    const { roles } = await owner.sdk.qchatRole.getServerRoles({ serverId, priority: 30 });
    t.equal(roles.map((r) => r.roleId), [b.roleId, a.roleId]);
  });

  await t.step('deleteServerRole: its members lose it, and the server is told', ['qchatRole.deleteServerRole', 'notification:serverIdentifyRemove'], async () => {
    const gone = (c, roleId) => c.sdk.qchatRole.deleteServerRole({ serverId, roleId });
    await owner.sdk.qchatRole.addMembersToServerRole({ serverId, roleId: role.roleId, accids: [t.accid('member')] });
    t.equal(await may(member, 'kickServer'), true);
    await t.rejects(gone(member, role.roleId), { code: 403 });
    await t.rejects(gone(owner, everyone.roleId), { code: 403 });
    await t.rejects(gone(outsider, role.roleId), { code: 403 });
    const since = member.mark();
    await gone(owner, role.roleId);
    t.match(await member.notification('serverIdentifyRemove', { since, where: (n) => n.serverId === serverId }), { attach: { deleteAccids: (l) => l.includes(t.accid('member')), serverIdentifyInfo: { roleId: role.roleId } } });
    t.equal(await may(member, 'kickServer'), false);
    t.equal(await custom(role.roleId), undefined);
    t.equal(await member.sdk.qchatRole.getServerRolesByAccid({ serverId, accid: t.accid('member'), timetag: 0 }), []);
    await t.rejects(gone(owner, role.roleId), { code: 404 });
  });

  await t.step('twenty custom roles are the most', ['qchatRole.createServerRole'], async () => {
    const { roles } = await owner.sdk.qchatRole.getServerRoles({ serverId });
    for (let n = roles.length - 1; n < 20; n += 1) await owner.sdk.qchatRole.createServerRole({ serverId, name: `r${n}`, priority: 100 + n });
    await t.rejects(owner.sdk.qchatRole.createServerRole({ serverId, name: 'one too many', priority: 200 }), { code: 419 });
  });
}
