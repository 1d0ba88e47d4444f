// A key whose secret is searched for in everything that the program outputs.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { startCli, type Running } from './cli.ts';

/** The three parts of the key. */
export const [consumer, token, secret] = [
  'CanaryConsumerKey0',
  'CanaryTokenValue00',
  'Zq7Rk2Wm9Xt4Lp8Vn3Hs6Dj1Fb5Gc0Ya',
] as const;
/** The complete canary key. */
export const key = `${consumer}:${token}:${secret}`;
/** A value in a request's query, which no log may contain. */
export const queryValue = 'Uv8Canary9Query0Value';

/** Every encoding in which the secret, or ten characters of it, could leak. */
const shapes: readonly [string, string][] = [
  ...windows(secret).map((part): [string, string] => ['raw', part]),
  ...windows([...secret].toReversed().join('')).map((part): [string, string] => ['reversed', part]),
  ['percent-encoded', percent(secret)],
  ['percent-encoded in lower case', percent(secret).toLowerCase()],
  ['hexadecimal', Buffer.from(secret).toString('hex')],
  ['hexadecimal in upper case', Buffer.from(secret).toString('hex').toUpperCase()],
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

/** In base64 a text has three forms, which depend on how many bytes precede it (modulo 3). */
function base64Shapes(): [string, string][] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.from('&'.repeat(before) + secret).toString('base64');
    // Without the characters that also depend on the bytes before and after it.
    return [`base64, at offset ${before}`, encoded.slice(before === 0 ? 0 : 4, 4 + 36)];
  });
}

/** Fails if a text contains the secret in any encoding. */
export function assertNoSecret(text: string, where: string): void {
  for (const [shape, part] of shapes) {
    if (text.includes(part)) assert.fail(`the secret is in ${where}, ${shape}: ${part} in\n${text}`);
  }
}

/** The program as an operator runs it, with its addresses. */
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
  // The log may be silent, and the program prints a free port that it has chosen only there.
  const freePortFlags = ['--port', '0', '--admin-port', '0'];
  const running = startCli(t, [...freePortFlags, ...flags], {
    MAAS_URL: maasUrl,
    MAAS_API_KEY: key,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(printPorts)}`,
    ...env,
  });
  const [, url = ''] = await running.printed(/^test: (http:\S+)$/m);
  const [, adminUrl = ''] = await running.printed(/^test: http:\S+\n(?:[^]*\n)?test: (http:\S+)$/m);
  return { running, url, adminUrl };
}

/** Code for the child process: writes each address that it listens on to standard error. */
export const printPorts = `
  import net from 'node:net';
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...args) {
    this.once('listening', () => process.stderr.write('test: http://127.0.0.1:' + this.address().port + '\\n'));
    return listen.apply(this, args);
  };
`;

/** Stops the program, so that its output is complete. @returns every byte of both outputs */
export async function outputOf({ running }: Watched): Promise<string> {
  running.child.kill('SIGTERM');
  const { stdout, stderr, code } = await running.ended;
  assert.equal(code, 0, stderr);
  return stdout + stderr;
}

/** A MAAS that accepts the canary key. */
export async function startMaas(t: TestContext): Promise<Simulator> {
  const maas = await startSimulator({ machines: 1, keys: { admin: key } });
  t.after(() => maas.close());
  return maas;
}
