import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { settings, type Setting } from '../../src/config/settings.ts';
import { DEMO_ADMIN_KEY } from '../../src/simulator/accounts.ts';
import { composeServices, secondsToStop, skipWithoutCompose } from '../support/compose.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const dockerfile = readFileSync(`${root}Dockerfile`, 'utf8');
const file = `${root}docker-compose.yml`;
const skip = skipWithoutCompose;

function addressOf(port: string | { readonly host_ip?: string }): string | undefined {
  return typeof port === 'string' ? /^([\d.]+|\[.*\]):\d+:\d+/.exec(port)?.[1] : port.host_ip;
}

test('every published port is reached from this machine alone', { skip }, () => {
  const ports = Object.values(composeServices(file, 'demo')).flatMap((service) => service.ports ?? []);
  assert.equal(ports.length, 2);
  for (const port of ports) assert.equal(addressOf(port), '127.0.0.1', JSON.stringify(port));
});

test('the sidecar has its key from a secret file, and no other service has it', { skip }, () => {
  for (const [name, { environment = {}, secrets = [] }] of Object.entries(composeServices(file, 'demo'))) {
    const isSidecar = name === 'maas-auth-proxy';
    assert.deepEqual(
      secrets.map(({ source }) => source),
      isSidecar ? ['maas_api_key'] : [],
      name,
    );
    assert.equal(environment['MAAS_API_KEY_FILE'], isSidecar ? '/run/secrets/maas_api_key' : undefined, name);
    assert.equal(environment['MAAS_API_KEY'], name === 'demo' ? DEMO_ADMIN_KEY : undefined, name);
  }
});

test('no service can write to its files, has capabilities or gets new privileges', { skip }, () => {
  for (const [name, service] of Object.entries(composeServices(file, 'demo'))) {
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    if (service.user !== undefined) assert.match(service.user, /^[1-9]\d*:[1-9]\d*$/, name);
  }
});

test('a plain start has the sidecar and the service that calls it, and the demo is a profile', { skip }, () => {
  const profiles = Object.entries(composeServices(file, 'demo')).map(([name, service]) => [
    name,
    service.profiles ?? [],
  ]);
  assert.deepEqual(Object.fromEntries(profiles), {
    'maas-auth-proxy': [],
    example: [],
    maas: ['demo'],
    demo: ['demo'],
  });
});

test('the sidecar gets longer to stop than its requests get to end', { skip }, () => {
  const seconds = secondsToStop(composeServices(file)['maas-auth-proxy'] ?? {});
  assert.ok(seconds > settings.drainTimeout.default, String(seconds));
});

test('the proxies of the compose file are set by settings that exist', { skip }, () => {
  const known = new Set(Object.values(settings).flatMap((setting: Setting<unknown>) => setting.env));
  for (const [name, { environment = {}, image }] of Object.entries(composeServices(file, 'demo'))) {
    if (image !== 'maas-auth-proxy') continue;
    assert.deepEqual(
      Object.keys(environment).filter((variable) => !known.has(variable)),
      [],
      name,
    );
  }
});

test('the image runs as a numbered user that is not root', () => {
  assert.match(dockerfile, /^USER [1-9]\d*:[1-9]\d*$/m);
  assert.equal(dockerfile.match(/^USER /gm)?.length, 1);
});

test('the image asks for its own health, stops by SIGTERM and holds no curl', () => {
  assert.match(dockerfile, /^HEALTHCHECK .*CMD \["maas-auth-proxy", "healthcheck"\]$/m);
  assert.match(dockerfile, /^STOPSIGNAL SIGTERM$/m);
  assert.match(dockerfile, /^ENTRYPOINT \["node", "\/app\/dist\/src\/cli\.js"\]$/m);
  assert.doesNotMatch(withoutComments(dockerfile), /curl|wget|apt-get/);
});

test('the image carries the setting that spares memory', () => {
  assert.match(withoutComments(dockerfile), /\bNODE_OPTIONS=--v8-pool-size=1\b/);
});

test('the image is labelled with the version of package.json', () => {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
  assert.ok(dockerfile.includes(`\nARG VERSION=${version}\n`), `the Dockerfile should say ARG VERSION=${version}`);
});

test('the image and the compose file name one Node image', () => {
  const named = `${dockerfile}\n${readFileSync(file, 'utf8')}`.match(/\bnode:\d[\w.-]*/g) ?? [];
  assert.equal(new Set(named).size, 1, named.join(', '));
});

test('a build sees the sources alone: no .env, no keys, no history', () => {
  const lines = withoutComments(readFileSync(`${root}.dockerignore`, 'utf8'))
    .split('\n')
    .filter(Boolean);
  assert.equal(lines[0], '*');
  assert.deepEqual(
    lines.slice(1).toSorted(),
    ['!.npmrc', '!LICENSE', '!package-lock.json', '!package.json', '!src', '!tsconfig.json'].toSorted(),
  );
});

function withoutComments(text: string): string {
  return text.replaceAll(/^#.*$/gm, '');
}
