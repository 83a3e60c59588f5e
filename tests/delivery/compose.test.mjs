// The compose file and the image, held against each other and against the program that runs in them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { parse } from 'yaml';
import { compose, configured, read, root, rotunda, value } from './program.mjs';

const ours = (services) => services.rotunda;

/** `1.29.2` writes ports as objects; what is left out is TCP. */
const ports = (service) => service.ports.map(({ published, target, protocol = 'tcp' }) => `${published}:${target}/${protocol}`).sort();

/** Instructions of the Dockerfile with their continued lines joined. */
function dockerfile() {
  const lines = read('Dockerfile').replaceAll(/\\\n/g, ' ').split('\n').filter((line) => line.trim() && !line.startsWith('#'));
  return lines.map((line) => { const [word, ...rest] = line.trim().split(/\s+/); return { word, rest: rest.join(' ') }; });
}

/** Of the last stage: earlier ones only build. */
function image() {
  const all = dockerfile();
  return all.slice(all.findLastIndex(({ word }) => word === 'FROM'));
}

const imageEnv = () => Object.fromEntries(image().filter(({ word }) => word === 'ENV').flatMap(({ rest }) => rest.split(/\s+/).map((pair) => pair.split('='))));

/** What the program in the container is configured with. */
const inContainer = (service) => ({ ...imageEnv(), ...service.environment });

test('the compose file is understood unedited, and its settings are keys of the program', () => {
  const { services } = parse(compose());
  assert.deepEqual(ports(ours(services)), ['8443:8443/tcp', '8443:8443/udp']);
  const printed = configured({ env: inContainer(ours(services)) });
  assert.equal(printed.status, 0, printed.stderr);
  assert.equal(value(printed.stdout, 'server', 'port'), 8443);
  assert.equal(value(printed.stdout, 'server', 'listen'), '0.0.0.0');
  assert.match(value(printed.stdout, 'database', 'url'), /@postgres\/rotunda$/);
});

test('one variable puts it on a LAN, and the address reaches links and media', () => {
  const { services } = parse(compose({ ROTUNDA_ADDRESS: '192.0.2.10', ROTUNDA_PORT: '9000' }));
  assert.deepEqual(ports(ours(services)), ['9000:9000/tcp', '9000:9000/udp']);
  const { stdout } = configured({ env: inContainer(ours(services)) });
  assert.equal(value(stdout, 'server', 'public_url'), 'https://192.0.2.10:9000');
  assert.equal(value(stdout, 'server', 'port'), 9000);
  assert.deepEqual(value(stdout, 'media', 'advertise'), ['192.0.2.10']);
});

test('nobody but Rotunda reaches the database', () => {
  const { services, networks } = parse(compose());
  const [inside] = Object.keys(services.postgres.networks);
  assert.deepEqual(Object.keys(services.postgres.networks), [inside]);
  assert.equal(networks[inside].internal, true);
  assert.equal(services.postgres.ports, undefined);
});

test('a setting that the program does not know would be seen here', () => {
  const { services } = parse(compose());
  const printed = configured({ env: { ...inContainer(ours(services)), ROTUNDA_SERVER__PROT: '1' } });
  assert.notEqual(printed.status, 0);
  assert.match(printed.stderr, /server\.port/);
});

test('.env.example has every variable of the compose file and no other', () => {
  const used = new Set([...read('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
  const told = new Set([...read('.env.example').matchAll(/^#?(\w+)=/gm)].map(([, name]) => name));
  assert.deepEqual(told, used);
});

test('the container is healthy by a command that the program has, and runs without rights', () => {
  const { services } = parse(compose());
  assert.equal(ours(services).read_only, true);
  assert.deepEqual(ours(services).cap_drop, ['ALL']);
  const check = image().find(({ word }) => word === 'HEALTHCHECK').rest;
  const [program, ...args] = JSON.parse(check.slice(check.indexOf('[')));
  const entry = JSON.parse(image().find(({ word }) => word === 'ENTRYPOINT').rest);
  const command = JSON.parse(image().find(({ word }) => word === 'CMD').rest);
  assert.deepEqual(entry, [program]);
  for (const line of [args, command]) assert.equal(rotunda([...line, '--help']).status, 0, line.join(' '));
  assert.equal(rotunda(['helthcheck', '--help']).status, 2);
});

test('what the image copies is in the tree, and what it writes is a volume', () => {
  const { services, volumes } = parse(compose());
  for (const { word, rest } of dockerfile()) {
    if (word !== 'COPY' || rest.includes('--from=')) continue;
    for (const from of rest.split(/\s+/).slice(0, -1)) assert.ok(fs.existsSync(path.join(root, from)), from);
  }
  const [volume, at] = ours(services).volumes[0].split(':');
  assert.ok(volume in volumes);
  assert.equal(at, imageEnv().ROTUNDA_DATA);
  assert.equal(image().find(({ word }) => word === 'VOLUME').rest, at);
});

test('the port that the image says it has is the one that it listens on', () => {
  const printed = configured({ env: imageEnv() });
  const port = value(printed.stdout, 'server', 'port');
  assert.equal(image().find(({ word }) => word === 'EXPOSE').rest, `${port}/tcp ${port}/udp`);
});

test('a stop leaves time for what the program waits for', () => {
  const { services } = parse(compose());
  const { stdout } = configured({ env: inContainer(ours(services)) });
  const grace = value(stdout, 'server', 'shutdown_grace_secs');
  assert.ok(Number.parseInt(ours(services).stop_grace_period, 10) > grace, `${ours(services).stop_grace_period} for ${grace} s`);
});
