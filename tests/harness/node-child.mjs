// Runs scenarios with one SDK version inside this Node process. Input: one JSON line on stdin
// {version, link, origin, appkey, concurrency, scenarios: [{name, file, accounts}]}; output: JSON lines on stdout.
import { once } from 'node:events';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';
import { install } from './node-shim.mjs';
import { loadSdk } from './sdk.mjs';

const [line] = await once(readline.createInterface({ input: process.stdin }), 'line');
const job = JSON.parse(line);
const say = (o) => process.stdout.write(JSON.stringify(o) + '\n');

// What the SDK throws where nobody awaits it is reported, and ends nothing.
const thrown = (e) => say({ uncaught: String(e?.message ?? e).split('\n')[0] });
process.on('unhandledRejection', thrown);
process.on('uncaughtException', thrown);

install();
const QChat = loadSdk(job.version);
const { run } = await import('./runtime.mjs');

const queue = [...job.scenarios];
async function worker() {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const scenario = (await import(pathToFileURL(next.file).href)).default;
    const env = { link: job.link, origin: job.origin, sdk: job.version, engine: 'node', appkey: job.appkey, accounts: next.accounts, param: next.param ?? {} };
    await run({ QChat, scenario, env, report: (r) => say({ scenario: next.name, ...r }) });
    say({ scenario: next.name, done: true });
  }
}
await Promise.all(Array.from({ length: job.concurrency }, worker));
process.exit(0);
