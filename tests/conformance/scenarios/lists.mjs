// Black and white lists (黑白名单) of channels and categories: the same steps for both.
export const accounts = ['owner', 'member', 'other', 'outsider'];

const CHANNELS = {
  what: 'channel',
  id: 'channelId',
  notified: ['channelUpdateWhiteBlackIdentify', 'channelUpdateWhiteBlackIdentifyUser'],
  methods: {
    editRole: 'updateWhiteBlackRole', roles: 'getWhiteBlackRolesPage', someRoles: 'getExistingWhiteBlackRoles',
    editMembers: 'updateWhiteBlackMembers', members: 'getWhiteBlackMembersPage', someMembers: 'getExistingWhiteBlackMembers',
  },
};
const CATEGORIES = {
  what: 'category',
  id: 'categoryId',
  notified: ['channelCategoryUpdateWhiteBlackIdentify', 'channelCategoryUpdateWhiteBlackIdentifyUser'],
  methods: {
    editRole: 'updateChannelCategoryWhiteBlackRole', roles: 'getChannelCategoryWhiteBlackRolesPage', someRoles: 'getChannelCategoryWhiteBlackRoles',
    editMembers: 'updateChannelCategoryWhiteBlackMembers', members: 'getChannelCategoryWhiteBlackMembersPage', someMembers: 'getChannelCategoryWhiteBlackMembers',
  },
};

export default async function (t) {
  const owner = await t.client('owner');
  const [member, other, outsider] = await Promise.all(['member', 'other', 'outsider'].map((r) => t.client(r)));
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'lists', inviteMode: 1 });
  await owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: [t.accid('member'), t.accid('other')], ps: '' });
  const { roleId } = await owner.sdk.qchatRole.createServerRole({ serverId, name: 'crew', priority: 5 });
  await owner.sdk.qchatRole.addMembersToServerRole({ serverId, roleId, accids: [t.accid('other')] });
  const { roles: [everyone] } = await owner.sdk.qchatRole.getServerRoles({ serverId });
  const elsewhere = await owner.sdk.qchatServer.createServer({ name: 'elsewhere' });
  const foreign = await owner.sdk.qchatRole.createServerRole({ serverId: elsewhere.serverId, name: 'foreign', priority: 1 });

  for (const kind of [CHANNELS, CATEGORIES]) {
    /** A new place of the kind, and a channel that shows whether it is seen. */
    const make = async (viewMode, type) => {
      if (kind === CHANNELS) {
        const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: type, viewMode });
        return { at: { serverId, channelId, type }, seenBy: channelId };
      }
      const { categoryId } = await owner.sdk.qchatChannel.createChannelCategory({ serverId, name: type, viewMode });
      const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: type, categoryId, syncMode: 1 });
      return { at: { serverId, categoryId, type }, seenBy: channelId };
    };
    const call = (client, method, options) => client.sdk.qchatChannel[kind.methods[method]](options);
    const covers = (...methods) => methods.map((m) => `qchatChannel.${kind.methods[m]}`);
    const [ROLE, MEMBERS] = kind.notified;
    const sees = async (client, channelId) => (await client.sdk.qchatChannel.getChannels({ channelIds: [channelId] })).length === 1;
    const accids = async (at, more = {}) => (await call(owner, 'members', { ...at, timetag: 0, limit: 100, ...more })).datas.map((m) => m.accid);
    /** Both versions hand the accounts of 25 on as JSON text, and those of 19 parsed. */
    const named = ({ attach: { notify: { toAccids } } }) => (kind === CATEGORIES ? JSON.parse(toAccids) : toAccids);
    const flip = (client, since, channelId, event) => client.notification('channelVisibilityUpdate', { since, where: (n) => n.channelId === channelId && n.attach.event === event });
    /** What the "existing" queries resolve with. */
    const some = (list) => (kind === CHANNELS ? { datas: list } : list);

    await t.step(`white list of a private ${kind.what}: who is on it sees it, and is told`, [...covers('editMembers', 'members'), `notification:${MEMBERS}`, 'notification:channelVisibilityUpdate'], async () => {
      const { at, seenBy } = await make(1, 'white');
      t.equal(await sees(member, seenBy), false);
      const since = member.mark();
      const strange = other.mark();
      t.equal(await call(owner, 'editMembers', { ...at, opeType: 'add', toAccids: [t.accid('member')] }), undefined);
      const told = await member.notification(MEMBERS, { since });
      t.equal(named(told), [t.accid('member')]);
      t.match(told, { serverId, toType: 1, fromAccount: t.accid('owner'), attach: { notify: { serverId, type: 'white', opeType: 'add', [kind.id]: at[kind.id] } } });
      await flip(member, since, seenBy, 1);
      t.equal(await sees(member, seenBy), true);
      await other.notification(MEMBERS, { since: strange });
      t.equal(await sees(other, seenBy), false);
      t.equal(await accids(at), [t.accid('member')]);

      const later = member.mark();
      await call(owner, 'editMembers', { ...at, opeType: 'remove', toAccids: [t.accid('member')] });
      await flip(member, later, seenBy, 2);
      t.equal(await sees(member, seenBy), false);
      t.equal(await accids(at), []);
    });

    await t.step(`black list of a public ${kind.what}: a role on it sees it no more`, [...covers('editRole', 'roles', 'someRoles'), `notification:${ROLE}`], async () => {
      const { at, seenBy } = await make(0, 'black');
      t.equal(await sees(other, seenBy), true);
      const since = other.mark();
      t.equal(await call(owner, 'editRole', { ...at, opeType: 'add', roleId }), undefined);
      const told = await other.notification(ROLE, { since });
      t.match(told, { serverId, toType: 1, attach: { notify: { serverId, type: 'black', opeType: 'add', roleId, [kind.id]: at[kind.id] } } });
      await flip(other, since, seenBy, 2);
      t.equal(await sees(other, seenBy), false);
      t.equal(await sees(member, seenBy), true);
      const page = await call(owner, 'roles', { ...at, timetag: 0 });
      t.match(page, { listQueryTag: { hasMore: false }, datas: [{ serverId, roleId, name: 'crew', type: 'custom', priority: 5, memberCount: 1 }] });
      t.ok(Object.values(page.datas[0].auths).every((v) => v === 'allow' || v === 'deny'), 'a server role knows no ignore');
      t.match(await call(owner, 'someRoles', { ...at, roleIds: [everyone.roleId, roleId] }), some([{ roleId, serverId, name: 'crew' }]));
      await call(owner, 'editRole', { ...at, opeType: 'remove', roleId });
      t.equal(await sees(other, seenBy), true);
      t.equal((await call(owner, 'roles', { ...at, timetag: 0, limit: 10 })).datas, []);
    });

    await t.step(`@everyone on the list of a ${kind.what} is every member, but never the owner`, covers('editRole', 'editMembers'), async () => {
      const { at, seenBy } = await make(0, 'black');
      await call(owner, 'editRole', { ...at, opeType: 'add', roleId: everyone.roleId });
      await call(owner, 'editMembers', { ...at, opeType: 'add', toAccids: [t.accid('owner')] });
      t.equal(await Promise.all([owner, member, other].map((c) => sees(c, seenBy))), [true, false, false]);
      const open = await make(1, 'white');
      await call(owner, 'editRole', { ...open.at, opeType: 'add', roleId: everyone.roleId });
      t.equal(await Promise.all([member, other, outsider].map((c) => sees(c, open.seenBy))), [true, true, false]);
    });

    await t.step(`again is no error and nothing to tell: ${kind.what}`, covers('editMembers', 'editRole', 'someMembers'), async () => {
      const { at } = await make(0, 'black');
      const both = [t.accid('member'), t.accid('other')];
      await call(owner, 'editMembers', { ...at, opeType: 'add', toAccids: both.slice(0, 1) });
      await call(owner, 'editRole', { ...at, opeType: 'add', roleId });
      const isMine = (n) => kind.notified.includes(n.type) && n.attach.notify[kind.id] === at[kind.id];
      await owner.notification(ROLE, { where: isMine });
      const since = owner.mark();
      await call(owner, 'editMembers', { ...at, opeType: 'add', toAccids: both.slice(0, 1) });
      await call(owner, 'editMembers', { ...at, opeType: 'remove', toAccids: both.slice(1) });
      await call(owner, 'editRole', { ...at, opeType: 'add', roleId });
      await call(owner, 'editRole', { ...at, opeType: 'remove', roleId: everyone.roleId });
      await owner.quiet('systemNotification', { since, where: (e) => e.systemNotifications.some(isMine) });
      await call(owner, 'editMembers', { ...at, opeType: 'add', toAccids: both });
      const told = await owner.notification(MEMBERS, { since, where: isMine });
      t.equal(named(told), both.slice(1));
      t.match(await call(owner, 'someMembers', { ...at, accids: [t.accid('other'), t.accid('owner'), t.accid('member')] }), some([
        { accid: t.accid('other'), serverId, joinTime: (v) => v > 1.5e12 }, { accid: t.accid('member') },
      ]));
    });

    await t.step(`pages of a list of a ${kind.what} go back in time of entry`, covers('members', 'roles'), async () => {
      const { at } = await make(1, 'white');
      for (const role of ['other', 'owner', 'member']) await call(owner, 'editMembers', { ...at, opeType: 'add', toAccids: [t.accid(role)] });
      const first = await call(owner, 'members', { ...at, timetag: 0, limit: 2 });
      t.match(first, { listQueryTag: { hasMore: true, nextTimetag: (v) => v > 1.5e12 }, datas: [{ accid: t.accid('member') }, { accid: t.accid('owner') }] });
      const second = await call(owner, 'members', { ...at, timetag: first.listQueryTag.nextTimetag, limit: 2 });
      t.match(second, { listQueryTag: { hasMore: false }, datas: [{ accid: t.accid('other') }] });
      for (const id of [everyone.roleId, roleId]) await call(owner, 'editRole', { ...at, opeType: 'add', roleId: id });
      const roles = await call(owner, 'roles', { ...at, timetag: 0, limit: 1 });
      t.match(roles, { listQueryTag: { hasMore: true }, datas: [{ roleId }] });
      t.match(await call(owner, 'roles', { ...at, timetag: roles.listQueryTag.nextTimetag, limit: 1 }), { listQueryTag: { hasMore: false }, datas: [{ roleId: everyone.roleId, memberCount: -1 }] });
      await t.rejects(call(owner, 'members', { ...at, timetag: 0, limit: 101 }), { code: 414 });
    });

    await t.step(`lists of a ${kind.what}: refused without the right, where nothing is, and when the list does not fit`, covers('editMembers', 'members', 'someMembers', 'editRole', 'roles', 'someRoles'), async () => {
      const { at } = await make(0, 'black');
      const all = (client, place) => [
        ['editMembers', { ...place, opeType: 'add', toAccids: [t.accid('member')] }],
        ['editMembers', { ...place, opeType: 'remove', toAccids: [t.accid('member')] }],
        ['members', { ...place, timetag: 0, limit: 10 }],
        ['someMembers', { ...place, accids: [t.accid('member')] }],
        ['editRole', { ...place, opeType: 'add', roleId }],
        ['editRole', { ...place, opeType: 'remove', roleId }],
        ['roles', { ...place, timetag: 0, limit: 10 }],
        ['someRoles', { ...place, roleIds: [roleId] }],
      ].map(([method, options]) => [method, call(client, method, options)]);
      for (const [client, place, code] of [
        [member, at, 403], [outsider, at, 403], [owner, { ...at, type: 'white' }, 414],
        [owner, { ...at, [kind.id]: '999999999999999999' }, 404], [owner, { ...at, serverId: elsewhere.serverId }, 404],
      ]) for (const [, refused] of all(client, place)) await t.rejects(refused, { code });
      await t.rejects(call(owner, 'editMembers', { ...at, opeType: 'add', toAccids: [t.accid('member'), t.accid('outsider')] }), { code: 404 });
      await t.rejects(call(owner, 'editMembers', { ...at, opeType: 'add', toAccids: Array(101).fill(t.accid('member')) }), { code: 414 });
      await t.rejects(call(owner, 'editRole', { ...at, opeType: 'add', roleId: foreign.roleId }), { code: 404 });
      await t.rejects(call(owner, 'editRole', { ...at, opeType: 'add', roleId: '999999999999999999' }), { code: 404 });
      t.equal(await accids(at), []);
      t.equal((await call(owner, 'roles', { ...at, timetag: 0 })).datas, []);
    });

    await t.step(`a manager of lists may, and hides a ${kind.what} from whom it names`, covers('editMembers', 'editRole'), async () => {
      const { at, seenBy } = await make(0, 'black');
      await owner.sdk.qchatRole.updateServerRole({ serverId, roleId, auths: { manageBlackWhiteList: 'allow' } });
      await call(other, 'editMembers', { ...at, opeType: 'add', toAccids: [t.accid('member')] });
      t.equal(await sees(member, seenBy), false);
      t.equal(await accids(at), [t.accid('member')]);
      await owner.sdk.qchatRole.updateServerRole({ serverId, roleId, auths: { manageBlackWhiteList: 'deny' } });
      await t.rejects(call(other, 'editMembers', { ...at, opeType: 'remove', toAccids: [t.accid('member')] }), { code: 403 });
    });
  }

  await t.step('a channel in sync shows the lists of its category, and has none of its own to change', ['qchatChannel.getWhiteBlackMembersPage', 'qchatChannel.updateWhiteBlackMembers', 'qchatChannel.updateWhiteBlackRole'], async () => {
    const { categoryId } = await owner.sdk.qchatChannel.createChannelCategory({ serverId, name: 'template', viewMode: 1 });
    const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'follows', categoryId, syncMode: 1 });
    const at = { serverId, channelId, type: 'white' };
    await owner.sdk.qchatChannel.updateChannelCategoryWhiteBlackMembers({ serverId, categoryId, type: 'white', opeType: 'add', toAccids: [t.accid('member')] });
    t.match(await owner.sdk.qchatChannel.getWhiteBlackMembersPage({ ...at, timetag: 0, limit: 10 }), { datas: [{ accid: t.accid('member') }] });
    await t.rejects(owner.sdk.qchatChannel.updateWhiteBlackMembers({ ...at, opeType: 'remove', toAccids: [t.accid('member')] }), { code: 414 });
    await t.rejects(owner.sdk.qchatChannel.updateWhiteBlackRole({ ...at, opeType: 'add', roleId }), { code: 414 });
    t.match(await member.sdk.qchatChannel.getChannels({ channelIds: [channelId] }), [{ channelId }]);
  });
}
