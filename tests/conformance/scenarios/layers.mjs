// Channel roles (频道身份组) and category roles: what a server role says in one place.
export const accounts = ['owner', 'member', 'manager', 'outsider'];

const NOWHERE = '999999999999999999';

export default async function (t) {
  const owner = await t.client('owner');
  const member = await t.client('member');
  const manager = await t.client('manager');
  const outsider = await t.client('outsider');
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'layers', inviteMode: 1 });
  await owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: [t.accid('member'), t.accid('manager')], ps: '' });
  for (const c of [member, manager]) await c.notification('serverEnterLeave', { where: (n) => n.serverId === serverId });
  const roles = owner.sdk.qchatRole;
  const crew = await roles.createServerRole({ serverId, name: 'crew', icon: 'i', ext: 'e', priority: 5 });
  await roles.addMembersToServerRole({ serverId, roleId: crew.roleId, accids: [t.accid('member')] });
  const chief = await roles.createServerRole({ serverId, name: 'chief', priority: 3 });
  await roles.updateServerRole({ serverId, roleId: chief.roleId, auths: { manageRole: 'allow' } });
  await roles.addMembersToServerRole({ serverId, roleId: chief.roleId, accids: [t.accid('manager')] });

  const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'voice' });
  const { channelId: elsewhere } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'other' });
  const { categoryId } = await owner.sdk.qchatChannel.createChannelCategory({ serverId, name: 'wing' });
  const { channelId: synced } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'synced', categoryId, syncMode: 1 });

  // The same story in both kinds of place, told with each kind's own methods.
  const kinds = {
    channel: {
      at: { serverId, channelId }, id: 'channelId', heard: channelId, spared: elsewhere, managerMayAdd: false,
      add: 'addChannelRole', update: 'updateChannelRole', remove: 'removeChannelRole', page: 'getChannelRoles',
      raw: { command: 'qchatUpdateChannelRole', item: 'updateChannelRoleTag' },
    },
    category: {
      at: { serverId, categoryId }, id: 'categoryId', heard: synced, spared: channelId, managerMayAdd: true,
      add: 'addChannelCategoryRole', update: 'updateChannelCategoryRole', remove: 'removeChannelCategoryRole', page: 'getChannelCategoryRole',
      raw: { command: 'qchatUpdateChannelCategoryRole', item: 'qchatUpdateChannelCategoryRoleTag' },
    },
  };
  for (const [kind, k] of Object.entries(kinds)) {
    const covers = (...names) => names.map((name) => `qchatRole.${k[name]}`);
    const may = (auth, channel = k.heard) => member.sdk.qchatRole.checkPermission({ serverId, channelId: channel, auth });
    // Earlier ones may still be under way, so it is known by what it changes.
    const told = (since, auths) => member.notification('channelIdentifyUpdate', {
      since, where: (n) => n.serverId === serverId && JSON.stringify(n.attach.updateAuths) === JSON.stringify(auths),
    });
    const list = async (c, more = {}) => c.sdk.qchatRole[k.page]({ ...k.at, timetag: 0, ...more });
    let everyone, role;

    await t.need(`${kind}: @everyone is there from the start and stays`, covers('page', 'add', 'remove'), async () => {
      const got = await list(member);
      t.equal(got.length, 1);
      [everyone] = got;
      t.match(everyone, { ...k.at, type: 'everyone', roleId: (v) => /^\d+$/.test(v), parentRoleId: (v) => /^\d+$/.test(v) });
      t.ok(Object.values(everyone.auths).every((v) => v === 'ignore'), 'all ignore');
      await t.rejects(roles[k.add]({ ...k.at, parentRoleId: everyone.parentRoleId }), { code: 403 });
      await t.rejects(roles[k.remove]({ ...k.at, roleId: everyone.roleId }), { code: 403 });
    });

    await t.need(`${kind}: a role is added, inherits everything, and the server is told`, [...covers('add'), 'notification:channelIdentifyUpdate'], async () => {
      const since = member.mark();
      role = await roles[k.add]({ ...k.at, parentRoleId: crew.roleId });
      t.match(role, { ...k.at, parentRoleId: crew.roleId, name: 'crew', icon: 'i', ext: 'e', type: 'custom', createTime: (v) => v > 1.5e12, updateTime: (v) => v > 1.5e12 });
      t.ok(role.roleId !== crew.roleId && Object.values(role.auths).every((v) => v === 'ignore'), 'its own id, all ignore');
      const n = await told(since, {});
      t.match(n, { attach: { channelIdentifyInfo: { roleId: role.roleId, parentRoleId: crew.roleId, serverId } } });
      if (kind === 'channel') t.match(n, { channelId, attach: { channelIdentifyInfo: { channelId } } });
      else t.match(n, { attach: { categoryId } });
      t.equal(await may('RTCChannelConnect'), true);
    });

    await t.step(`${kind}: twice is 417, an unknown parent or place 404, without the rights 403`, covers('add'), async () => {
      await t.rejects(roles[k.add]({ ...k.at, parentRoleId: crew.roleId }), { code: 417 });
      await t.rejects(roles[k.add]({ ...k.at, parentRoleId: NOWHERE }), { code: 404 });
      await t.rejects(roles[k.add]({ ...k.at, [k.id]: NOWHERE, parentRoleId: crew.roleId }), { code: 404 });
      await t.rejects(roles[k.add]({ ...k.at, serverId: NOWHERE, parentRoleId: crew.roleId }), { code: 404 });
      await t.rejects(member.sdk.qchatRole[k.add]({ ...k.at, parentRoleId: chief.roleId }), { code: 403 });
      await t.rejects(outsider.sdk.qchatRole[k.add]({ ...k.at, parentRoleId: chief.roleId }), { code: 403 });
    });

    await t.step(`${kind}: manageRole alone ${k.managerMayAdd ? 'is enough' : 'is not enough'} to add and remove`, covers('add', 'remove'), async () => {
      const added = manager.sdk.qchatRole[k.add]({ ...k.at, parentRoleId: chief.roleId });
      if (k.managerMayAdd) await manager.sdk.qchatRole[k.remove]({ ...k.at, roleId: (await added).roleId });
      else await t.rejects(added, { code: 403 });
    });

    await t.step(`${kind}: an update decides there at once, and nowhere else`, [...covers('update'), 'qchatRole.checkPermission', 'notification:channelIdentifyUpdate'], async () => {
      const since = member.mark();
      const got = await roles[k.update]({ ...k.at, roleId: role.roleId, auths: { RTCChannelConnect: 'deny', deleteMsg: 'allow', sendMsg: 'ignore' } });
      t.match(got, { ...k.at, roleId: role.roleId, parentRoleId: crew.roleId, auths: { RTCChannelConnect: 'deny', deleteMsg: 'allow', sendMsg: 'ignore', recallMsg: 'ignore' } });
      const changed = { sendMsg: 'ignore', deleteMsg: 'allow', RTCChannelConnect: 'deny' };
      t.match(await told(since, changed), { attach: { channelIdentifyInfo: { roleId: role.roleId, auths: { RTCChannelConnect: 'deny' } } } });
      t.equal([await may('RTCChannelConnect'), await may('deleteMsg'), await may('sendMsg')], [false, true, true]);
      t.equal([await may('RTCChannelConnect', k.spared), await may('deleteMsg', k.spared)], [true, false]);
    });

    await t.step(`${kind}: an update is partial, and one that names nothing changes nothing`, covers('update'), async () => {
      const before = member.mark();
      t.match(await roles[k.update]({ ...k.at, roleId: role.roleId, auths: { deleteMsg: 'ignore' } }), { auths: { RTCChannelConnect: 'deny', deleteMsg: 'ignore' } });
      await told(before, { deleteMsg: 'ignore' });
      const since = member.mark();
      t.match(await roles[k.update]({ ...k.at, roleId: role.roleId, auths: {} }), { roleId: role.roleId, auths: { RTCChannelConnect: 'deny' } });
      await member.quiet('systemNotification', { since, where: (e) => e.systemNotifications.some((n) => n.type === 'channelIdentifyUpdate') });
    });

    await t.step(`${kind}: @everyone's role decides for those without another`, covers('update'), async () => {
      await roles[k.update]({ ...k.at, roleId: everyone.roleId, auths: { RTCChannelConnect: 'deny', RTCChannelOpenCamera: 'deny' } });
      await roles[k.update]({ ...k.at, roleId: role.roleId, auths: { RTCChannelConnect: 'allow' } });
      t.equal([await may('RTCChannelConnect'), await may('RTCChannelOpenCamera')], [true, false]);
      t.equal(await manager.sdk.qchatRole.checkPermission({ serverId, channelId: k.heard, auth: 'RTCChannelConnect' }), false);
      await roles[k.update]({ ...k.at, roleId: everyone.roleId, auths: { RTCChannelConnect: 'ignore', RTCChannelOpenCamera: 'ignore' } });
    });

    await t.step(`${kind}: what does not fit is refused whole`, covers('update'), async () => {
      const before = await list(owner);
      await t.rejects(roles[k.update]({ ...k.at, roleId: role.roleId, auths: { sendMsg: 'deny', kickServer: 'allow' } }), { code: 414 });
      await t.rejects(roles[k.update]({ ...k.at, roleId: role.roleId, auths: { 10001: 'allow' } }), { code: 414 });
      await t.rejects(roles[k.update]({ ...k.at, roleId: crew.roleId, auths: { sendMsg: 'deny' } }), { code: 404 });
      await t.rejects(member.sdk.qchatRole[k.update]({ ...k.at, roleId: role.roleId, auths: { sendMsg: 'deny' } }), { code: 403 });
      await t.rejects(outsider.sdk.qchatRole[k.update]({ ...k.at, roleId: role.roleId, auths: { sendMsg: 'deny' } }), { code: 403 });
      // The manager may manage roles in a category, but grants only what it holds.
      await t.rejects(manager.sdk.qchatRole[k.update]({ ...k.at, roleId: role.roleId, auths: { deleteMsg: 'allow' } }), { code: 403 });
      t.equal(await list(owner), before);
    });

    await t.step(`${kind}: auths that are not rights with -1, 0 or 1 are 414`, covers('update'), async () => {
      const before = await list(owner);
      const { command, item } = k.raw;
      for (const auths of ['x', '[]', '{"4":2}', '{"4":0.5}', '{"28":1}', '{"0":1}', '{"-4":1}', '{"manageRole":1}', '{"4":true}']) {
        await t.rejects(owner.sdk.sendCmd(command, { [item]: { ...k.at, roleId: role.roleId, auths } }), { code: 414 });
      }
      await t.rejects(owner.sdk.sendCmd(command, { [item]: { ...k.at, auths: '{"4":1}' } }), { code: 414 });
      t.equal(await list(owner), before);
      // The same packet with fit ones is taken.
      t.match(await owner.sdk.sendCmd(command, { [item]: { ...k.at, roleId: role.roleId, auths: '{"4":1}' } }), (v) => JSON.stringify(v).includes(role.roleId));
      await owner.sdk.sendCmd(command, { [item]: { ...k.at, roleId: role.roleId, auths: '{"4":0}' } });
    });

    await t.step(`${kind}: roles come newest first, in pages`, covers('page'), async () => {
      const newer = await roles[k.add]({ ...k.at, parentRoleId: chief.roleId });
      t.equal((await list(member)).map((r) => r.roleId), [newer.roleId, role.roleId, everyone.roleId]);
      const first = await list(member, { limit: 2 });
      t.equal(first.map((r) => r.roleId), [newer.roleId, role.roleId]);
      t.equal((await list(member, { limit: 2, timetag: first.at(-1).createTime })).map((r) => r.roleId), [everyone.roleId]);
      await t.rejects(outsider.sdk.qchatRole[k.page]({ ...k.at, timetag: 0 }), { code: 403 });
      await t.rejects(list(member, { [k.id]: NOWHERE }), { code: 404 });
      await t.rejects(list(member, { limit: 101 }), { code: 414 });
      await roles[k.remove]({ ...k.at, roleId: newer.roleId });
    });

    if (kind === 'channel') {
      await t.step('getExistingChannelRolesByServerRoleIds: those that are there', ['qchatRole.getExistingChannelRolesByServerRoleIds'], async () => {
        const ask = (c, roleIds) => c.sdk.qchatRole.getExistingChannelRolesByServerRoleIds({ ...k.at, roleIds });
        t.match(await ask(member, [crew.roleId, chief.roleId, NOWHERE]), (l) => l.length === 1 && l[0].roleId === role.roleId && l[0].parentRoleId === crew.roleId);
        t.equal(await ask(member, [chief.roleId]), []);
        t.match(await ask(member, [everyone.parentRoleId]), [{ roleId: everyone.roleId, type: 'everyone' }]);
        await t.rejects(ask(outsider, [crew.roleId]), { code: 403 });
        await t.rejects(ask(member, []), { code: 414 });
      });
    }

    await t.step(`${kind}: removed, everything is inherited again, and the server is told`, [...covers('remove'), 'notification:channelIdentifyUpdate'], async () => {
      await roles[k.update]({ ...k.at, roleId: role.roleId, auths: { RTCChannelConnect: 'deny', deleteMsg: 'deny' } });
      await t.rejects(member.sdk.qchatRole[k.remove]({ ...k.at, roleId: role.roleId }), { code: 403 });
      await t.rejects(outsider.sdk.qchatRole[k.remove]({ ...k.at, roleId: role.roleId }), { code: 403 });
      t.equal(await may('RTCChannelConnect'), false);
      const since = member.mark();
      await roles[k.remove]({ ...k.at, roleId: role.roleId });
      t.match(await told(since, { deleteMsg: 'ignore', RTCChannelConnect: 'ignore' }), { attach: { channelIdentifyInfo: { roleId: role.roleId } } });
      t.equal(await may('RTCChannelConnect'), true);
      await t.rejects(roles[k.remove]({ ...k.at, roleId: role.roleId }), { code: 404 });
      t.equal((await list(member)).map((r) => r.roleId), [everyone.roleId]);
    });
  }
}
