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
}
