// What every engine version could do in the last recorded run, step by step: engine-results.jsonl, from which
// docs/COMPATIBILITY.md is made.
import fs from 'node:fs';

const FILE = new URL('engine-results.jsonl', import.meta.url);

/** `[{engine, step, result}]`, in the order of versions and steps. */
export function readEngineResults() {
  if (!fs.existsSync(FILE)) return [];
  return fs.readFileSync(FILE, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

export const writeEngineResults = (rows) => fs.writeFileSync(FILE, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
