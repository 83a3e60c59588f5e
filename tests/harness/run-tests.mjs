#!/usr/bin/env node
// node run-tests.mjs DIRECTORY [--concurrency N] [--waiting N] [--only TEXT] [--ready-file FILE]
// Starts one server for all *.test.mjs of a directory and runs each in a node of its own, some side by side. Each file
// makes an app of its own; files that stop or restart a server start their own. A file whose head says "Mostly waits"
// takes little of the machine, so as many as --waiting says run beside the others; one that says "Runs alone" gets the
// machine to itself.
//
// A file that failed runs once more, alone, when all others are done. If it passes then, it counts as passed and is
// named on a line `flaky: FILE`: a second that the machine was busy elsewhere fails nothing, but is seen.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startServer } from './server.mjs';

if (process.argv[1] !== fileURLToPath(import.meta.url)) throw new Error('run-tests.mjs is a program');
const { values: options, positionals: [directory] } = parseArgs({ allowPositionals: true, options: {
  concurrency: { type: 'string', default: '1' }, waiting: { type: 'string', default: '1' }, only: { type: 'string', default: '' }, 'ready-file': { type: 'string' },
} });

const says = (text, words) => new RegExp(`^//.*\\b${words}\\b`, 'm').test(text);

/** What a file says of itself. `allowed` is the sum of the times its tests allow themselves, ms. */
function describe(name) {
  const text = fs.readFileSync(path.join(directory, name), 'utf8');
  const allowed = [...text.matchAll(/\{ timeout: ([\d_]+) \}/g)].reduce((sum, [, ms]) => sum + Number(ms.replaceAll('_', '')), 0);
  return { name, allowed, alone: says(text, 'Runs alone'), waits: says(text, 'Mostly waits') };
}

const files = fs.readdirSync(directory).filter((f) => f.endsWith('.test.mjs') && f.includes(options.only)).map(describe);
if (files.length === 0) throw new Error(`no test in ${directory} has "${options.only}" in its name`);
// Long ones first, so that none of them is left over at the end.
files.sort((a, b) => b.allowed - a.allowed || a.name.localeCompare(b.name));

const server = options['ready-file'] ? null : await startServer();
const shared = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'rotunda-tests-')), 'server.json');
fs.writeFileSync(shared, JSON.stringify(server ? server.describe() : { readyFile: path.resolve(options['ready-file']) }), { mode: 0o600 });

const children = new Set();
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopped = true;
    for (const child of children) child.kill(signal);
  });
}

/** Runs one file and prints what it said when it is over, so that files side by side stay readable. */
async function run({ name }) {
  const start = performance.now();
  const child = spawn(process.execPath, ['--test', '--test-reporter=spec', path.join(directory, name)], {
    stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, E2E_SERVER: shared, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
  });
  children.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { said += text; });
  const status = await new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  children.delete(child);
  const count = (what) => Number(said.match(new RegExp(`^ℹ ${what} (\\d+)$`, 'm'))?.[1] ?? 0);
  const result = { status, passed: count('pass'), failed: status === 0 ? 0 : Math.max(1, count('fail')) };
  // Counts of single files would be taken for the sum.
  const shown = said.split('\n').filter((line) => !/^ℹ /.test(line)).join('\n').trimEnd();
  console.log(`\n# ${name}, ${((performance.now() - start) / 1000).toFixed(1)} s\n${shown}`);
  return result;
}

async function runAll(queue, concurrency, each) {
  const waiting = [...queue];
  await Promise.all(Array.from({ length: concurrency }, async () => {
    for (let file = waiting.shift(); file && !stopped; file = waiting.shift()) each(file, await run(file));
  }));
}

const results = new Map();
const keep = (file, result) => results.set(file.name, result);
await Promise.all([
  runAll(files.filter((f) => !f.alone && !f.waits), Number(options.concurrency), keep),
  runAll(files.filter((f) => !f.alone && f.waits), Number(options.waiting), keep),
]);
await runAll(files.filter((f) => f.alone), 1, keep);
const flaky = [];
await runAll(files.filter(({ name }) => results.get(name)?.failed), 1, ({ name }, result) => {
  results.set(name, result);
  if (!result.failed) flaky.push(name);
});

const sum = (key) => [...results.values()].reduce((total, result) => total + result[key], 0);
let failed = sum('failed') + files.length - results.size;
const panics = (server?.log() ?? '').split('\n').filter((line) => /panicked at/.test(line));
if (panics.length) {
  console.log(`the server panicked:\n${panics.join('\n')}`);
  failed += 1;
}
if (failed && server) console.log(`the end of the server's log:\n${server.log().slice(-4000)}`);
await server?.stop();
fs.rmSync(path.dirname(shared), { recursive: true, force: true });
console.log('');
for (const name of flaky) console.log(`flaky: ${name}`);
console.log(`${path.basename(path.resolve(directory))}: ${sum('passed')} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
