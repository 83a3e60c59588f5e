// The app under test: the unmodified SDK with the room kit injected, driven from outside.
'use strict';

const EVENTS = [
  'logined', 'disconnect', 'kicked', 'willReconnect', 'systemNotification', 'connectChannel', 'qchatMediaDisconnect',
  'memberJoinRTCChannel', 'memberLeaveRTCChannel', 'RTCChannelError', 'RTCChannelEnded', 'memberAudioMuteChanged',
  'memberVideoMuteChanged', 'memberScreenShareStateChanged', 'onRtcAudioVolumeIndication',
];
const plain = (v) => (v === undefined ? null : JSON.parse(JSON.stringify(v)));

window.makeApp = ({ appkey, link, account, token, roomServer, kitOptions }) => {
  // The SDK makes its kit itself and keeps it; a test that skips the SDK's own checks needs it too.
  const kit = class extends window.RotundaRoomKit {
    // The SDK gives no options.
    constructor(options = kitOptions) {
      super(options);
      window.kit = this;
    }
  };
  // Both spellings of the injection: 0.17.2 reads QChatMedia, 10.8.1 qchatMediaConfig.
  const sdk = new window.QChat(
    { appkey, account, token, linkAddresses: [link], debugLevel: 'off', isAbtestEnable: false },
    {
      QChatMedia: { neroom: kit }, qchatMediaConfig: { neroom: kit },
      cloudStorageConfig: { isNeedToGetUploadPolicyFromServer: false },
      reportConfig: { isDataReportEnable: false }, reporterConfig: { enableCompass: false, isDataReportEnable: false },
      loggerConfig: { storageEnable: false, debugLevel: 'off' },
    },
  );
  for (const name of EVENTS) {
    sdk.on(name, (...args) => window.__event({ name, args: plain(args) }));
    // 10.8.1 emits on both; 0.17.2 has no emitter here.
    sdk.qchatMedia.on?.(name, (...args) => window.__event({ name: `qchatMedia:${name}`, args: plain(args) }));
  }
  window.sdk = sdk;
  window.me = account;
  window.serverConfig = { roomKitServerConfig: { roomServer } };
};

/** Calls `qchatMedia.unMuteAudio` and the like; an error comes back as data, because it must cross to Node. */
window.callSdk = (path, args) => call(window.sdk, path, args);

/** Calls `rtcController.unmuteMyAudio` and the like on the kit's room, past the SDK. */
window.callRoom = (channelId, path, args) => call(window.kit.roomService.getRoomContext(channelId), path, args);

const call = async (root, path, args) => {
  try {
    const names = path.split('.');
    const method = names.pop();
    const owner = names.reduce((o, n) => o[n], root);
    return { value: plain(await owner[method](...args)) };
  } catch (e) {
    return { error: { name: e?.name, code: e?.code ?? null, message: e?.message ?? String(e), data: plain(e?.data ?? e?.detail) } };
  }
};
