#!/usr/bin/env node
// node run-tests.mjs DIRECTORY [--concurrency N] [--only TEXT] [--ready-file FILE]
// Starts one server for all *.test.mjs of a directory and runs them with node's own runner. Each test file makes an
// app of its own; files that stop or restart a server start their own.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startServer } from './server.mjs';

const { values: options, positionals: [directory] } = parseArgs({ allowPositionals: true, options: {
  concurrency: { type: 'string', default: '1' }, only: { type: 'string', default: '' }, 'ready-file': { type: 'string' },
} });
const files = fs.readdirSync(directory).filter((f) => f.endsWith('.test.mjs') && f.includes(options.only)).sort().map((f) => path.join(directory, f));
if (files.length === 0) throw new Error(`no test in ${directory} has "${options.only}" in its name`);

const server = options['ready-file'] ? null : await startServer();
const shared = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'rotunda-tests-')), 'server.json');
fs.writeFileSync(shared, JSON.stringify(server ? server.describe() : { readyFile: path.resolve(options['ready-file']) }), { mode: 0o600 });
const child = spawn(process.execPath, ['--test', '--test-reporter=spec', `--test-concurrency=${options.concurrency}`, ...files], {
  stdio: 'inherit', env: { ...process.env, E2E_SERVER: shared, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
let failed = await new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
const panics = (server?.log() ?? '').split('\n').filter((line) => /panicked at/.test(line));
if (panics.length) {
  console.log(`the server panicked:\n${panics.join('\n')}`);
  failed = 1;
}
if (failed && server) console.log(`the end of the server's log:\n${server.log().slice(-4000)}`);
await server?.stop();
fs.rmSync(path.dirname(shared), { recursive: true, force: true });
process.exitCode = failed;
if (process.argv[1] !== fileURLToPath(import.meta.url)) throw new Error('run-tests.mjs is a program');
