// What is not built yet is refused at once, with a code, and harms nothing.
import { isInternal, METHODS } from '../methods.mjs';

export const accounts = ['owner', 'member'];

/** ms in which a refusal must be there; the client itself would give up after 8000. */
const AT_ONCE_MS = 2000;

export default async function (t) {
  const owner = await t.client('owner');
  const { serverId } = await owner.sdk.qchatServer.createServer({ name: 'unbuilt', inviteMode: 1 });
  const { channelId } = await owner.sdk.qchatChannel.createChannel({ serverId, type: 'message', name: 'text' });
  const accid = t.accid('member');
  await owner.sdk.qchatServer.inviteServerMembers({ serverId, accids: [accid], ps: '' });
  const requestId = '1';
  const message = { serverId, channelId, msgIdServer: '1', msgIdClient: 'c', time: 1, fromAccount: accid, type: 'text', body: 'b' };
  const at = { serverId, channelId };
  const now = Date.now();

  const calls = {
    qchatServer: {
      updateServer: { serverId, name: 'x' },
      rejectInviteServer: { serverId, accid, ps: '', recordInfo: { requestId } },
      rejectServerApply: { serverId, accid, ps: '', recordInfo: { requestId } },
      serverSearchByPage: { keyword: 'u', searchType: 'square' },
      serverMemberSearchByPage: { serverId, keyword: 'u' },
      generateInviteCode: { serverId },
      joinByInviteCode: { serverId, inviteCode: 'x' },
      getInviteApplyRecordOfServer: { serverId, fromTime: 0, toTime: now },
      getInviteApplyRecordOfSelf: { fromTime: 0, toTime: now },
      markRead: { serverIds: [serverId] },
      subscribeAllChannel: { type: 1, serverIds: [serverId] },
      subscribeAsVisitor: { opeType: 1, serverIds: [serverId] },
      enterAsVisitor: { serverIds: [serverId] },
      leaveAsVisitor: { serverIds: [serverId] },
    },
    qchatChannel: {
      subscribeAsVisitor: { opeType: 1, channels: [at] },
      getChannelSearchByPage: { keyword: 'u', serverId },
      channelMemberSearch: { ...at, keyword: 'u' },
    },
    qchatRole: {
    },
    qchatMsg: {
      sendMessage: { ...at, type: 'text', body: 'hello' },
      replyMessage: { ...at, type: 'text', body: 're', replyMessage: message },
      resendMessage: { ...message, resend: true },
      updateMessage: { message: { ...message, body: 'x' }, ps: '' },
      revokeMessage: { message, ps: '' },
      deleteMessage: { message, ps: '' },
      getHistoryMessage: { ...at },
      getMessageHistoryByIds: { ...at, messageReferList: [{ msgIdServer: '1', time: 1 }] },
      getReferMessages: { message: { ...message, replyRefer: message, threadRefer: message }, referType: 'all' },
      getThreadMessages: { message, messageQueryOption: { limit: 10 } },
      getThreadRootMessagesMeta: { ...at, threadRootMessages: [{ msgIdServer: '1', time: 1 }] },
      getMentionedMeMessages: { ...at },
      addQuickComment: { type: 1, commentMessage: message },
      removeQuickComment: { type: 1, commentMessage: message },
      getQuickComments: { ...at, msgList: [{ msgIdServer: '1', time: 1 }] },
      getLastMessageOfChannels: { serverId, channelIdList: [channelId] },
      searchMsgByPage: { serverId, channelId, keyword: 'u', msgTypes: ['text'] },
      sendSystemNotification: { ...at, attach: { a: 1 } },
      updateSystemNotification: { systemNotification: { msgIdServer: '1', type: 'custom', status: 10001 } },
      markSystemNotificationsRead: { systemNotifications: [{ msgIdServer: '1', type: 'custom' }] },
    },
    cloudStorage: {
      getOriginUrl: 'https://files.example/short?_im_url=1',
      uploadFile: { type: 'file', file: new File(['abc'], 'a.txt', { type: 'text/plain' }) },
    },
  };

  await t.step('the list of methods is complete', async () => {
    for (const [service, methods] of Object.entries(METHODS)) {
      if (!service) continue;
      const real = new Set();
      for (let o = owner.sdk[service]; o && o !== Object.prototype; o = Object.getPrototypeOf(o)) {
        for (const name of Object.getOwnPropertyNames(o)) if (typeof owner.sdk[service][name] === 'function' && !isInternal(name)) real.add(name);
      }
      t.equal([...real].sort(), Object.keys(methods).sort(), service);
    }
  });

  for (const [service, methods] of Object.entries(calls)) {
    for (const [name, options] of Object.entries(methods)) {
      await t.step(`${service}.${name} is refused at once`, [`${service}.${name}`], async () => {
        const since = Date.now();
        const error = await t.rejects(owner.sdk[service][name](options));
        const took = Date.now() - since;
        t.ok(took < AT_ONCE_MS, `the refusal took ${took} ms`);
        t.ok(Number.isInteger(error?.code) && error.code !== 408 && error.code !== 415, `no vendor code: ${error?.code} ${error?.message}`);
        t.ok(error.name !== 'validateError' && !(error.code === 414 && error.detail?.cmd === undefined && error.name !== 'cmdError'), `refused by the client itself: ${error.message}`);
        // 0.17.2 puts an error of its own around the server's when an upload gets no token.
        return { refused: error.name === 'uploadError' ? 404 : error.code };
      });
    }
  }

  // Both methods return at once and drop the answer, so the command itself is sent to see it.
  for (const [method, command] of [['markMessageRead', 'qchatMarkMessageRead'], ['sendTypingEvent', 'qchatSendCustomSysMsg']]) {
    await t.step(`qchatMsg.${method} is refused at once`, [`qchatMsg.${method}`], async () => {
      const since = Date.now();
      const error = await t.rejects(owner.sdk.sendCmd(command, {}));
      t.ok(Date.now() - since < AT_ONCE_MS && Number.isInteger(error.code) && error.code !== 408, `${error.code} ${error.message}`);
      return { refused: error.code };
    });
  }

  await t.step('cloudStorage.getFileToken: the client itself refuses while the server offers no token store (6_27)', ['cloudStorage.getFileToken'], async () => {
    await t.rejects(owner.sdk.cloudStorage.getFileToken({ type: 3, urls: ['https://files.example/a'] }));
    return { refused: 'client' };
  });

  await t.step('the link is unharmed afterwards', async () => {
    t.match(await owner.sdk.qchatServer.getServers({ serverIds: [serverId] }), [{ name: 'unbuilt' }]);
    t.ok(!owner.events.some((e) => e.name === 'disconnect'), 'the link was lost');
  });
}
