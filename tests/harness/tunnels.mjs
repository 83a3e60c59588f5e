// A proxy on loopback through which one page reaches the server, and which breaks its connections: cut, stalled as by a
// dead link, refused. A page's sockets are told apart by the host name they ask for.
import http from 'node:http';
import net from 'node:net';

/** Names of the server's listener. Media over TCP asks for the relay's address, where nobody listens. */
const HOSTS = ['localhost', '127.0.0.1'];

/** What happens to a host's connections: passed on; new ones refused; or nothing is passed on and nothing closes. */
const STATES = ['open', 'refused', 'stalled'];

class Tunnels {
  #tunnels = new Set();
  #states = new Map();
  #server;

  constructor(server) {
    this.#server = server;
    server.on('connect', (request, client, head) => this.#connect(request.url, client, head));
    this.proxy = `http://127.0.0.1:${server.address().port}`;
  }

  #state(host) {
    return this.#states.get(host) ?? 'open';
  }

  #connect(target, client, head) {
    const at = target.lastIndexOf(':');
    const tunnel = { host: target.slice(0, at), port: Number(target.slice(at + 1)), client, server: null, over: false };
    client.on('error', () => {});
    this.#tunnels.add(tunnel);
    if (!HOSTS.includes(tunnel.host) || this.#state(tunnel.host) === 'refused') return this.#end(tunnel);
    // Either end may hang up; the other one learns of it only while the tunnel passes anything on.
    client.on('close', () => this.#gone(tunnel));
    tunnel.begin = () => {
      tunnel.begin = null;
      tunnel.server = net.connect(tunnel.port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        if (head.length) tunnel.server.write(head);
        tunnel.server.pipe(client, { end: false });
        client.pipe(tunnel.server, { end: false });
        if (this.#state(tunnel.host) === 'stalled') this.#hold(tunnel);
      });
      tunnel.server.on('error', () => {});
      for (const socket of [client, tunnel.server]) socket.on('end', () => this.#gone(tunnel));
      tunnel.server.on('close', () => this.#gone(tunnel));
    };
    if (this.#state(tunnel.host) === 'open') tunnel.begin();
  }

  #hold({ client, server }) {
    server?.unpipe(client);
    client.unpipe(server ?? undefined);
    server?.pause();
    client.pause();
  }

  #gone(tunnel) {
    tunnel.over = true;
    if (this.#state(tunnel.host) !== 'stalled') this.#end(tunnel);
  }

  #end(tunnel) {
    this.#tunnels.delete(tunnel);
    tunnel.client.destroy();
    tunnel.server?.destroy();
  }

  #of(host) {
    return [...this.#tunnels].filter((tunnel) => tunnel.host === host);
  }

  #set(host, state) {
    if (!STATES.includes(state)) throw new Error(`no such state: ${state}`);
    this.#states.set(host, state);
  }

  /** Closes what is open; new connections are welcome. Gives how many there were. */
  cut(host) {
    const open = this.#of(host);
    open.forEach((tunnel) => this.#end(tunnel));
    return open.length;
  }

  /** Closes what is open and lets nobody in until `restore`. */
  refuse(host) {
    this.#set(host, 'refused');
    return this.cut(host);
  }

  /** Passes nothing on and closes nothing, as a link that died, until `restore`. */
  stall(host) {
    this.#set(host, 'stalled');
    const open = this.#of(host);
    open.forEach((tunnel) => this.#hold(tunnel));
    return open.length;
  }

  /** All is well again; what waited is passed on. */
  restore(host) {
    this.#set(host, 'open');
    for (const tunnel of this.#of(host)) {
      if (tunnel.over) this.#end(tunnel);
      else if (tunnel.begin) tunnel.begin();
      else {
        tunnel.server.pipe(tunnel.client, { end: false });
        tunnel.client.pipe(tunnel.server, { end: false });
      }
    }
  }

  close() {
    for (const tunnel of this.#tunnels) this.#end(tunnel);
    this.#server.close();
  }
}

/** `proxy` is what a browser context needs. Targets are ports of 127.0.0.1, under both its names. */
export async function openTunnels() {
  const server = http.createServer((_, response) => response.writeHead(405).end());
  await new Promise((ok, no) => server.once('error', no).listen(0, '127.0.0.1', ok));
  return new Tunnels(server);
}
