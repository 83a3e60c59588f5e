// Starts a Rotunda of its own: private data directory, private database, free port; ends what it started, by pid.
//
//   ROTUNDA_BIN      the binary (default: target/release/rotunda, else target/debug/rotunda)
//   DATABASE_URL     a Postgres in which databases may be created and dropped
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** ms until the ready-file must be there: migrations on a busy two-core machine take a few seconds. */
const READY_WITHIN_MS = 60_000;
/** ms a server gets to end after SIGTERM before it is a failure. */
const STOP_WITHIN_MS = 20_000;

export function rotundaBinary() {
  if (process.env.ROTUNDA_BIN) return path.resolve(process.env.ROTUNDA_BIN);
  for (const profile of ['release', 'debug']) {
    const file = path.join(root, 'target', profile, 'rotunda');
    if (fs.existsSync(file)) return file;
  }
  throw new Error('no server binary: build it (cargo build --release) or set ROTUNDA_BIN');
}

/** A database of one server's own. */
async function createDatabase() {
  const admin = process.env.DATABASE_URL;
  if (!admin) throw new Error('set DATABASE_URL to a Postgres in which the tests may create databases');
  const name = `rotunda_e2e_${process.pid}_${randomBytes(4).toString('hex')}`;
  const psql = (sql) => run('psql', [admin, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', sql]);
  await psql(`CREATE DATABASE ${name}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => psql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** A port that is free for TCP and UDP now. */
async function freePort() {
  for (;;) {
    const tcp = net.createServer();
    await new Promise((ok, no) => tcp.once('error', no).listen(0, '127.0.0.1', ok));
    const { port } = tcp.address();
    const udp = dgram.createSocket('udp4');
    const free = await new Promise((ok) => udp.once('error', () => ok(false)).bind(port, '127.0.0.1', () => ok(true)));
    udp.close();
    await new Promise((ok) => tcp.close(ok));
    if (free) return port;
  }
}

class Server {
  #database;
  #child = null;
  #ended = null;
  #env;

  constructor(database, dir, port, env) {
    this.#database = database;
    this.dir = dir;
    this.port = port;
    this.#env = {
      ...process.env, RUST_BACKTRACE: '1', ROTUNDA_DATA: path.join(dir, 'data'), ROTUNDA_DEMO: 'true',
      ROTUNDA_SERVER__PORT: String(port), ROTUNDA_DATABASE__URL: database.url, ROTUNDA_DATABASE__CONNECTIONS_MAX: '6',
      ROTUNDA_ADMIN__LISTEN: '127.0.0.1:0',
      // One session of a test asks what hundreds of people would, as fast as it is answered.
      ROTUNDA_LIMITS__COMMANDS_PER_SECOND: '0',
      DATABASE_URL: database.url, ...env,
    };
    this.logFile = path.join(dir, 'server.log');
  }

  /** Starts, or starts again on the same port, database and data. */
  async start() {
    const readyFile = path.join(this.dir, 'ready.json');
    fs.rmSync(readyFile, { force: true });
    const log = fs.openSync(this.logFile, 'a');
    const child = spawn(rotundaBinary(), ['serve', '--ready-file', readyFile], { env: this.#env, stdio: ['ignore', log, log] });
    fs.closeSync(log);
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    let ended = null;
    void this.#ended.then((how) => { ended = how; });
    for (const until = Date.now() + READY_WITHIN_MS; Date.now() < until; await sleep(50)) {
      if (ended) break;
      if (!fs.existsSync(readyFile)) continue;
      this.ready = JSON.parse(fs.readFileSync(readyFile, 'utf8'));
      Object.assign(this, { link: this.ready.link, origin: this.ready.origin, pid: child.pid });
      return this;
    }
    child.kill('SIGKILL');
    throw new Error(`the server did not become ready (${JSON.stringify(ended)}):\n${this.log().slice(-3000)}`);
  }

  log() {
    return fs.existsSync(this.logFile) ? fs.readFileSync(this.logFile, 'utf8') : '';
  }

  async #end(signal) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const late = sleep(STOP_WITHIN_MS, 'late', { ref: false });
    if ((await Promise.race([this.#ended, late])) === 'late') {
      child.kill('SIGKILL');
      throw new Error(`the server did not end within ${STOP_WITHIN_MS} ms after ${signal}`);
    }
  }

  /** What another process needs to use this server: see `sharedServer`. */
  describe() {
    return { ready: this.ready, env: Object.fromEntries(Object.entries(this.#env).filter(([k]) => /^ROTUNDA_|^DATABASE_URL$/.test(k))) };
  }

  /** SIGTERM, as an operator would. */
  shutdown = () => this.#end('SIGTERM');
  /** SIGKILL: what a power cut leaves. */
  crash = () => this.#end('SIGKILL');

  async restart({ crash = false } = {}) {
    await (crash ? this.crash() : this.shutdown());
    return this.start();
  }

  /** One call of the command line against this server's database. */
  async cli(...args) {
    const { stdout } = await run(rotundaBinary(), [...args, '--json'], { env: this.#env });
    return stdout.trim() ? JSON.parse(stdout) : null;
  }

  /** An app and one account per role. Tokens are chosen here, so no output format is relied upon. */
  async app(name = 'e2e') {
    const key = randomBytes(16).toString('hex');
    const secret = randomBytes(8).toString('hex');
    await this.cli('app', 'create', '--name', name, '--key', key, '--secret', secret);
    return new App(this, key, secret);
  }

  async stop() {
    try {
      await this.#end('SIGTERM');
    } finally {
      await this.#database.drop();
      if (!process.env.KEEP_LOGS) fs.rmSync(this.dir, { recursive: true, force: true });
      else console.log(`# server log: ${this.logFile}`);
    }
  }
}

class App {
  constructor(server, key, secret) {
    Object.assign(this, { server, key, secret });
  }

  async account(accid, { name = accid, disabled = false } = {}) {
    const token = randomBytes(12).toString('hex');
    await this.server.cli('account', 'create', '--app', this.key, accid, '--name', name, '--token', token);
    if (disabled) await this.disable(accid);
    return { accid, token };
  }

  /** `{role: {accid, token}}`; a role may be `{role, disabled}`. Accids carry `prefix`, so scenarios never meet. */
  async accounts(prefix, roles) {
    const named = (declared) => (typeof declared === 'string' ? declared : declared.role);
    // In the order they were asked for, whichever process ends first.
    const made = Object.fromEntries(roles.map((declared) => [named(declared), null]));
    // One process each; a few at a time keeps two cores for the server.
    for (let i = 0; i < roles.length; i += 4) {
      await Promise.all(roles.slice(i, i + 4).map(async (declared) => {
        const { role, ...options } = typeof declared === 'string' ? { role: declared } : declared;
        made[role] = await this.account(`${prefix}-${role}`, options);
      }));
    }
    return made;
  }

  disable = (accid) => this.server.cli('account', 'disable', '--app', this.key, accid);
  enable = (accid) => this.server.cli('account', 'enable', '--app', this.key, accid);
}

/** `env` adds or overrides configuration, e.g. `{ROTUNDA_COMPAT__OPEN_QUERIES: 'true'}`. */
export async function startServer({ env = {} } = {}) {
  const database = await createDatabase();
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rotunda-e2e-'));
  const server = new Server(database, dir, await freePort(), env);
  try {
    return await server.start();
  } catch (error) {
    await database.drop();
    throw error;
  }
}

const cliOnly = (ready, env) => {
  const server = {
    ready, link: ready.link, origin: ready.origin, pid: ready.pid, log: () => '', stop: async () => {},
    async cli(...args) {
      const { stdout } = await run(rotundaBinary(), [...args, '--json'], { env });
      return stdout.trim() ? JSON.parse(stdout) : null;
    },
  };
  server.app = Server.prototype.app;
  return server;
};

/** For `--ready-file`: a server that somebody else runs. CLI calls use this environment's configuration. */
export function runningServer(readyFile) {
  const ready = JSON.parse(fs.readFileSync(readyFile, 'utf8'));
  return cliOnly(ready, { ...process.env, ...(ready.data ? { ROTUNDA_DATA: ready.data } : {}) });
}

/** The server that run-tests.mjs started for all files; a single file run by hand starts its own. */
export async function sharedServer() {
  const file = process.env.E2E_SERVER;
  if (!file) return startServer();
  const described = JSON.parse(fs.readFileSync(file, 'utf8'));
  if (described.readyFile) return runningServer(described.readyFile);
  return cliOnly(described.ready, { ...process.env, ...described.env });
}
