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

/** What arrived of sound and pictures, over all open connections; counts only rise. */
window.reception = async () => {
  const sum = { received: 0, lost: 0, concealed: 0, samples: 0, frames: 0, freezes: 0, latest: 0 };
  for (const peer of window.instruments.peers) {
    if (peer.connectionState === 'closed') continue;
    for (const s of (await peer.getStats()).values()) {
      if (s.type !== 'inbound-rtp') continue;
      if (s.kind === 'video') {
        sum.frames += s.framesDecoded ?? 0;
        sum.freezes += s.freezeCount ?? 0;
        continue;
      }
      sum.received += s.packetsReceived;
      sum.lost += s.packetsLost;
      // What stands in for a silence that the sender chose is not concealed loss.
      sum.concealed += (s.concealedSamples ?? 0) - (s.silentConcealedSamples ?? 0);
      sum.samples += s.totalSamplesReceived ?? 0;
      sum.latest = Math.max(sum.latest, s.lastPacketReceivedTimestamp ?? 0);
    }
  }
  return sum;
};

/** Longest time without a packet of sound within the next `ms`, to about 30 ms. */
window.longestGap = async (ms) => {
  let { latest } = await window.reception();
  let longest = 0;
  for (const until = performance.now() + ms; performance.now() < until; await new Promise((r) => setTimeout(r, 20))) {
    const now = (await window.reception()).latest;
    if (now > latest) longest = Math.max(longest, now - latest);
    latest = now;
  }
  return Math.round(Math.max(longest, performance.timeOrigin + performance.now() - latest));
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
