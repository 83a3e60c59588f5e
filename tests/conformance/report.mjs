// From the steps of all scenarios to results.jsonl and docs/COMPATIBILITY.md. The order is that of methods.mjs,
// so two runs of the same server give the same bytes.
import fs from 'node:fs';
import { VERSIONS } from '@rotunda/harness/sdk.mjs';
import { ALL } from './methods.mjs';

const KINDS = [['event:', 'SDK events'], ['notification:', 'System notifications']];

/** `steps`: [{version, covers, ok, refused?}]. One row per (covered thing, version). */
export function results(steps) {
  const things = [...ALL];
  const extra = new Set(steps.flatMap((s) => s.covers).filter((c) => c.includes(':')));
  for (const [prefix] of KINDS) things.push(...[...extra].filter((c) => c.startsWith(prefix)).sort().map((c) => [c, null]));
  const known = new Set(things.map(([name]) => name));
  for (const s of steps) for (const c of s.covers) if (!known.has(c)) throw new Error(`step "${s.step}" covers "${c}", which is no method of the SDK`);
  return things.flatMap(([method, command]) => VERSIONS.map((sdk) => {
    const mine = steps.filter((s) => s.version === sdk && s.covers.includes(method));
    const refused = [...new Set(mine.filter((s) => s.refused !== undefined).map((s) => s.refused))].sort();
    const done = mine.filter((s) => s.refused === undefined);
    const result = mine.length === 0 ? 'untested'
      : mine.some((s) => !s.ok) ? 'fail'
        : refused.length === 0 ? 'pass'
          : done.length === 0 ? 'refused' : 'partial';
    return { method, ...(command ? { command } : {}), sdk, result, ...(refused.length ? { codes: refused } : {}) };
  }));
}

export const toJsonLines = (rows) => rows.map((r) => JSON.stringify(r)).join('\n') + '\n';

const readRest = () => JSON.parse(fs.readFileSync(new URL('rest.json', import.meta.url), 'utf8'));

const MARK = { pass: 'pass', partial: 'partial', refused: 'refused', untested: 'untested', fail: 'FAIL' };

function table(rows, heading, nameOf) {
  const names = [...new Set(rows.map((r) => r.method))];
  if (names.length === 0) return '';
  const commands = rows.some((r) => r.command);
  const lines = names.map((name) => {
    const cells = VERSIONS.map((v) => {
      const row = rows.find((r) => r.method === name && r.sdk === v);
      return `${MARK[row.result]}${row.codes && row.result !== 'pass' ? ` (${row.codes.join(', ')})` : ''}`;
    });
    return `| ${nameOf(name)} |${commands ? ` ${rows.find((r) => r.method === name).command?.replace('_', '\\_') ?? ''} |` : ''} ${cells.join(' | ')} |`;
  });
  return `\n## ${heading}\n\n| name |${commands ? ' command |' : ''} ${VERSIONS.join(' | ')} |\n| --- |${commands ? ' --- |' : ''} ${VERSIONS.map(() => '---').join(' | ')} |\n${lines.join('\n')}\n`;
}

/** `engines`: [{engine, step, result}] of tests/calls. */
function engineTable(engines) {
  if (engines.length === 0) return '';
  const versions = [...new Set(engines.map((r) => r.engine))];
  const steps = [...new Set(engines.map((r) => r.step))];
  const cell = (step, version) => engines.find((r) => r.step === step && r.engine === version)?.result ?? 'untested';
  return [
    '', '## The vendor\'s RTC engine', '',
    'What the unmodified `nertc-web-sdk` can do against this server, in Chromium, two or three members of the same',
    'version in a channel, as `tests/calls/engine-versions.test.mjs` saw it. What is heard and seen is measured.', '',
    `| step | ${versions.join(' | ')} |`, `| --- | ${versions.map(() => '---').join(' | ')} |`,
    ...steps.map((step) => `| ${step} | ${versions.map((v) => cell(step, v)).join(' | ')} |`), '',
  ].join('\n');
}

/** `rest`: {built: {family: [path]}, unbuilt: [path]}, which crates/admin keeps equal to what it serves. */
function restSection(rest) {
  const built = Object.entries(rest.built);
  const total = built.reduce((n, [, paths]) => n + paths.length, 0);
  const name = (path) => `\`${path.replace(/^(user|qchat)\//, '')}\``;
  return [
    '', '## REST', '',
    `Of the vendor's REST actions ${total} are served: \`POST /nimserver/user/NAME.action\` and`,
    '`POST /nimserver/qchat/NAME.action` on the public port, with the headers AppKey, Nonce, CurTime and CheckSum. Every one is',
    'done and refused in `crates/admin/tests`. [REST.md](REST.md) has their parameters.', '',
    '| family | actions |', '| --- | --- |',
    ...built.map(([family, paths]) => `| ${family} | ${paths.map(name).join(', ')} |`), '',
    `Not built, answered with 403 and counted by name: ${rest.unbuilt.map(name).join(', ')}. Any other name gets 404.`, '',
  ].join('\n');
}

export function toMarkdown(rows, engines = [], rest = readRest()) {
  const count = (sdk, result) => rows.filter((r) => r.sdk === sdk && r.result === result && !r.method.includes(':')).length;
  const total = ALL.length;
  const summary = VERSIONS.map((v) => `| ${v} | ${count(v, 'pass')} | ${count(v, 'partial')} | ${count(v, 'refused')} | ${count(v, 'untested')} | ${total} |`);
  const services = [...new Set(ALL.map(([m]) => (m.includes('.') ? m.split('.')[0] : '')))];
  return [
    '<!-- Made by tests/conformance from its results. Do not edit: run `npm run update` there. -->',
    '# Compatibility',
    '',
    'What the unmodified `nim-web-sdk-ng` gets from this server, method by method, as the conformance suite saw it.',
    '',
    '- **pass**: the method was called, and what came back, and what others were told, was checked.',
    '- **partial**: some uses pass, others are refused.',
    '- **refused**: not built; the server answers a vendor code at once, and the link goes on.',
    '- **untested**: no test calls it.',
    '',
    '| SDK | pass | partial | refused | untested | methods |',
    '| --- | --- | --- | --- | --- | --- |',
    ...summary,
    '',
    'The methods of `qchatMedia` without a command go through the room kit; they are tried in Chromium, the others in Node.',
    '',
  ].join('\n')
    + services.map((s) => table(rows.filter((r) => !r.method.includes(':') && (s ? r.method.startsWith(`${s}.`) : !r.method.includes('.'))), s ? `\`${s}\`` : 'Session', (n) => `\`${n.split('.').at(-1)}\``)).join('')
    + KINDS.map(([prefix, heading]) => table(rows.filter((r) => r.method.startsWith(prefix)), heading, (n) => `\`${n.slice(prefix.length)}\``)).join('')
    + restSection(rest)
    + engineTable(engines);
}
