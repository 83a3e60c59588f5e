// What the first user of a new installation does, with the unmodified SDK: login, a server, a voice channel, a seat.
export default async function (t) {
  let me, serverId, channelId, token;

  await t.need('login', async () => { me = await t.client('me'); });

  await t.need('a server with a voice channel', async () => {
    ({ serverId } = await me.sdk.qchatServer.createServer({ name: 'first' }));
    ({ channelId } = await me.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'voice' }));
  });

  await t.need('a token for the room service', async () => {
    const answer = await me.sdk.sendCmd('qchatGetNeroomToken', { qchatGetNeroomTokenTag: { neroomDeviceId: 'first-device' } });
    ({ token } = answer.content.neroomToken);
    t.ok(token, 'no token');
  });

  await t.step('a seat in the channel', async () => {
    const headers = { user: me.account, token, AppKey: t.env.appkey, deviceId: 'first-device', 'content-type': 'application/json' };
    const entry = { userName: me.account, role: 'qchatAudience', properties: {} };
    // Unlike the SDK under Node, this looks at the certificate.
    const { status, body } = await t.http('POST', `/scene/apps/${t.env.appkey}/v2/rooms/${channelId}/entry`, entry, headers);
    t.match({ status, code: body.code }, { status: 200, code: 0 });
    t.ok(body.data.member.rtcToken, 'no token for media');
  });
}
