// A server on the internet, as far as one fits into a directory: its files, its users, its Postgres, its unit, its nginx.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rotundaBinary } from '@rotunda/harness/server.mjs';
import { root as tree } from './program.mjs';

/** ms for a service to be up or down, however busy this machine is. */
const PATIENCE = 60_000;

/** Where Debian keeps programs that only root's PATH finds. */
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

/** Two neighbouring ports that are free for TCP and UDP: the second is implied for the private listener. */
async function freePorts() {
  for (;;) {
    const probe = net.createServer();
    await new Promise((ok, no) => probe.once('error', no).listen(0, '127.0.0.1', ok));
    const { port } = probe.address();
    const next = net.createServer();
    const udp = dgram.createSocket('udp4');
    const free = await Promise.all([
      new Promise((ok) => next.once('error', () => ok(false)).listen(port + 1, '127.0.0.1', () => ok(true))),
      new Promise((ok) => udp.once('error', () => ok(false)).bind(port, '127.0.0.1', () => ok(true))),
    ]);
    await Promise.all([new Promise((ok) => probe.close(ok)), new Promise((ok) => next.close(ok)), new Promise((ok) => udp.close(ok))]);
    if (free.every(Boolean)) return port;
  }
}

const postgresPrograms = () => {
  const versions = fs.readdirSync('/usr/lib/postgresql').filter((name) => fs.existsSync(`/usr/lib/postgresql/${name}/bin/initdb`));
  return `/usr/lib/postgresql/${versions.sort((a, b) => a - b).at(-1)}/bin`;
};

/** The `Key=value` lines of a unit. */
const unitOf = (text) => Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key, value]) => [key, value]));

export class Machine {
  #children = new Map();
  #postgres = null;

  static async make() {
    const machine = new Machine();
    machine.root = fs.mkdtempSync(path.join(os.tmpdir(), 'rotunda-walk-'));
    // Others pass through: services have users of their own.
    fs.chmodSync(machine.root, 0o755);
    // Two that every Debian has stand for those the page makes, when this process may become them; else it is all of them.
    const isRoot = process.getuid() === 0;
    machine.users = isRoot ? { root: null, postgres: 'postgres', rotunda: 'nobody' } : { root: null, postgres: null, rotunda: null };
    machine.group = isRoot ? 'nogroup' : String(process.getgid());
    machine.ports = { 8443: await freePorts(), 443: await freePorts() };
    for (const dir of ['etc/systemd/system', 'etc/nginx/conf.d', 'usr/local/bin', 'run/postgresql', 'var/lib', 'home/rotunda/target']) fs.mkdirSync(path.join(machine.root, dir), { recursive: true });
    machine.cwd = path.join(machine.root, 'home');
    return machine;
  }

  /** What stands in the page, for this machine: its directories, ports, name and address. Only loopback is listened on. */
  here(text) {
    return text
      .replaceAll(/(?<![\w$/.}])\/(etc|usr\/local\/bin|var\/lib|run\/postgresql)\b/g, `${this.root}/$1`)
      .replaceAll('https://chat.example.org"', `https://127.0.0.1:${this.ports[443]}"`)
      .replaceAll('listen 443 ssl', `listen 127.0.0.1:${this.ports[443]} ssl`)
      .replaceAll(/\b8443\b/g, this.ports[8443])
      .replaceAll('chat.example.org', '127.0.0.1')
      .replaceAll('203.0.113.10', '127.0.0.1')
      .replaceAll('0.0.0.0', '127.0.0.1');
  }

  file(name) {
    return path.join(this.root, name);
  }

  /** Words before a command that make its user of this process. */
  #as(user, more = []) {
    const name = this.users[user];
    if (!name) return more;
    const id = (flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout.trim();
    return ['setpriv', `--reuid=${id('-u')}`, `--regid=${id('-g')}`, '--clear-groups', '--', ...more];
  }

  #env(more = {}) {
    return { PATH: `${this.file('usr/local/bin')}:${PATH}`, HOME: '/', LANG: 'C.UTF-8', PGHOST: this.file('run/postgresql'), ...more };
  }

  /** Runs a line of the page by a shell. */
  run(line, { user = 'root', env = {}, cwd = this.cwd } = {}) {
    const [program, ...args] = this.#as(user, ['sh', '-c', line]);
    const name = user === 'postgres' ? { PGUSER: user } : {};
    const done = spawnSync(program, args, { encoding: 'utf8', cwd, env: this.#env({ ...name, ...env }), timeout: PATIENCE });
    const said = `${done.stdout}${done.stderr}`;
    assert.equal(done.status, 0, `${line}\n${said}${done.error ?? ''}`);
    return done.stdout;
  }

  /** What `git clone` and `./run --build` leave. */
  checkout() {
    const dir = this.file('home/rotunda');
    fs.copyFileSync(rotundaBinary(), path.join(dir, 'target/rotunda'));
    fs.symlinkSync(path.join(tree, 'deploy'), path.join(dir, 'deploy'));
  }

  /** As Debian's package leaves it: users of the system are let in under their own name, through a Unix socket. */
  startPostgres() {
    const bin = postgresPrograms();
    const dir = this.file('var/lib/postgresql');
    const [owner, guest] = [this.users.postgres ?? os.userInfo().username, this.users.rotunda ?? os.userInfo().username];
    fs.mkdirSync(dir);
    for (const place of [dir, this.file('run/postgresql')]) this.#give(place, this.users.postgres);
    this.run(`${bin}/initdb -D ${dir}/data -U postgres --auth=peer --encoding=UTF8 --locale=C.UTF-8`, { user: 'postgres', cwd: '/' });
    fs.writeFileSync(path.join(dir, 'data/pg_hba.conf'), 'local all all peer map=walk\n');
    fs.writeFileSync(path.join(dir, 'data/pg_ident.conf'), `walk ${owner} postgres\nwalk ${guest} rotunda\n`);
    const options = `-c listen_addresses= -c unix_socket_directories=${this.file('run/postgresql')} -c fsync=off`;
    this.#postgres = `${bin}/pg_ctl -D ${dir}/data -w -t 60`;
    this.run(`${this.#postgres} -l ${dir}/log -o '${options}' start`, { user: 'postgres', cwd: '/' });
  }

  #give(place, user) {
    if (user) this.run(`chown ${user} ${place}`, { cwd: '/' });
  }

  /** A certificate for this machine from an authority of our own, where certbot leaves one; then certbot's hook. */
  certificate(hook) {
    const dir = this.file('etc/letsencrypt');
    fs.mkdirSync(dir);
    this.authority = path.join(dir, 'authority.pem');
    fs.writeFileSync(path.join(dir, 'extensions'), 'subjectAltName=IP:127.0.0.1\n');
    const lines = [
      'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout authority.key -out authority.pem -days 2 -subj /CN=Authority',
      'openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout privkey.pem -out request.pem -subj /CN=walk',
      'openssl x509 -req -in request.pem -CA authority.pem -CAkey authority.key -CAcreateserial -days 90 -extfile extensions -out fullchain.pem',
    ];
    for (const line of lines) this.run(line, { cwd: dir });
    this.run(this.here(hook).replace(/-g rotunda/, `-g ${this.group}`), { env: { RENEWED_LINEAGE: dir } });
  }

  /** `systemctl daemon-reload`: systemd's own reader of units finds nothing wrong with ours, where there is one. */
  readUnit() {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) return;
    const file = this.file('home/rotunda.service');
    fs.writeFileSync(file, this.here(fs.readFileSync(this.file('etc/systemd/system/rotunda.service'), 'utf8')));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /rotunda\.service.*(Unknown|Failed|Invalid)/);
  }

  /** `systemctl start`: the unit's user, directory, mask and command. Of what locks it in, nothing. */
  async start() {
    const unit = unitOf(this.here(fs.readFileSync(this.file('etc/systemd/system/rotunda.service'), 'utf8')));
    assert.equal(unit.User, 'rotunda');
    const state = this.file(`var/lib/${unit.StateDirectory}`);
    fs.mkdirSync(state, { recursive: true });
    fs.chmodSync(state, Number.parseInt(unit.StateDirectoryMode, 8));
    this.#give(state, this.users.rotunda);
    const script = `umask ${unit.UMask}; ulimit -n ${unit.LimitNOFILE} 2>/dev/null; exec ${unit.ExecStart}`;
    const [program, ...args] = this.#as(unit.User, ['sh', '-c', script]);
    const log = fs.openSync(this.file('rotunda.log'), 'a');
    const child = spawn(program, args, { cwd: '/', stdio: ['ignore', log, log], env: { PATH, LANG: 'C.UTF-8', USER: 'rotunda', HOME: state } });
    fs.closeSync(log);
    this.#note('rotunda', child);
    this.unit = unit;
    await this.#until('rotunda serves', () => {
      assert.equal(child.exitCode, null, this.log());
      return spawnSync(this.file('usr/local/bin/rotunda'), ['--config', this.file('etc/rotunda.toml'), 'healthcheck']).status === 0;
    });
  }

  /** `systemctl stop`. */
  async stop(name = 'rotunda') {
    const service = this.#children.get(name);
    if (!service) return;
    service.child.kill('SIGTERM');
    const ended = await Promise.race([service.ended, sleep(PATIENCE, 'late', { ref: false })]);
    if (ended === 'late') service.child.kill('SIGKILL');
    this.#children.delete(name);
    assert.notEqual(ended, 'late', `${name} does not end`);
  }

  /** `systemctl reload`. */
  async reload() {
    const before = this.log().length;
    this.run(this.unit.ExecReload.replace('$MAINPID', this.#children.get('rotunda').child.pid));
    await this.#until('the configuration is read again', () => this.log().slice(before).includes('the configuration was read again'));
  }

  log() {
    return fs.readFileSync(this.file('rotunda.log'), 'utf8');
  }

  /** The site of the page, in an nginx of its own. */
  nginx() {
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${this.file(`etc/nginx/${kind}`)};`).join('\n');
    fs.writeFileSync(this.file('etc/nginx/nginx.conf'), `daemon off;\nmaster_process off;\npid ${this.file('etc/nginx/pid')};\nerror_log ${this.file('etc/nginx/error.log')};
events {}\nhttp {\naccess_log off;\n${paths}\ninclude ${this.file('etc/nginx/conf.d')}/*.conf;\n}\n`);
    return `nginx -p ${this.file('etc/nginx')} -c ${this.file('etc/nginx/nginx.conf')}`;
  }

  async startNginx() {
    const child = spawn('sh', ['-c', `exec ${this.nginx()}`], { stdio: 'ignore', env: this.#env() });
    this.#note('nginx', child);
    await this.#until('nginx listens', () => new Promise((ok) => {
      assert.equal(child.exitCode, null, 'nginx ended');
      const socket = net.connect(this.ports[443], '127.0.0.1').once('connect', () => { socket.destroy(); ok(true); }).once('error', () => ok(false));
    }));
  }

  #note(name, child) {
    this.#children.set(name, { child, ended: new Promise((ok) => child.once('exit', ok)) });
  }

  async #until(what, is) {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(50)) if (await is()) return;
    assert.fail(`${what}: not within ${PATIENCE} ms\n${this.log()}`);
  }

  async remove() {
    for (const name of [...this.#children.keys()]) await this.stop(name);
    if (this.#postgres) this.run(`${this.#postgres} -m fast stop`, { user: 'postgres', cwd: '/' });
    if (process.env.KEEP_LOGS) console.log(`# the walk's machine: ${this.root}`);
    else fs.rmSync(this.root, { recursive: true, force: true });
  }
}
