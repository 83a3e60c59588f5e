// Loaded before anything else: counts what a page holds, without looking into the kit or the engine.
'use strict';
window.instruments = { peers: [], sockets: [], tracks: [], unhandled: [] };

window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...args) {
    super(...args);
    window.instruments.peers.push(this);
  }
};

window.WebSocket = class extends window.WebSocket {
  constructor(...args) {
    super(...args);
    window.instruments.sockets.push(this);
  }
};

for (const name of ['getUserMedia', 'getDisplayMedia']) {
  const real = navigator.mediaDevices[name].bind(navigator.mediaDevices);
  navigator.mediaDevices[name] = async (...args) => {
    if (window.instruments.denyDevices) throw new DOMException('Permission denied', 'NotAllowedError');
    const stream = await real(...args);
    window.instruments.tracks.push(...stream.getTracks());
    return stream;
  };
}

addEventListener('unhandledrejection', (e) => window.instruments.unhandled.push(String(e.reason?.message ?? e.reason)));

/** What is open now. */
window.holding = () => ({
  peers: window.instruments.peers.filter((p) => p.connectionState !== 'closed').length,
  sockets: window.instruments.sockets.filter((s) => s.readyState === WebSocket.OPEN).map((s) => new URL(s.url).pathname.replace(/[^/]*$/, '')).sort(),
  tracks: window.instruments.tracks.filter((t) => t.readyState === 'live').length,
  mediaElements: document.querySelectorAll('audio, video').length,
});

/** Sums over all open connections. Energy in the unit of RTCInboundRtpStreamStats. */
window.media = async () => {
  const sum = { audioEnergy: 0, audioPackets: 0, audioStreams: 0, framesDecoded: 0, videoPackets: 0, audioSent: 0, videoSent: 0, ciphers: [], states: [] };
  for (const peer of window.instruments.peers) {
    if (peer.connectionState === 'closed') continue;
    sum.states.push(peer.connectionState);
    for (const s of (await peer.getStats()).values()) {
      if (s.type === 'inbound-rtp' && s.kind === 'audio') {
        sum.audioEnergy += s.totalAudioEnergy ?? 0;
        sum.audioPackets += s.packetsReceived;
        sum.audioStreams += 1;
      }
      if (s.type === 'inbound-rtp' && s.kind === 'video') {
        sum.framesDecoded += s.framesDecoded;
        sum.videoPackets += s.packetsReceived;
      }
      if (s.type === 'outbound-rtp') sum[s.kind === 'audio' ? 'audioSent' : 'videoSent'] += s.packetsSent;
      if (s.type === 'transport' && s.srtpCipher) sum.ciphers.push(s.srtpCipher);
    }
  }
  return sum;
};

/** Local UDP ports of all open connections. */
window.ports = async () => {
  const ports = new Set();
  for (const peer of window.instruments.peers) {
    if (peer.connectionState === 'closed') continue;
    for (const s of (await peer.getStats()).values()) if (s.type === 'local-candidate' && s.port) ports.add(s.port);
  }
  return [...ports];
};

/** Element in which an account's picture is shown. */
window.view = (accid) => {
  let element = document.getElementById(`view-${accid}`);
  if (!element) {
    element = document.createElement('div');
    element.id = `view-${accid}`;
    element.style.cssText = 'width:320px;height:240px';
    document.getElementById('views').append(element);
  }
  return element;
};
