// A newcomer's way along docs/operate/vps.md and nginx.md, line by line. A line that is not known here fails the test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Machine } from './machine.mjs';
import { configured, read } from './program.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const VPS = 'docs/operate/vps.md';
const NGINX = 'docs/operate/nginx.md';

/** Of both SDKs the newer: what a newcomer installs. */
const SDK = '10.8.1';

const nothing = () => {};

/**
 * What cannot be done on a machine without root, internet, systemd and a name: the whole list, with what is done instead.
 * A line is either here or in `HERE`.
 */
const INSTEAD = [
  { line: /^apt-get install -y git curl$/, instead: nothing, because: 'the tree is here' },
  { line: /^git clone <this repository> rotunda && cd rotunda$/, instead: (m) => { m.checkout(); m.cwd = m.file('home/rotunda'); }, because: 'the tree is here' },
  { line: /^\.\/run --build$/, instead: nothing, because: 'the binary under test is what it makes' },
  { line: /^apt-get install -y postgresql$/, instead: (m) => m.startPostgres(), because: 'a cluster of its own, as the package makes one' },
  { line: /^useradd --system --user-group --home-dir \/var\/lib\/rotunda --shell \/usr\/sbin\/nologin rotunda$/, instead: nothing, because: 'a user that is there stands for it' },
  { line: /^apt-get install -y certbot$/, instead: nothing, because: 'there is no authority of the internet' },
  { line: /^certbot certonly --standalone -d chat\.example\.org --deploy-hook '(.*)'$/, instead: (m, [, hook]) => m.certificate(hook), because: 'an authority of our own; the hook is run' },
  { line: /^ufw allow 8443$/, instead: nothing, because: 'all is on loopback' },
  { line: /^systemctl daemon-reload$/, instead: (m) => m.readUnit(), because: 'there is no systemd; its reader of units, where that is installed' },
  { line: /^systemctl enable --now rotunda$/, instead: (m) => m.start(), because: 'the command of the unit, by its user' },
  { line: /^systemctl reload rotunda$/, instead: (m) => m.reload(), because: 'ExecReload of the unit' },
  { line: /^systemctl restart rotunda$/, instead: async (m) => { await m.stop(); await m.start(); }, because: 'SIGTERM, then as above' },
  { line: /^nginx -t && systemctl reload nginx$/, instead: (m) => { m.run(`${m.nginx()} -t`); return m.startNginx(); }, because: 'an nginx of its own' },
];

/** What is run as it stands. */
const HERE = [
  { line: /^cd \/$/, run: (m) => { m.cwd = '/'; } },
  { line: /^install (?:-[dm] ?\d* )?\S+( \S+)?$/, run: (m, [line]) => m.run(m.here(line)) },
  { line: /^runuser -u (postgres|rotunda) -- ((?:createuser|createdb) .*)$/, run: (m, [, user, line]) => m.run(line, { user }) },
  {
    line: /^runuser -u rotunda -- (rotunda .* doctor)$/,
    run: (m, [, line]) => {
      const report = m.run(m.here(line), { user: 'rotunda' });
      assert.match(report, /\nNothing is wrong\.\n$/);
      // Through the proxy too, if there is one: what the doctor invents is not believed.
      assert.match(report, /^ok +client +a login from here counts under 127\.0\.0\.77$/m);
    },
  },
  { line: /^runuser -u rotunda -- (rotunda .* app create .*)$/, run: (m, [, line]) => { m.appKey = said(m.run(m.here(line), { user: 'rotunda' }), 'app key'); } },
  {
    line: /^runuser -u rotunda -- (rotunda .* account create .*)$/,
    run: (m, [, line]) => { m.token = said(m.run(m.here(line).replace('APP_KEY', m.appKey), { user: 'rotunda' }), 'token'); },
  },
  { line: /^rotunda --config \/etc\/rotunda\.toml healthcheck$/, run: (m, [line]) => m.run(m.here(line)) },
];

/** Words in the text that look like commands and are read, not run. */
const READ = [/^sudo -i$/, /^journalctl -u rotunda$/, /^rotunda sessions$/, /^Nothing is wrong\.$/, /^; systemctl reload nginx$/, /^--webroot -w \/var\/www\/html --force-renewal$/];

/** The value of a line that the program printed. */
function said(text, name) {
  const value = text.match(new RegExp(`^${name} +(\\S+)$`, 'm'))?.[1];
  assert.ok(value, `no "${name}" in what was said:\n${text}`);
  return value;
}

/** Fenced blocks in order: language and lines. Those inside a list are indented. */
function blocks(page) {
  const found = [...read(page).matchAll(/^( *)```(\w+)\n(.*?)^\1```/gms)];
  return found.map(([, indent, language, text]) => ({ language, text: text.split('\n').map((line) => line.slice(indent.length)).join('\n') }));
}

/** Code in the running text with more than one word. */
const spans = (page) => [...read(page).replaceAll(/^ *```.*?^ *```/gms, '').matchAll(/`([^`]+)`/g)].map(([, code]) => code).filter((code) => code.includes(' '));

const used = new Set();
async function follow(machine, line) {
  for (const known of [...INSTEAD, ...HERE]) {
    const match = line.match(known.line);
    if (!match) continue;
    used.add(known);
    await (known.instead ?? known.run)(machine, match);
    return;
  }
  assert.fail(`the walk does not know this line: ${line}`);
}

/** A page's configuration, with the one key that this machine needs: its default port is somebody else's. */
const configuration = (machine, toml) => (/^port = /m.test(toml) ? machine.here(toml) : machine.here(toml).replace('[server]\n', `[server]\nport = ${machine.ports[8443]}\n`));

/** `toml` with the sections of `other` in place of its own. */
function replaced(toml, other) {
  const sections = (text) => new Map(text.split(/^(?=\[)/m).map((part) => [part.match(/^\[(\w+)\]/)?.[1] ?? '', part.trimEnd()]));
  return `${[...new Map([...sections(toml), ...[...sections(other)].filter(([name]) => name)]).values()].join('\n\n')}\n`;
}

/** Login, server, channel and a seat, by the real SDK in a Node that trusts the walk's authority. */
async function logsIn(machine, port) {
  const authority = `127.0.0.1:${port}`;
  const child = spawn(process.execPath, [path.join(here, '../harness/node-child.mjs')], { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: machine.authority } });
  child.stdin.end(`${JSON.stringify({
    version: SDK, link: authority, origin: `https://${authority}`, appkey: machine.appKey, concurrency: 1,
    scenarios: [{ name: 'newcomer', file: path.join(here, 'newcomer.mjs'), accounts: { me: { accid: 'alice', token: machine.token } } }],
  })}\n`);
  const reports = [];
  for await (const line of readline.createInterface({ input: child.stdout })) reports.push(JSON.parse(line));
  const steps = reports.filter((report) => report.step);
  assert.deepEqual(steps.filter((step) => !step.ok), [], JSON.stringify(reports));
  assert.equal(steps.length, 4, JSON.stringify(reports));
}

let machine;
before(async () => { machine = await Machine.make(); });
after(() => machine?.remove());

test('vps.md is followed from its first line to its last, and somebody logs in', { timeout: 300_000 }, async () => {
  for (const { language, text } of blocks(VPS)) {
    if (language === 'toml') fs.writeFileSync(machine.file('etc/rotunda.toml'), configuration(machine, text));
    else if (language === 'sh') for (const line of text.trim().split('\n')) await follow(machine, line);
    else assert.fail(`a block in ${language}`);
  }
  await logsIn(machine, machine.ports[8443]);
  const key = fs.statSync(machine.file('etc/rotunda/privkey.pem'));
  assert.equal(key.mode & 0o007, 0, 'everyone may read the key');
});

test('what vps.md names in passing works too', { timeout: 120_000 }, async () => {
  for (const code of [...spans(VPS), ...spans(NGINX)]) {
    const setting = code.match(/^([a-z_]+)\.([a-z_]+) = (.*)$/);
    if (setting) {
      const [, section, key, value] = setting;
      const env = { [`ROTUNDA_${section.toUpperCase()}__${key.toUpperCase()}`]: value.replaceAll('"', '') };
      const { status, stderr } = configured({ env: { ROTUNDA_SERVER__PUBLIC_URL: 'https://chat.example.org', ...env } });
      assert.equal(status, 0, `${code}: ${stderr}`);
    } else if (!READ.some((known) => known.test(code))) {
      await follow(machine, code);
    }
  }
});

test('nginx.md is followed from there, and somebody logs in through nginx', { timeout: 120_000 }, async () => {
  const vps = blocks(VPS).find(({ language }) => language === 'toml').text;
  for (const { language, text } of blocks(NGINX)) {
    if (language === 'toml') fs.writeFileSync(machine.file('etc/rotunda.toml'), configuration(machine, replaced(vps, text)));
    else if (language === 'nginx') fs.writeFileSync(machine.file('etc/nginx/conf.d/rotunda.conf'), machine.here(text));
    else if (language === 'sh') for (const line of text.trim().split('\n')) await follow(machine, line);
    else assert.fail(`a block in ${language}`);
  }
  await logsIn(machine, machine.ports[443]);
});

test('the list of what is done instead has nothing that no page says', () => {
  const idle = [...INSTEAD, ...HERE].filter((known) => !used.has(known)).map(({ line }) => String(line));
  assert.deepEqual(idle, []);
});
