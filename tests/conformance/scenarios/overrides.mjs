// A member's own rights in one channel or category (定制权限).
export const accounts = ['owner', 'member', 'other', 'manager', 'outsider'];

const NOWHERE = '999999999999999999';

export default async function (t) {
  const owner = await t.client('owner');
  const member = await t.client('member');
  const manager = await t.client('manager');
  const outsider = await t.client('outsider');
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'overrides', inviteMode: 1 });
  await owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: ['member', 'other', 'manager'].map((role) => t.accid(role)), ps: '' });
  for (const c of [member, manager]) await c.notification('serverEnterLeave', { where: (n) => n.serverId === serverId });
  const roles = owner.sdk.qchatRole;
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
      add: 'addMemberRole', update: 'updateMemberRole', remove: 'removeMemberRole', page: 'getMemberRoles',
    },
    category: {
      at: { serverId, categoryId }, id: 'categoryId', heard: synced, spared: channelId, managerMayAdd: true,
      add: 'addChannelCategoryMemberRole', update: 'updateChannelCategoryMemberRole', remove: 'removeChannelCategoryMemberRole', page: 'getChannelCategoryMemberRole',
    },
  };
  for (const [kind, k] of Object.entries(kinds)) {
    const covers = (...names) => names.map((name) => `qchatRole.${k[name]}`);
    const who = { ...k.at, accid: t.accid('member') };
    const may = (channel = k.heard) => member.sdk.qchatRole.checkPermission({ serverId, channelId: channel, auth: 'RTCChannelOpenMicrophone' });
    // Earlier ones may still be under way, so it is known by what it changes.
    const told = (c, since, auths) => c.notification('userIdentifyUpdate', {
      since, where: (n) => n.serverId === serverId && JSON.stringify(n.attach.updateAuths) === JSON.stringify(auths),
    });
    const list = async (c, more = {}) => c.sdk.qchatRole[k.page]({ ...k.at, timetag: 0, ...more });
    let made;

    await t.need(`${kind}: an override is added, everything inherited`, covers('add', 'page'), async () => {
      t.equal(await list(member), []);
      made = await roles[k.add](who);
      t.match(made, { ...who, id: (v) => /^\d+$/.test(v), memberType: (v) => v === 0 || v === 'normal', nick: (v) => typeof v === 'string', joinTime: (v) => v > 1.5e12, createTime: (v) => v > 1.5e12 });
      t.ok(Object.values(made.auths ?? {}).every((v) => v === 'ignore'), 'all ignore');
      t.equal(await may(), true);
    });

    await t.step(`${kind}: twice is 417, a stranger or an unknown place 404, without the rights 403`, covers('add'), async () => {
      await t.rejects(roles[k.add](who), { code: 417 });
      await t.rejects(roles[k.add]({ ...who, accid: t.accid('outsider') }), { code: 404 });
      await t.rejects(roles[k.add]({ ...who, accid: 'nobody' }), { code: 404 });
      await t.rejects(roles[k.add]({ ...who, [k.id]: NOWHERE }), { code: 404 });
      await t.rejects(member.sdk.qchatRole[k.add]({ ...who, accid: t.accid('other') }), { code: 403 });
      await t.rejects(outsider.sdk.qchatRole[k.add]({ ...who, accid: t.accid('other') }), { code: 403 });
    });

    await t.step(`${kind}: manageRole alone ${k.managerMayAdd ? 'is enough' : 'is not enough'} to add and remove`, covers('add', 'remove'), async () => {
      const other = { ...k.at, accid: t.accid('other') };
      const added = manager.sdk.qchatRole[k.add](other);
      if (k.managerMayAdd) {
        await added;
        await manager.sdk.qchatRole[k.remove](other);
      } else {
        await t.rejects(added, { code: 403 });
        await t.rejects(manager.sdk.qchatRole[k.remove](who), { code: 403 });
      }
    });

    await t.step(`${kind}: denied there, untouched elsewhere, told to the server`, [...covers('update'), 'qchatRole.checkPermission', 'notification:userIdentifyUpdate'], async () => {
      const since = [member.mark(), manager.mark()];
      t.match(await roles[k.update]({ ...who, auths: { RTCChannelOpenMicrophone: 'deny' } }), { ...who, id: made.id, auths: { RTCChannelOpenMicrophone: 'deny', sendMsg: 'ignore' } });
      for (const [n, c] of [member, manager].entries()) {
        const got = await told(c, since[n], { RTCChannelOpenMicrophone: 'deny' });
        t.match(got, { attach: { userIdentifyInfo: { id: made.id, accid: t.accid('member'), serverId, auths: { RTCChannelOpenMicrophone: 'deny' } } } });
        if (kind === 'channel') t.match(got, { channelId, attach: { userIdentifyInfo: { channelId } } });
        else t.match(got, { attach: { categoryId } });
      }
      t.equal(await may(), false);
      t.equal(await may(k.spared), true);
    });

    await t.step(`${kind}: manageRole is enough to update, within what one holds`, covers('update'), async () => {
      const by = manager.sdk.qchatRole[k.update];
      t.match(await by.call(manager.sdk.qchatRole, { ...who, auths: { sendMsg: 'deny' } }), { auths: { RTCChannelOpenMicrophone: 'deny', sendMsg: 'deny' } });
      await t.rejects(by.call(manager.sdk.qchatRole, { ...who, auths: { deleteMsg: 'allow' } }), { code: 403 });
      await t.rejects(by.call(manager.sdk.qchatRole, { ...who, auths: { deleteMsg: 'ignore' } }), { code: 403 });
      const since = member.mark();
      t.match(await roles[k.update]({ ...who, auths: { sendMsg: 'ignore' } }), { auths: { RTCChannelOpenMicrophone: 'deny', sendMsg: 'ignore' } });
      await told(member, since, { sendMsg: 'ignore' });
    });

    await t.step(`${kind}: what does not fit is refused whole, and nothing named changes nothing`, covers('update'), async () => {
      const before = await list(owner);
      await t.rejects(roles[k.update]({ ...who, auths: { sendMsg: 'deny', kickServer: 'allow' } }), { code: 414 });
      await t.rejects(roles[k.update]({ ...who, auths: { 10001: 'allow' } }), { code: 414 });
      await t.rejects(roles[k.update]({ ...who, accid: t.accid('other'), auths: { sendMsg: 'deny' } }), { code: 404 });
      await t.rejects(member.sdk.qchatRole[k.update]({ ...who, auths: { RTCChannelOpenMicrophone: 'allow' } }), { code: 403 });
      await t.rejects(outsider.sdk.qchatRole[k.update]({ ...who, auths: { sendMsg: 'deny' } }), { code: 403 });
      const since = member.mark();
      t.match(await roles[k.update]({ ...who, auths: {} }), { id: made.id, auths: { RTCChannelOpenMicrophone: 'deny' } });
      if (kind === 'channel') t.match(await roles[k.update](who), { id: made.id, auths: { RTCChannelOpenMicrophone: 'deny' } });
      await member.quiet('systemNotification', { since, where: (e) => e.systemNotifications.some((n) => n.type === 'userIdentifyUpdate') });
      t.equal(await list(owner), before);
    });

    await t.step(`${kind}: overrides come newest first, in pages`, covers('page'), async () => {
      await roles[k.add]({ ...k.at, accid: t.accid('other') });
      t.equal((await list(member)).map((r) => r.accid), [t.accid('other'), t.accid('member')]);
      const first = await list(member, { limit: 1 });
      t.equal(first.map((r) => r.accid), [t.accid('other')]);
      t.match(await list(member, { limit: 1, timetag: first[0].createTime }), [{ ...who, id: made.id, auths: { RTCChannelOpenMicrophone: 'deny' } }]);
      await t.rejects(outsider.sdk.qchatRole[k.page]({ ...k.at, timetag: 0 }), { code: 403 });
      await t.rejects(list(member, { [k.id]: NOWHERE }), { code: 404 });
      await t.rejects(list(member, { limit: 101 }), { code: 414 });
      await roles[k.remove]({ ...k.at, accid: t.accid('other') });
    });

    if (kind === 'channel') {
      await t.step('getExistingAccidsOfMemberRoles: those who have one', ['qchatRole.getExistingAccidsOfMemberRoles'], async () => {
        const ask = (c, accids) => c.sdk.qchatRole.getExistingAccidsOfMemberRoles({ ...k.at, accids });
        const found = JSON.stringify(await ask(member, [t.accid('member'), t.accid('other'), 'nobody', 'NOT AN ACCID']));
        t.ok(found.includes(t.accid('member')) && !found.includes(t.accid('other')), found);
        t.equal(await ask(member, [t.accid('other')]), []);
        await t.rejects(ask(outsider, [t.accid('member')]), { code: 403 });
        await t.rejects(ask(member, []), { code: 414 });
      });
    }

    await t.step(`${kind}: removed, everything is inherited again, and the server is told`, [...covers('remove'), 'notification:userIdentifyUpdate'], async () => {
      await t.rejects(member.sdk.qchatRole[k.remove](who), { code: 403 });
      await t.rejects(outsider.sdk.qchatRole[k.remove](who), { code: 403 });
      const since = member.mark();
      await roles[k.remove](who);
      t.match(await told(member, since, { RTCChannelOpenMicrophone: 'ignore' }), { attach: { userIdentifyInfo: { accid: t.accid('member') } } });
      t.equal(await may(), true);
      await t.rejects(roles[k.remove](who), { code: 404 });
      await t.rejects(roles[k.update]({ ...who, auths: { sendMsg: 'deny' } }), { code: 404 });
      t.equal(await list(member), []);
    });
  }
}
