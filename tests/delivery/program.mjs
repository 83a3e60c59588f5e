// The program under test, and the files of the tree it is delivered with.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rotundaBinary } from '@rotunda/harness/server.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const read = (file) => fs.readFileSync(path.join(root, file), 'utf8');

/** Only what a test gives: a developer's own settings must not decide. */
const bare = { PATH: process.env.PATH, HOME: os.tmpdir() };

/** Runs the program; what it said, and its status. */
export function rotunda(args, env = {}) {
  const { status, stdout, stderr } = spawnSync(rotundaBinary(), args, { env: { ...bare, ...env }, encoding: 'utf8', cwd: os.tmpdir() });
  return { status, stdout, stderr };
}

/** The configuration that these variables and this file make, as `config print` shows it; or the refusal. */
export function configured({ env = {}, toml } = {}) {
  if (toml === undefined) return rotunda(['config', 'print'], env);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rotunda-delivery-'));
  try {
    const file = path.join(dir, 'rotunda.toml');
    fs.writeFileSync(file, toml, { mode: 0o600 });
    return rotunda(['--config', file, 'config', 'print'], env);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

/** One key of what `config print` printed. */
export function value(printed, section, key) {
  const lines = printed.split('\n');
  const from = section ? lines.indexOf(`[${section}]`) + 1 : 0;
  if (section && from === 0) return undefined;
  for (const line of lines.slice(from)) {
    if (line.startsWith('[') && line.endsWith(']')) return undefined;
    if (line.startsWith(`${key} = `)) return JSON.parse(line.slice(key.length + 3));
  }
  return undefined;
}

/** The compose file with its variables filled in, by the program that operators use. */
export function compose(env = {}) {
  const key = JSON.stringify(env);
  if (!filled.has(key)) filled.set(key, fill(env));
  return filled.get(key);
}

// It takes seconds to start.
const filled = new Map();

function fill(env) {
  // From an empty directory a developer's own .env is not read.
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rotunda-compose-'));
  try {
    fs.copyFileSync(path.join(root, 'docker-compose.yml'), path.join(dir, 'docker-compose.yml'));
    return execFileSync('docker-compose', ['--project-directory', dir, '-f', path.join(dir, 'docker-compose.yml'), 'config'], {
      env: { ...bare, ...env }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
    });
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}
