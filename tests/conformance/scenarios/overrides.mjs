// A member's own rights in one channel (定制权限).
export const accounts = ['owner', 'member', 'outsider'];

export default async function (t) {
  const owner = await t.client('owner');
  const member = await t.client('member');
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'overrides', inviteMode: 1 });
  await owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: [t.accid('member')], ps: '' });
  const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'voice' });
  const { channelId: elsewhere } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'other' });
  const who = { serverId, channelId, accid: t.accid('member') };
  const may = (channel) => member.sdk.qchatRole.checkPermission({ serverId, channelId: channel, auth: 'RTCChannelOpenMicrophone' });

  await t.need('addMemberRole: everything inherited', ['qchatRole.addMemberRole'], async () => {
    const got = await owner.sdk.qchatRole.addMemberRole(who);
    t.match(got, { ...who, id: (v) => typeof v === 'string' && v.length > 0, memberType: (v) => v === 0 || v === 'normal', joinTime: (v) => v > 1.5e12 });
    t.ok(Object.values(got.auths ?? {}).every((v) => v === 'ignore'), 'all ignore');
    t.equal(await may(channelId), true);
  });

  await t.step('twice is 417, a stranger is 404, a member without the right is 403', ['qchatRole.addMemberRole'], async () => {
    await t.rejects(owner.sdk.qchatRole.addMemberRole(who), { code: 417 });
    await t.rejects(owner.sdk.qchatRole.addMemberRole({ ...who, accid: t.accid('outsider') }), { code: 404 });
    await t.rejects(member.sdk.qchatRole.addMemberRole({ ...who, channelId: elsewhere }), { code: 403 });
  });

  await t.step('updateMemberRole: denied here, untouched elsewhere, told to the server', ['qchatRole.updateMemberRole', 'qchatRole.checkPermission', 'notification:userIdentifyUpdate'], async () => {
    const since = member.mark();
    t.match(await owner.sdk.qchatRole.updateMemberRole({ ...who, auths: { RTCChannelOpenMicrophone: 'deny' } }), { ...who, auths: { RTCChannelOpenMicrophone: 'deny' } });
    t.match(await member.notification('userIdentifyUpdate', { since }), { channelId, attach: { updateAuths: { RTCChannelOpenMicrophone: 'deny' }, userIdentifyInfo: { accid: t.accid('member'), channelId } } });
    t.equal(await may(channelId), false);
    t.equal(await may(elsewhere), true);
  });

  await t.step('a right of the server layer does not fit here', ['qchatRole.updateMemberRole'], async () => {
    await t.rejects(owner.sdk.qchatRole.updateMemberRole({ ...who, auths: { kickServer: 'allow' } }), { code: 414 });
  });

  await t.step('removeMemberRole: inherited again', ['qchatRole.removeMemberRole'], async () => {
    await owner.sdk.qchatRole.removeMemberRole(who);
    t.equal(await may(channelId), true);
    await t.rejects(owner.sdk.qchatRole.updateMemberRole({ ...who, auths: { sendMsg: 'deny' } }), { code: 404 });
  });
}
