// The engine under test, unmodified: `window.NERTC` is loaded before this. Driven from outside, only by its public API.
'use strict';

const EVENTS = [
  'peer-online', 'peer-leave', 'stream-added', 'stream-removed', 'stream-subscribed', 'mute-audio', 'unmute-audio', 'mute-video',
  'unmute-video', 'stopScreenSharing', 'client-banned', 'channel-closed', 'connection-state-change', 'error',
];

window.engine = { seen: [], remotes: new Map() };

/** Joins. With `dual`, what is published later has a low stream as well. */
window.engine.join = async ({ uid, token, channelId, appkey, ready, dual }) => {
  const client = window.engine.client = window.NERTC.createClient({ appkey, debug: false });
  for (const name of EVENTS) {
    client.on(name, (e) => window.engine.seen.push({
      name, uid: e?.uid ?? e?.stream?.getId?.() ?? null, media: e?.mediaType ?? null, state: e?.curState ?? null,
      text: typeof e === 'string' ? e : e?.extraCode ?? null,
    }));
  }
  client.on('stream-added', ({ stream }) => {
    window.engine.remotes.set(stream.getId(), stream);
    void client.subscribe(stream);
  });
  client.on('stream-subscribed', ({ stream }) => stream.play(window.view(stream.getId())).catch(() => undefined));
  if (dual) client.enableDualStream({ video: true, screen: false });
  await client.join({
    channelName: channelId, uid, token,
    neRtcServerAddresses: {
      channelServer: ready.channel_server, statisticsServer: ready.statistics_server,
      statisticsWebSocketServer: ready.statistics_websocket_server, roomServer: ready.room_server,
    },
  });
};

window.engine.publish = async (uid, media = { audio: true, video: true }) => {
  const { client } = window.engine;
  const stream = window.engine.stream = window.NERTC.createStream({ uid, client, ...media });
  await stream.init();
  await client.publish(stream);
};

/** 0 is the high stream, 1 the low one. */
window.engine.layer = (uid, type) => window.engine.client.setRemoteStreamType(window.engine.remotes.get(uid), type, 'video');

/** Every received track that is alive, over all open connections. */
window.engine.received = async () => {
  const tracks = [];
  for (const peer of window.instruments.peers) {
    if (peer.connectionState === 'closed') continue;
    for (const s of (await peer.getStats()).values()) {
      if (s.type === 'inbound-rtp') {
        tracks.push({ kind: s.kind, ssrc: s.ssrc, packets: s.packetsReceived, energy: s.totalAudioEnergy ?? 0, frames: s.framesDecoded ?? 0, width: s.frameWidth ?? 0, freezes: s.freezeCount ?? 0 });
      }
    }
  }
  return tracks;
};
