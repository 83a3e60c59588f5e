// Every method of qchatMedia that goes through the room kit, in a page with two accounts. What is heard and seen is
// measured in tests/calls; here: does each method work, and does the other side hear of it.
export const accounts = ['host', 'guest'];
export const engines = ['chromium'];

export default async function (t) {
  await new Promise((resolve, reject) => {
    const script = document.createElement('script');
    Object.assign(script, { src: t.env.roomkit, onload: resolve, onerror: () => reject(new Error('the room kit did not load')) });
    document.head.append(script);
  });
  const signalling = watchSignalling();
  const neroom = globalThis.RotundaRoomKit;
  const other = { QChatMedia: { neroom }, qchatMediaConfig: { neroom } };
  const host = await t.client('host', { other });
  const guest = await t.client('guest', { other });
  const { serverId } = await host.sdk.qchatServer.createServer({ name: 'media kit', inviteMode: 1 });
  await host.sdk.qchatServer.inviteServerMembers({ serverId, accids: [t.accid('guest')], ps: '' });
  const { channelId } = await host.sdk.qchatChannel.createChannel({ serverId, type: 'media', name: 'voice' });
  const serverConfig = { roomKitServerConfig: { roomServer: t.env.origin } };
  const me = (c) => ({ accid: c.account });
  const media = (c) => c.sdk.qchatMedia;
  const of = (c, more = {}) => (e) => e.memberAccId === c.account && Object.entries(more).every(([k, v]) => e[k] === v);
  const view = () => document.body.appendChild(document.createElement('div'));

  await t.need('initQChatMedia, loginByIM, connectChannel', ['qchatMedia.initQChatMedia', 'qchatMedia.loginByIM', 'qchatMedia.connectChannel', 'event:connectChannel'], async () => {
    for (const c of [host, guest]) {
      await media(c).initQChatMedia({ serverConfig });
      await media(c).loginByIM();
      await media(c).connectChannel({ serverId, channelId });
      await c.event('connectChannel');
    }
  });

  await t.need('addRTCChannelListener: the members already there are reported', ['qchatMedia.addRTCChannelListener', 'qchatMedia.getRTCMembers', 'event:memberJoinRTCChannel'], async () => {
    media(host).addRTCChannelListener();
    media(guest).addRTCChannelListener();
    await guest.event('memberJoinRTCChannel', { where: (l) => l.includes(host.account) });
    t.match(media(guest).getRTCMembers(), [{ accid: host.account, isAudioOn: false, isVideoOn: false, isSharingScreen: false, properties: (p) => typeof p === 'object' }]);
  });

  await t.step('getRTCChannelOnlineMembers lists both', ['qchatMedia.getRTCChannelOnlineMembers'], async () => {
    const l = await media(host).getRTCChannelOnlineMembers({ serverId, channelId });
    t.equal(l.map((m) => m.accid).sort(), [host.account, guest.account].sort());
  });

  await t.step('unMuteAudio and muteAudio of oneself', ['qchatMedia.unMuteAudio', 'qchatMedia.muteAudio', 'event:memberAudioMuteChanged', 'event:onRtcAudioVolumeIndication'], async () => {
    await media(guest).unMuteAudio(me(guest));
    t.equal((await host.event('memberAudioMuteChanged', { where: of(guest) }))[0], { memberAccId: guest.account, mute: false, operateByAccId: guest.account });
    await host.event('onRtcAudioVolumeIndication', { where: (l) => l.some((v) => v.userUuid === guest.account && v.volume > 0), timeout: 10000 });
    const since = host.mark();
    await media(guest).muteAudio(me(guest));
    t.equal((await host.event('memberAudioMuteChanged', { since, where: of(guest) }))[0], { memberAccId: guest.account, mute: true, operateByAccId: guest.account });
  });

  await t.step('unMuteVideo, the picture in a view, muteVideo', ['qchatMedia.unMuteVideo', 'qchatMedia.muteVideo', 'qchatMedia.setupVideoCanvas', 'qchatMedia.subscribeRemoteVideoStream', 'qchatMedia.unSubscribeRemoteVideoStream', 'event:memberVideoMuteChanged'], async () => {
    const at = view();
    t.equal(media(host).setupVideoCanvas({ accid: guest.account, videoView: at }), 0);
    await media(host).subscribeRemoteVideoStream({ accid: guest.account, streamType: 0 });
    await media(guest).unMuteVideo(me(guest));
    await host.event('memberVideoMuteChanged', { where: of(guest, { mute: false }) });
    for (let tries = 0; tries < 80 && !(at.querySelector('video')?.videoWidth > 0); tries++) await t.sleep(100);
    t.ok(at.querySelector('video')?.videoWidth > 0, 'no picture in the view');
    await media(host).unSubscribeRemoteVideoStream({ accid: guest.account, streamType: 0 });
    await media(guest).muteVideo(me(guest));
    await host.event('memberVideoMuteChanged', { where: of(guest, { mute: true }) });
  });

  await t.step('devices are listed and chosen', ['qchatMedia.enumCameraDevices', 'qchatMedia.enumRecordDevices', 'qchatMedia.enumPlayoutDevices', 'qchatMedia.setSelectedCameraDevice', 'qchatMedia.setSelectedRecordDevice', 'qchatMedia.setSelectedPlayoutDevice'], async () => {
    const shape = (d) => typeof d.deviceId === 'string' && typeof d.deviceName === 'string';
    const [cameras, mics, speakers] = await Promise.all([media(host).enumCameraDevices(), media(host).enumRecordDevices(), media(host).enumPlayoutDevices()]);
    t.ok(cameras.length > 0 && cameras.every(shape) && mics.length > 0 && mics.every(shape) && speakers.every(shape), 'device lists');
    t.match(await media(host).setSelectedCameraDevice({ deviceId: cameras[0].deviceId }), { type: 'camera', deviceId: cameras[0].deviceId });
    t.match(await media(host).setSelectedRecordDevice({ deviceId: mics[0].deviceId }), { type: 'microphone', deviceId: mics[0].deviceId });
    if (speakers.length) t.match(await media(host).setSelectedPlayoutDevice({ deviceId: speakers[0].deviceId }), { type: 'speaker', deviceId: speakers[0].deviceId });
  });

  await t.step('mute-all closes the microphones; unmute-all lifts it', ['qchatMedia.muteAllAudio', 'qchatMedia.unMuteAllAudio'], async () => {
    await media(guest).unMuteAudio(me(guest));
    const since = host.mark();
    await media(host).muteAllAudio();
    await host.event('memberAudioMuteChanged', { since, where: of(guest, { mute: true }) });
    await media(guest).unMuteAudio(me(guest));
    await t.sleep(300);
    t.ok(media(host).getRTCMembers()[0].isAudioOn === false, 'the guest opened the microphone under mute-all');
    const lifted = host.mark();
    await media(host).unMuteAllAudio();
    await t.sleep(300);
    await media(guest).unMuteAudio(me(guest));
    await host.event('memberAudioMuteChanged', { since: lifted, where: of(guest, { mute: false }) });
  });

  await t.step('mute-all of cameras, and lifted', ['qchatMedia.muteAllVideo', 'qchatMedia.unMuteAllVideo'], async () => {
    await media(guest).unMuteVideo(me(guest));
    const since = host.mark();
    await media(host).muteAllVideo();
    await host.event('memberVideoMuteChanged', { since, where: of(guest, { mute: true }) });
    await media(host).unMuteAllVideo();
  });

  await t.step('screen share: nobody shares', ['qchatMedia.getScreenSharingUserUuid'], async () => {
    t.equal(media(host).getScreenSharingUserUuid(), '');
  });

  await t.step('screen views and subscriptions are taken', ['qchatMedia.setupRemoteVideoSubStreamCanvas', 'qchatMedia.subscribeRemoteVideoSubStream', 'qchatMedia.unsubscribeRemoteVideoSubStream'], async () => {
    t.equal(media(host).setupRemoteVideoSubStreamCanvas({ accid: guest.account, videoView: view() }), 0);
    await media(host).subscribeRemoteVideoSubStream({ accid: guest.account });
    await media(host).unsubscribeRemoteVideoSubStream({ accid: guest.account });
  });

  await t.step('share the screen, stop, stop another\'s', ['qchatMedia.startScreenShare', 'qchatMedia.stopScreenShare', 'qchatMedia.stopMemberScreenShare', 'event:memberScreenShareStateChanged'], async () => {
    const share = async () => {
      const since = host.mark();
      await media(guest).startScreenShare();
      await host.event('memberScreenShareStateChanged', { since, where: of(guest, { isSharing: true }) });
      t.equal(media(host).getScreenSharingUserUuid(), guest.account);
      return host.mark();
    };
    let since = await share();
    await media(guest).stopScreenShare();
    await host.event('memberScreenShareStateChanged', { since, where: of(guest, { isSharing: false }) });
    since = await share();
    await media(host).stopMemberScreenShare(me(guest));
    await host.event('memberScreenShareStateChanged', { since, where: of(guest, { isSharing: false, operateByAccId: host.account }) });
  });

  await t.step('a moderator closes and opens another\'s microphone and camera', ['qchatMedia.muteAudio', 'qchatMedia.unMuteAudio', 'qchatMedia.muteVideo', 'qchatMedia.unMuteVideo'], async () => {
    const since = guest.mark();
    await media(host).muteAudio(me(guest));
    await guest.event('memberAudioMuteChanged', { since, where: of(guest, { mute: true, operateByAccId: host.account }) });
    await media(host).unMuteAudio(me(guest));
    await guest.event('memberAudioMuteChanged', { since, where: of(guest, { mute: false, operateByAccId: host.account }) });
    await media(host).unMuteVideo(me(guest));
    await guest.event('memberVideoMuteChanged', { since, where: of(guest, { mute: false, operateByAccId: host.account }) });
    await media(host).muteVideo(me(guest));
    await guest.event('memberVideoMuteChanged', { since, where: of(guest, { mute: true, operateByAccId: host.account }) });
  });

  await t.step('removeRTCChannelListener: no further events', ['qchatMedia.removeRTCChannelListener'], async () => {
    media(host).removeRTCChannelListener();
    const since = host.mark();
    await media(guest).unMuteAudio(me(guest));
    await host.quiet('memberAudioMuteChanged', { since });
    media(host).addRTCChannelListener();
  });

  await t.step('kickMemberOut', ['qchatMedia.kickMemberOut', 'event:RTCChannelEnded', 'event:memberLeaveRTCChannel'], async () => {
    await media(host).kickMemberOut(me(guest));
    t.equal(await guest.event('RTCChannelEnded'), ['KICK_OUT']);
    await host.event('memberLeaveRTCChannel', { where: (l) => l.includes(guest.account) });
  });

  await t.step('disconnectChannel', ['qchatMedia.disconnectChannel', 'event:qchatMediaDisconnect', 'event:RTCChannelEnded'], async () => {
    await media(host).disconnectChannel();
    t.equal(await host.event('RTCChannelEnded'), ['LEAVE_BY_SELF']);
    await host.event('qchatMediaDisconnect');
  });

  await t.step('a session that the server does not take back', ['event:RTCChannelError'], async () => {
    await media(host).connectChannel({ serverId, channelId });
    media(host).addRTCChannelListener();
    const since = host.mark();
    signalling.spoil = true;
    for (const socket of signalling.sockets) socket.close();
    t.equal(await host.event('RTCChannelError', { since, timeout: 20_000 }), ['RELOGIN_ERROR']);
  });
}

/** The page's signalling sockets; once spoiled, every token that goes over one is another. */
function watchSignalling() {
  const watched = { sockets: new Set(), spoil: false };
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    if (!this.url.includes('/rtc/signal')) return send.call(this, data);
    watched.sockets.add(this);
    return send.call(this, watched.spoil ? data.replace(/"token":"[^"]*"/, '"token":"of nobody"') : data);
  };
  return watched;
}
