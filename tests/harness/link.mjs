// A raw client of the link wire, for what the SDK would never send.
import { WebSocket } from 'ws';

// The server's certificate is one it made itself a moment ago; fetch has no option for that.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
const TLS = { rejectUnauthorized: false };

/** Opens a socket after the handshake; resolves once `1::` arrived. */
export async function openLink(origin) {
  const { sid } = await handshake(origin);
  const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}/socket.io/1/websocket/${sid}`, TLS);
  const link = new Link(socket);
  await link.frame((f) => f === '1::');
  return link;
}

export async function handshake(origin) {
  const response = await fetch(`${origin}/socket.io/1/?t=${Date.now()}`, { headers: { 'content-type': 'text/plain; charset=UTF-8', origin: 'https://app.example' } });
  const text = await response.text();
  return { response, text, sid: text.split(':')[0] };
}

export class Link {
  #frames = [];
  #waiting = new Set();
  #ser = 0;
  closed;

  constructor(socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', (code) => {
      for (const w of [...this.#waiting]) w.end(new Error(`closed with ${code}`));
      resolve(code);
    }));
    socket.on('error', () => {});
    socket.on('message', (data, binary) => {
      const text = binary ? data : data.toString('utf8');
      if (text === '2::') socket.send('2::');
      this.#frames.push(text);
      for (const w of [...this.#waiting]) w.look(text);
    });
  }

  /** The first frame, past or coming, that fits. */
  frame(fits, ms = 5000) {
    const old = this.#frames.find(fits);
    if (old) return Promise.resolve(old);
    return new Promise((resolve, reject) => {
      const end = (error, value) => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        if (error) reject(error);
        else resolve(value);
      };
      const waiter = { look: (f) => fits(f) && end(null, f), end };
      const timer = setTimeout(() => end(new Error(`no such frame within ${ms} ms`)), ms);
      this.#waiting.add(waiter);
    });
  }

  /** How many frames that fit have come so far. */
  count(fits) {
    return this.#frames.filter((frame) => typeof frame === 'string' && fits(frame)).length;
  }

  send(text) {
    this.socket.send(text);
  }

  /** One command; resolves the answer packet. */
  async command(sid, cid, q, ser = ++this.#ser) {
    this.send(`3:::${JSON.stringify({ SER: ser, SID: sid, CID: cid, Q: q })}`);
    return this.answer(ser);
  }

  async answer(ser) {
    const packet = (f) => typeof f === 'string' && f.startsWith('3:::') ? JSON.parse(f.slice(4)) : null;
    return packet(await this.frame((f) => packet(f)?.ser === ser));
  }

  login(appkey, { accid, token }, deviceId = crypto.randomUUID(), more = {}) {
    return this.command(24, 2, [{ t: 'Property', v: {
      1: appkey, 2: accid, 4: token, 6: 16, 7: crypto.randomUUID(), 8: deviceId, 9: 100801, 10: 0, 11: 'Native/10.8.1', 14: '10.8.1', 30: 'Linux', 36: 'Chrome', ...more,
    } }]);
  }

  close() {
    this.socket.close();
    return this.closed;
  }
}
