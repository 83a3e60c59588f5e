#!/usr/bin/env node
// Drives every scenario with both SDK versions and writes what they found.
//
//   node run.mjs            run, print, write nothing
//   node run.mjs --write    also write results.jsonl and docs/COMPATIBILITY.md
//   node run.mjs --check    also fail when the committed files say something else
//   [--only NAME[,NAME]] [--sdk VERSION] [--ready-file FILE] [--verbose]
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { launch, openPage } from '@rotunda/harness/chromium.mjs';
import { serveFiles } from '@rotunda/harness/files.mjs';
import { sdkPath, VERSIONS } from '@rotunda/harness/sdk.mjs';
import { runningServer, startServer } from '@rotunda/harness/server.mjs';
import { readEngineResults } from '../calls/engine-results.mjs';
import { results, toJsonLines, toMarkdown } from './report.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const harness = path.join(here, '../harness');
const RESULTS = path.join(here, 'results.jsonl');
const PAGE = path.join(here, '../../docs/COMPATIBILITY.md');
/** Scenarios at a time per SDK version. More finish sooner on an idle machine; fewer keep 8 s client timeouts honest. */
const CONCURRENCY = 3;
/** ms for all scenarios of one version and engine. */
const LIMIT_MS = 180_000;

const { values: options } = parseArgs({ options: {
  write: { type: 'boolean' }, check: { type: 'boolean' }, verbose: { type: 'boolean' },
  only: { type: 'string' }, sdk: { type: 'string' }, 'ready-file': { type: 'string' },
} });
const versions = options.sdk ? [options.sdk] : VERSIONS;
const partial = Boolean(options.only || options.sdk);

async function scenarios() {
  const names = fs.readdirSync(path.join(here, 'scenarios')).filter((f) => f.endsWith('.mjs')).map((f) => f.slice(0, -4)).sort();
  const wanted = options.only ? options.only.split(',') : names;
  return Promise.all(wanted.map(async (name) => {
    const file = path.join(here, 'scenarios', `${name}.mjs`);
    const { accounts, engines = ['node'] } = await import(pathToFileURL(file).href);
    return { name, file, accounts, engines };
  }));
}

/** All steps; `sink` gets each as it comes. */
function inNode(version, env, list, sink) {
  const child = spawn(process.execPath, [path.join(harness, 'node-child.mjs')], {
    stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const open = new Set(list.map((s) => s.name));
  readline.createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line);
    if (said.done) open.delete(said.scenario);
    else sink({ engine: 'node', ...said });
  });
  child.stdin.end(JSON.stringify({ ...env, version, concurrency: CONCURRENCY, scenarios: list }) + '\n');
  return new Promise((resolve) => child.once('close', () => {
    clearTimeout(timer);
    for (const scenario of open) sink({ engine: 'node', scenario, step: 'scenario ended', ok: false, ms: 0, covers: [], error: 'the process ended before the scenario did' });
    resolve();
  }));
}

async function inChromium(browser, version, env, list, sink) {
  const files = await serveFiles((p) => {
    if (p === '/sdk.js') return sdkPath(version);
    if (p === '/page.html' || p === '/runtime.mjs') return path.join(harness, p.slice(1));
    if (p === '/methods.mjs' || /^\/scenarios\/[\w-]+\.mjs$/.test(p)) return path.join(here, p);
    return null;
  });
  try {
    for (const { name, accounts } of list) {
      const outside = new Set();
      let page;
      let timer;
      try {
        page = await openPage(browser, `${files.base}/page.html`, { outside });
        page.on('pageerror', (e) => sink({ engine: 'chromium', scenario: name, uncaught: String(e.message).split('\n')[0] }));
        await page.exposeFunction('__report', (r) => sink({ engine: 'chromium', scenario: name, ...r }));
        await page.waitForFunction('window.__ready === true');
        const late = new Promise((_, no) => { timer = setTimeout(() => no(new Error(`ran past ${LIMIT_MS} ms`)), LIMIT_MS); });
        await Promise.race([page.evaluate(([u, e]) => window.runScenario(u, e), [`/scenarios/${name}.mjs`, { ...env, sdk: version, engine: 'chromium', accounts, param: {} }]), late]);
      } catch (e) {
        sink({ engine: 'chromium', scenario: name, step: 'scenario ended', ok: false, ms: 0, covers: [], error: String(e.message).split('\n')[0] });
      } finally {
        clearTimeout(timer);
        await page?.context().close();
      }
      if (outside.size) sink({ engine: 'chromium', scenario: name, step: 'nothing outside loopback is asked for', ok: false, ms: 0, covers: [], error: [...outside].join(' ') });
    }
  } finally {
    files.close();
  }
}

const server = options['ready-file'] ? runningServer(options['ready-file']) : await startServer();
const steps = [];
let serverLog = '';
try {
  const list = await scenarios();
  const browser = list.some((s) => s.engines.includes('chromium')) ? await launch() : null;
  try {
    for (const version of versions) {
      const app = await server.app(`conformance ${version}`);
      const env = { link: server.link, origin: server.origin, appkey: app.key, roomkit: server.ready.roomkit_url };
      const sink = (said) => {
        if (said.step) steps.push({ version, covers: [], ...said });
        if (said.step && (!said.ok || options.verbose)) console.log(`${said.ok ? 'ok  ' : 'FAIL'} ${version} ${said.engine} ${said.scenario}: ${said.step} (${said.ms} ms)${said.error ? `\n       ${said.error}` : ''}`);
        if (options.verbose && (said.log ?? said.uncaught)) console.log(`  # ${version} ${said.scenario ?? ''} ${said.log ?? said.uncaught}`);
      };
      const withAccounts = async (engine) => Promise.all(list.filter((s) => s.engines.includes(engine)).map(async (s) => ({ ...s, accounts: await app.accounts(`${engine[0]}-${s.name}`, s.accounts) })));
      const node = await withAccounts('node');
      const chromium = await withAccounts('chromium');
      await Promise.all([inNode(version, env, node, sink), browser ? inChromium(browser, version, env, chromium, sink) : null]);
    }
  } finally {
    await browser?.close();
  }
} finally {
  serverLog = server.log();
  await server.stop();
}

const failed = steps.filter((s) => !s.ok);
const rows = results(steps);
let wrong = failed.length;
console.log(`${steps.length - failed.length} steps passed, ${failed.length} failed`);
if (/panicked at/.test(serverLog)) {
  wrong += 1;
  console.log(`the server panicked:\n${serverLog.split('\n').filter((l) => /panicked at/.test(l)).join('\n')}`);
}
const untested = rows.filter((r) => r.result === 'untested');
if (!partial && untested.length) {
  wrong += 1;
  console.log(`no step covers: ${[...new Set(untested.map((r) => `${r.method} (${r.sdk})`))].join(', ')}`);
}
if (!partial && failed.length === 0) {
  for (const [file, text] of [[RESULTS, toJsonLines(rows)], [PAGE, toMarkdown(rows, readEngineResults())]]) {
    const name = path.relative(path.join(here, '../..'), file);
    if (options.write) {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, text);
    } else if (options.check && (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text)) {
      wrong += 1;
      console.log(`${name} is not what this run found; \`npm run update\` in tests/conformance rewrites it:`);
      console.log(spawnSync('diff', ['-u', file, '-'], { input: text, encoding: 'utf8' }).stdout?.split('\n').slice(0, 30).join('\n'));
    }
  }
}
process.exit(wrong ? 1 : 0);
