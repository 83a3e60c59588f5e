// Joining a server: both invite modes, both apply modes, pages, leaving.
export const accounts = ['owner', 'anna', 'boris', 'carla', 'dora', 'away', 'outsider'];

export default async function (t) {
  const owner = await t.client('owner');
  const [anna, boris, carla, dora, outsider] = await Promise.all(['anna', 'boris', 'carla', 'dora', 'outsider'].map((r) => t.client(r)));
  const server = (o) => owner.sdk.qchatServer.createServer({ name: 'members', ...o });
  const about = (s, more = {}) => ({ where: (n) => n.serverId === s.serverId, ...more });
  let open, closed;

  await t.need('invite mode 1: joined at once', ['qchatServer.inviteServerMembers', 'notification:serverMemberInviteDone', 'notification:serverEnterLeave'], async () => {
    open = await server({ inviteMode: 1 });
    const answer = await owner.sdk.qchatServer.inviteServerMembers({ serverId: open.serverId, accids: [t.accid('anna')], ps: 'come' });
    t.match(answer, { failByOverAccids: [], failByBanAccids: [] });
    t.match(await anna.notification('serverEnterLeave', about(open)), { attach: { event: 1 } });
    for (const c of [owner, anna]) {
      t.match(await c.notification('serverMemberInviteDone', about(open)), { fromAccount: t.accid('owner'), attach: { invitedAccids: [t.accid('anna')], serverInfo: { serverId: open.serverId } } });
    }
  });

  await t.need('invite mode 0: the invited agrees first', ['qchatServer.inviteServerMembers', 'qchatServer.acceptServerInvite', 'notification:serverMemberInvite', 'notification:serverMemberInviteAccept'], async () => {
    closed = await server({ inviteMode: 0, applyMode: 1 });
    const answer = await owner.sdk.qchatServer.inviteServerMembers({ serverId: closed.serverId, accids: [t.accid('boris')], ps: 'please' });
    t.match(answer, { recordInfo: { requestId: (v) => typeof v === 'string' && v.length > 0, expireTime: (v) => v > Date.now() } });
    const invite = await boris.notification('serverMemberInvite', about(closed));
    t.match(invite, { fromAccount: t.accid('owner'), attach: { requestId: answer.recordInfo.requestId, serverInfo: { serverId: closed.serverId } } });
    t.equal((await boris.sdk.qchatServer.getServersByPage({ timestamp: 0 })).datas.map((s) => s.serverId), []);
    await boris.sdk.qchatServer.acceptServerInvite({ serverId: closed.serverId, accid: t.accid('owner'), recordInfo: { requestId: invite.attach.requestId } });
    t.match(await boris.notification('serverEnterLeave', about(closed)), { attach: { event: 1 } });
    const accepted = await owner.notification('serverMemberInviteAccept', about(closed));
    t.ok([t.accid('owner'), t.accid('boris')].includes(accepted.attach.inviteAccid), `inviteAccid is ${accepted.attach.inviteAccid}`);
  });

  await t.step('an invite is accepted once, and by the invited only', ['qchatServer.acceptServerInvite'], async () => {
    const answer = await owner.sdk.qchatServer.inviteServerMembers({ serverId: closed.serverId, accids: [t.accid('dora')], ps: '' });
    const { requestId } = answer.recordInfo;
    const accept = (c) => c.sdk.qchatServer.acceptServerInvite({ serverId: closed.serverId, accid: t.accid('owner'), recordInfo: { requestId } });
    await t.rejects(accept(outsider), { code: (c) => [403, 404, 414, 509].includes(c) });
    await accept(dora);
    await t.rejects(accept(dora), { code: (c) => [404, 417, 509].includes(c) });
  });

  await t.step('apply mode 0: joined at once', ['qchatServer.applyServerJoin', 'notification:serverMemberApplyDone'], async () => {
    await carla.sdk.qchatServer.applyServerJoin({ serverId: open.serverId, ps: 'hello' });
    t.match(await carla.notification('serverEnterLeave', about(open)), { attach: { event: 1 } });
    t.match(await anna.notification('serverMemberApplyDone', about(open)), { fromAccount: t.accid('carla'), attach: { serverInfo: { serverId: open.serverId } } });
  });

  await t.step('apply mode 1: somebody with the right agrees', ['qchatServer.applyServerJoin', 'qchatServer.acceptServerApply', 'notification:serverMemberApply', 'notification:serverMemberApplyAccept'], async () => {
    await carla.sdk.qchatServer.applyServerJoin({ serverId: closed.serverId, ps: 'may I' });
    const apply = await owner.notification('serverMemberApply', about(closed));
    t.match(apply, { fromAccount: t.accid('carla'), attach: { requestId: (v) => typeof v === 'string' && v.length > 0 } });
    await boris.quiet('systemNotification', { ms: 200, where: (e) => e.systemNotifications.some((n) => n.type === 'serverMemberApply') });
    const accept = (c) => c.sdk.qchatServer.acceptServerApply({ serverId: closed.serverId, accid: t.accid('carla'), recordInfo: { requestId: apply.attach.requestId } });
    await t.rejects(accept(boris), { code: 403 });
    await accept(owner);
    t.match(await boris.notification('serverMemberApplyAccept', about(closed)), { attach: { applyAccid: t.accid('carla') } });
    t.match(await carla.notification('serverEnterLeave', about(closed)), { attach: { event: 1 } });
  });

  await t.step('a member who applies again is refused with 417', ['qchatServer.applyServerJoin'], async () => {
    await t.rejects(carla.sdk.qchatServer.applyServerJoin({ serverId: open.serverId, ps: '' }), { code: 417 });
  });

  await t.step('an unknown server is 404', ['qchatServer.applyServerJoin', 'qchatServer.inviteServerMembers'], async () => {
    await t.rejects(carla.sdk.qchatServer.applyServerJoin({ serverId: '999999999999999999', ps: '' }), { code: 404 });
    await t.rejects(carla.sdk.qchatServer.inviteServerMembers({ serverId: '999999999999999999', accids: [t.accid('anna')], ps: '' }), { code: (c) => c === 403 || c === 404 });
  });

  await t.step('an outsider cannot invite', ['qchatServer.inviteServerMembers'], async () => {
    await t.rejects(outsider.sdk.qchatServer.inviteServerMembers({ serverId: open.serverId, accids: [t.accid('dora')], ps: '' }), { code: 403 });
  });

  await t.step('getServerMembers answers for servers the caller is in', ['qchatServer.getServerMembers'], async () => {
    const ask = [{ serverId: open.serverId, accid: t.accid('anna') }, { serverId: open.serverId, accid: 'nobody' }];
    t.match(await carla.sdk.qchatServer.getServerMembers({ accids: ask }), [{ accid: t.accid('anna'), serverId: open.serverId, type: 0, inviter: t.accid('owner'), joinTime: (v) => v > 1.5e12 }]);
    t.equal(await outsider.sdk.qchatServer.getServerMembers({ accids: ask }), []);
  });

  await t.step('getServerMembersByPage pages, the owner is marked', ['qchatServer.getServerMembersByPage'], async () => {
    const p1 = await anna.sdk.qchatServer.getServerMembersByPage({ serverId: open.serverId, timetag: 0, limit: 2 });
    t.match(p1, { listQueryTag: { hasMore: true }, datas: [{}, {}] });
    const p2 = await anna.sdk.qchatServer.getServerMembersByPage({ serverId: open.serverId, timetag: p1.listQueryTag.nextTimetag, limit: 2 });
    t.match(p2, { listQueryTag: { hasMore: false }, datas: [{ accid: t.accid('owner'), type: 1 }] });
    t.equal([...p1.datas, ...p2.datas].map((m) => m.accid).sort(), ['anna', 'carla', 'owner'].map((r) => t.accid(r)).sort());
    await t.rejects(outsider.sdk.qchatServer.getServerMembersByPage({ serverId: open.serverId, timetag: 0 }), { code: 403 });
  });

  await t.step('leaveServer: the others hear of it, the one who left gets 32', ['qchatServer.leaveServer', 'notification:serverMemberLeave', 'notification:serverEnterLeave'], async () => {
    const since = carla.mark();
    await carla.sdk.qchatServer.leaveServer({ serverId: open.serverId });
    t.match(await carla.notification('serverEnterLeave', about(open, { since })), { attach: { event: 2 } });
    t.match(await anna.notification('serverMemberLeave', about(open)), { fromAccount: t.accid('carla') });
    await t.rejects(carla.sdk.qchatServer.leaveServer({ serverId: open.serverId }), { code: (c) => c === 403 || c === 404 });
  });

  await t.step('the owner cannot leave', ['qchatServer.leaveServer'], async () => {
    await t.rejects(owner.sdk.qchatServer.leaveServer({ serverId: open.serverId }), { code: 403 });
  });

  await t.step('an invite to somebody who is away waits for the next login', ['notification:serverMemberInvite', 'event:systemNotification'], async () => {
    await owner.sdk.qchatServer.inviteServerMembers({ serverId: closed.serverId, accids: [t.accid('away')], ps: 'later' });
    // Until it is stored for them: who comes before that is told like those who are there.
    await t.sleep(500);
    const away = await t.client('away');
    const [event] = await away.event('systemNotification');
    t.match(event, { feature: 'sync', systemNotifications: [{ type: 'serverMemberInvite', serverId: closed.serverId, attach: { requestId: (v) => v.length > 0 } }] });
  });
}
