// Subscriptions and unread counts: every count is zero while nothing can be written.
export const accounts = ['owner', 'outsider'];

export default async function (t) {
  const owner = await t.client('owner');
  const outsider = await t.client('outsider');
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'subscriptions' });
  const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'message', name: 'text' });
  const channels = [{ serverId, channelId }];
  const zero = { serverId, channelId, unreadCount: 0, mentionedCount: 0 };

  await t.step('subscribeServer', ['qchatServer.subscribeServer'], async () => {
    t.match(await owner.sdk.qchatServer.subscribeServer({ type: 4, opeType: 1, servers: [{ serverId }] }), { failedServers: [] });
    await owner.sdk.qchatServer.subscribeServer({ type: 4, opeType: 2, servers: [{ serverId }] });
  });

  await t.step('subscribeServer of a server one is not in fails for that one', ['qchatServer.subscribeServer'], async () => {
    const answer = await outsider.sdk.qchatServer.subscribeServer({ type: 4, opeType: 1, servers: [{ serverId }] });
    t.match(answer, { failedServers: [{ serverId }] });
  });

  for (const type of [1, 2, 3]) {
    await t.step(`subscribeChannel of type ${type} answers a zero unread object`, ['qchatChannel.subscribeChannel'], async () => {
      t.match(await owner.sdk.qchatChannel.subscribeChannel({ type, opeType: 1, channels }), { unreadInfos: [zero], failedChannels: [] });
    });
  }

  await t.step('typing, and unsubscribing', ['qchatChannel.subscribeChannel'], async () => {
    await owner.sdk.qchatChannel.subscribeChannel({ type: 5, opeType: 1, channels });
    await owner.sdk.qchatChannel.subscribeChannel({ type: 1, opeType: 2, channels });
  });

  await t.step('a channel one cannot see fails for that one', ['qchatChannel.subscribeChannel'], async () => {
    t.match(await outsider.sdk.qchatChannel.subscribeChannel({ type: 1, opeType: 1, channels }), { unreadInfos: [], failedChannels: [{ serverId, channelId }] });
  });

  await t.step('getChannelUnreadInfos is zero', ['qchatChannel.getChannelUnreadInfos'], async () => {
    t.match(await owner.sdk.qchatChannel.getChannelUnreadInfos({ channels }), [zero]);
    t.equal(await outsider.sdk.qchatChannel.getChannelUnreadInfos({ channels }), []);
  });

  await t.step('areMentionedMeMessages is decided from the roles that 25_8 gave', ['qchatMsg.areMentionedMeMessages'], async () => {
    const message = { serverId, channelId, msgIdClient: 'm', msgIdServer: '1', fromAccount: 'somebody', time: 1, type: 'text', mentionAll: false };
    t.equal(await owner.sdk.qchatMsg.areMentionedMeMessages({ messages: [message] }), { m: false });
    t.equal(await owner.sdk.qchatMsg.areMentionedMeMessages({ messages: [{ ...message, mentionAccids: [t.accid('owner')] }] }), { m: true });
  });

  await t.step('subscriptions come back after a reconnect', ['qchatChannel.subscribeChannel', 'event:willReconnect'], async () => {
    await owner.sdk.qchatChannel.subscribeChannel({ type: 1, opeType: 1, channels });
    const since = owner.mark();
    owner.cut();
    await owner.event('logined', { since, timeout: 12000 });
    await owner.event('syncdone', { since, timeout: 8000 });
    t.match(await owner.sdk.qchatChannel.getChannelUnreadInfos({ channels }), [zero]);
  });
}
