// The pages for operators and the unit: what they tell people to write is what the program takes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { configured, read, root, rotunda, value } from './program.mjs';

const PAGES = ['README.md', ...fs.readdirSync(path.join(root, 'docs/operate')).map((file) => `docs/operate/${file}`)];

/** Fenced blocks of a language, also those inside a list. */
const blocks = (page, language) => [...read(page).matchAll(new RegExp(`^([ ]*)\`\`\`${language}\\n(.*?)^\\1\`\`\``, 'gms'))]
  .map(([, indent, text]) => text.split('\n').map((line) => line.slice(indent.length)).join('\n'));

/** `Key=value` lines of a unit. */
const settings = (text) => [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key, set]) => ({ key, set }));

for (const page of PAGES) {
  test(`${page}: configurations are accepted, links lead somewhere`, () => {
    for (const toml of blocks(page, 'toml')) {
      const printed = configured({ toml });
      assert.equal(printed.status, 0, `${toml}\n${printed.stderr}`);
    }
    for (const [, name, set] of read(page).matchAll(/\b(ROTUNDA_[A-Z0-9]+(?:__[A-Z0-9_]+)+)=("[^"]*"|\S*)/g)) {
      const refused = configured({ env: { [name]: set.replace(/^"|"$|`$/g, '') || '1' } }).stderr;
      assert.doesNotMatch(refused, /unknown key/, name);
    }
    for (const [, target] of read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      assert.ok(fs.existsSync(path.join(root, path.dirname(page), target)), `${page} points at ${target}`);
    }
  });

  test(`${page}: the commands it names are commands of the program`, () => {
    const commands = new Set();
    for (const [, line] of read(page).matchAll(/(?:^|[\s`/])rotunda((?: (?:--data|--config|--app|--json) \S+| [a-z][a-z-]*)+)/gm)) {
      const words = line.trim().split(' ');
      const named = words.filter((word, at) => /^[a-z-]+$/.test(word) && !word.startsWith('--') && !(words[at - 1] ?? '').startsWith('--'));
      if (known().has(named[0])) commands.add(named.slice(0, known().get(named[0]).size > 0 ? 2 : 1).join(' '));
    }
    for (const command of commands) {
      const [first, second] = command.split(' ');
      assert.ok(!second || known().get(first).has(second), `rotunda ${command}`);
      assert.equal(rotunda([...command.split(' '), '--help']).status, 0, `rotunda ${command}`);
    }
  });
}

let found;
/** Every command with its own commands, as `--help` lists them. */
function known() {
  const list = (args) => {
    const { stdout } = rotunda([...args, '--help']);
    const part = stdout.split(/^Commands:\n/m)[1]?.split('\n\n')[0] ?? '';
    return [...part.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name).filter((name) => name !== 'help');
  };
  found ??= new Map(list([]).map((name) => [name, new Set(list([name]))]));
  return found;
}

test('the unit starts the program as the page says, and stops it no sooner than it needs', () => {
  const unit = settings(read('deploy/systemd/rotunda.service'));
  const of = (key) => unit.find((setting) => setting.key === key)?.set;
  const [program, ...args] = of('ExecStart').split(' ');
  assert.equal(path.basename(program), 'rotunda');
  const [option, file, ...command] = args;
  assert.deepEqual([option, file], ['--config', '/etc/rotunda.toml']);
  assert.equal(rotunda([...command, '--help']).status, 0);
  const [toml] = blocks('docs/operate/vps.md', 'toml');
  const { stdout } = configured({ toml });
  assert.equal(value(stdout, null, 'data'), `/var/lib/${of('StateDirectory')}`);
  assert.ok(Number(of('TimeoutStopSec')) > value(stdout, 'server', 'shutdown_grace_secs'));
  assert.ok(read('docs/operate/vps.md').includes('deploy/systemd/rotunda.service'));
});
