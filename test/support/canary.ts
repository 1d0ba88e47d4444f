// A key whose secret is looked for in everything that comes out of the program.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { startCli, type Running } from './cli.ts';

/** Its three parts. */
export const [consumer, token, secret] = [
  'CanaryConsumerKey0',
  'CanaryTokenValue00',
  'Zq7Rk2Wm9Xt4Lp8Vn3Hs6Dj1Fb5Gc0Ya',
] as const;
/** The canary key, whole. */
export const key = `${consumer}:${token}:${secret}`;
/** A part of the address's query, which no log may hold. */
export const queryValue = 'Uv8Canary9Query0Value';

/** Every shape in which the secret, or ten characters of it, could get out. */
const shapes: readonly [string, string][] = [
  ...windows(secret).map((part): [string, string] => ['raw', part]),
  ...windows([...secret].toReversed().join('')).map((part): [string, string] => ['reversed', part]),
  ['percent-encoded', percent(secret)],
  ['percent-encoded in small letters', percent(secret).toLowerCase()],
  ['hexadecimal', Buffer.from(secret).toString('hex')],
  ['hexadecimal in capitals', Buffer.from(secret).toString('hex').toUpperCase()],
  ['bytes as JSON', JSON.stringify([...Buffer.from(secret)]).slice(1, -1)],
  ...base64Shapes(),
];

function windows(text: string): string[] {
  return Array.from({ length: text.length - 9 }, (_, at) => text.slice(at, at + 10));
}

/** Each character percent-encoded. */
export function percent(text: string): string {
  return text.replaceAll(/./g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** In base64 a text looks in three ways, by its place: alone, behind `&`, at the end of a key and elsewhere. */
function base64Shapes(): [string, string][] {
  return [0, 1, 2].map((before) => {
    const whole = Buffer.from('&'.repeat(before) + secret).toString('base64');
    // Without the letters that also depend on what stands before and behind.
    return [`base64, ${before} behind a border`, whole.slice(before === 0 ? 0 : 4, 4 + 36)];
  });
}

/** Fails where a text holds the secret in any shape. */
export function assertNoSecret(text: string, where: string): void {
  for (const [shape, part] of shapes) {
    if (text.includes(part)) assert.fail(`the secret is in ${where}, ${shape}: ${part} in\n${text}`);
  }
}

/** The program as an operator runs it, and everything that has come out of it. */
export interface Watched {
  readonly running: Running;
  readonly url: string;
  readonly adminUrl: string;
}

/** Starts the program on free ports, with the canary key. */
export async function start(
  t: TestContext,
  maasUrl: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Watched> {
  // The log may be silent, and a proxy that listens on any free port tells it there alone.
  const socketless = ['--port', '0', '--admin-port', '0'];
  const running = startCli(t, [...socketless, ...flags], {
    MAAS_URL: maasUrl,
    MAAS_API_KEY: key,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tellPorts)}`,
    ...env,
  });
  const [, url = ''] = await running.printed(/^test: (http:\S+)$/m);
  const [, adminUrl = ''] = await running.printed(/^test: http:\S+\n(?:[^]*\n)?test: (http:\S+)$/m);
  return { running, url, adminUrl };
}

/** In the child: writes each address that it listens on to standard error. */
export const tellPorts = `
  import net from 'node:net';
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...args) {
    this.once('listening', () => process.stderr.write('test: http://127.0.0.1:' + this.address().port + '\\n'));
    return listen.apply(this, args);
  };
`;

/** Stops the program, so that all that it writes has come. @returns every byte of both outputs */
export async function outputOf({ running }: Watched): Promise<string> {
  running.child.kill('SIGTERM');
  const { stdout, stderr, code } = await running.ended;
  assert.equal(code, 0, stderr);
  return stdout + stderr;
}

/** A MAAS that takes the canary key. */
export async function startMaas(t: TestContext): Promise<Simulator> {
  const maas = await startSimulator({ machines: 1, keys: { admin: key } });
  t.after(() => maas.close());
  return maas;
}
