// Servers: create, read, page, delete.
export const accounts = ['owner', 'guest', 'outsider'];

export default async function (t) {
  const owner = await t.client('owner');
  const guest = await t.client('guest');
  const outsider = await t.client('outsider');
  let server;

  await t.need('a server with nothing but a name gets the defaults', ['qchatServer.createServer'], async () => {
    server = await owner.sdk.qchatServer.createServer({ name: 'plain' });
    t.match(server, { name: 'plain', inviteMode: 0, applyMode: 0, searchEnable: true, memberNumber: (n) => Number(n) === 1, channelNumber: (n) => Number(n) === 0 });
  });

  await t.step('a name over 64 characters is refused', ['qchatServer.createServer'], async () => {
    await t.rejects(owner.sdk.qchatServer.createServer({ name: 'x'.repeat(65) }), { code: 405 });
  });

  await t.step('getServers skips what is not there', ['qchatServer.getServers'], async () => {
    t.equal((await owner.sdk.qchatServer.getServers({ serverIds: ['1', server.serverId, '999999999999999999'] })).map((s) => s.serverId), [server.serverId]);
  });

  await t.step('getServers shows ext to members only', ['qchatServer.getServers'], async () => {
    const own = await owner.sdk.qchatServer.createServer({ name: 'with ext', ext: 'members only' });
    t.match(await owner.sdk.qchatServer.getServers({ serverIds: [own.serverId] }), [{ ext: 'members only' }]);
    const [seen] = await outsider.sdk.qchatServer.getServers({ serverIds: [own.serverId] });
    t.match(seen, { serverId: own.serverId, name: 'with ext' });
    t.ok(!seen.ext, `an outsider reads ext: ${seen.ext}`);
  });

  await t.step('getServersByPage: newest first, own ones only, pages meet', ['qchatServer.getServersByPage'], async () => {
    const made = [];
    for (const name of ['p1', 'p2', 'p3']) {
      await t.sleep(5);
      made.push((await guest.sdk.qchatServer.createServer({ name })).serverId);
    }
    const p1 = await guest.sdk.qchatServer.getServersByPage({ timestamp: 0, limit: 2 });
    t.match(p1, { listQueryTag: { hasMore: true, nextTimetag: (v) => v > 1.5e12 }, datas: [{ serverId: made[2] }, { serverId: made[1] }] });
    const p2 = await guest.sdk.qchatServer.getServersByPage({ timestamp: p1.listQueryTag.nextTimetag, limit: 2 });
    t.match(p2, { listQueryTag: { hasMore: false }, datas: [{ serverId: made[0] }] });
  });

  await t.step('deleteServer is for the owner only', ['qchatServer.deleteServer'], async () => {
    await t.rejects(outsider.sdk.qchatServer.deleteServer({ serverId: server.serverId }), { code: 403 });
    await t.rejects(owner.sdk.qchatServer.deleteServer({ serverId: '999999999999999999' }), { code: 404 });
  });

  await t.step('deleteServer: members are told, it is gone', ['qchatServer.deleteServer', 'notification:serverRemove', 'notification:serverEnterLeave'], async () => {
    await guest.sdk.qchatServer.applyServerJoin({ serverId: server.serverId, ps: '' });
    await guest.notification('serverEnterLeave', { where: (n) => n.serverId === server.serverId && n.attach.event === 1 });
    const since = guest.mark();
    await owner.sdk.qchatServer.deleteServer({ serverId: server.serverId });
    await guest.notification('serverRemove', { since, where: (n) => n.serverId === server.serverId });
    t.match(await guest.notification('serverEnterLeave', { since, where: (n) => n.serverId === server.serverId }), { attach: { event: 2 } });
    t.equal(await owner.sdk.qchatServer.getServers({ serverIds: [server.serverId] }), []);
  });
}
