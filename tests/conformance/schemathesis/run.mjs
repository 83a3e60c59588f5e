#!/usr/bin/env node
// Throws at /v1 what its own description allows and forbids (Schemathesis), on the private listener of a server of its own.
//
//   node run.mjs [OPTION]…   options of `schemathesis run`, e.g. --max-examples 500 --seed 2
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openLink } from '@rotunda/harness/link.mjs';
import { startServer } from '@rotunda/harness/server.mjs';

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));
const tool = path.join(here, '../../../target/tools/schemathesis');
const REQUIREMENTS = path.join(here, 'requirements.txt');

/** s for everything. A run takes half a minute, several on a busy machine; what goes on for longer hangs. */
const LIMIT_S = 480;

/** The tool, in exactly the versions that are written down. */
async function install() {
  const stamp = path.join(tool, 'requirements.txt');
  const wanted = fs.readFileSync(REQUIREMENTS, 'utf8');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted) return;
  console.log('installing Schemathesis into target/tools/schemathesis');
  fs.rmSync(tool, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', tool]);
  } catch (error) {
    throw new Error(`no Python environment: this needs python3 (3.10 or newer) and its venv (Debian: python3-venv)\n${error.stderr || error.message}`, { cause: error });
  }
  try {
    await run(path.join(tool, 'bin/pip'), ['install', '--disable-pip-version-check', '--quiet', '--requirement', REQUIREMENTS], { maxBuffer: 1 << 24 });
  } catch (error) {
    throw new Error(`Schemathesis cannot be installed: is PyPI within reach from here?\n${error.stderr || error.message}`, { cause: error });
  }
  fs.copyFileSync(REQUIREMENTS, stamp);
}

/** ms between two entries of a member: whoever is kicked, or whose call is ended, is soon back. Below the limit of entries. */
const ENTER_EVERY_MS = 300;

/** Keeps a demo account in the demo's channel, so that there is somebody to act on. Gives back what ends that. */
async function seat({ ready }, { accid, token }) {
  const link = await openLink(ready.origin);
  await link.login(ready.app_key, { accid, token }, `link-of-${accid}`);
  const device = `room-of-${accid}`;
  const { r } = await link.command(25, 1, [{ t: 'Property', v: { 1: device } }]);
  const headers = { user: accid, token: r[0]['1'], AppKey: ready.app_key, deviceId: device, clientType: 'web', 'content-type': 'application/json' };
  const entry = `${ready.room_server}/scene/apps/${ready.app_key}/v2/rooms/${ready.channel_id}/entry`;
  const enter = () => fetch(entry, { method: 'POST', headers, body: JSON.stringify({ userName: accid, role: 'qchatAudience' }) }).then((response) => response.json());
  const first = await enter();
  if (first.code !== 0) throw new Error(`${accid} is not let in: ${JSON.stringify(first)}`);
  const again = setInterval(() => void enter().catch(() => {}), ENTER_EVERY_MS);
  return () => {
    clearInterval(again);
    return link.close();
  };
}

/** Test cases of a JUnit report, and those of them that failed. */
function counted(file) {
  const xml = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  const cases = xml.match(/<testcase\b[^>]*?(?:\/>|>[\s\S]*?<\/testcase>)/g) ?? [];
  return { all: cases.length, failed: cases.filter((one) => /<(failure|error)\b/.test(one)).length };
}

await install();
const server = await startServer();
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'rotunda-schemathesis-'));
let wrong = 0;
const leave = [];
try {
  for (const account of server.ready.accounts.slice(0, 2)) leave.push(await seat(server, account));
  const { token } = await server.cli('admin-token', 'create', '--name', 'schemathesis', '--scopes', 'read,apps,media,audit');
  const { admin, app_key: app, server_id: home, channel_id: channel } = server.ready;
  const values = { HOOKS: path.join(here, 'hooks.py'), TOKEN: token, APP: app, SERVER: home, CHANNEL: channel };
  const config = path.join(scratch, 'schemathesis.toml');
  const template = fs.readFileSync(path.join(here, 'schemathesis.toml'), 'utf8');
  fs.writeFileSync(config, template.replace(/"\$\{([A-Z]+)\}"/g, (_, name) => JSON.stringify(values[name])), { mode: 0o600 });
  const report = path.join(scratch, 'report.xml');
  const child = spawn(path.join(tool, 'bin/schemathesis'), [
    '--config-file', config, 'run', `${admin}/v1/openapi.json`,
    '--report', 'junit', '--report-junit-path', report, '--no-color', ...process.argv.slice(2),
  ], {
    cwd: scratch,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: LIMIT_S * 1_000,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  const { all, failed } = counted(report);
  wrong = failed;
  console.log(`schemathesis: ${all - failed} passed, ${failed} failed`);
  if (status !== 0 && failed === 0) {
    wrong += 1;
    console.log(`schemathesis ended with ${status}`);
  }
  if (all === 0) {
    wrong += 1;
    console.log('nothing was tested');
  }
  if (/panicked/.test(server.log())) {
    wrong += 1;
    console.log(`the server panicked:\n${server.log().split('\n').filter((line) => /panicked/.test(line)).join('\n')}`);
  }
} finally {
  for (const end of leave) await end();
  fs.rmSync(scratch, { recursive: true, force: true });
  await server.stop();
}
process.exit(wrong ? 1 : 0);
