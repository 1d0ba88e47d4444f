// Sends requests as bytes, and says what has arrived at MAAS.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { startTestProxy } from '../support/proxy.ts';
import { readMessage, startRecordingMaas, type RawMessage, type RecordingMaas } from '../support/recording-maas.ts';
import { valuesOf } from './fields.ts';

export interface Sender {
  readonly maas: RecordingMaas;
  /**
   * Sends a request, which must ask for the connection's end, and reads the final answer.
   *
   * @param cutAt where the bytes are cut as they are sent, as shares of them
   */
  answered(request: string, cutAt?: readonly number[]): Promise<RawMessage>;
  /** The same; says what has arrived. `undefined`: nothing, and the answer is a problem document with a status of 4xx. */
  exchange(request: string, cutAt?: readonly number[]): Promise<RawMessage | undefined>;
}

/** Starts a MAAS, and a proxy that changes and refuses as little as it can. */
export async function startSender(t: TestContext): Promise<Sender> {
  const maas = await startRecordingMaas(t);
  const proxy = await startTestProxy(t, maas.url, {
    flags: ['--policy', 'unrestricted', '--no-json-to-form', '--no-page'],
  });
  const port = Number(new URL(proxy.url).port);
  const answered: Sender['answered'] = async (request, cutAt = []) => {
    let text = await sendBytes(port, request, cutAt);
    while (/^HTTP\/1\.1 1\d\d /.test(text)) text = text.slice(text.indexOf('\r\n\r\n') + 4);
    assert.notEqual(text, '', 'no answer');
    return readMessage(text);
  };
  return {
    maas,
    answered,
    async exchange(request, cutAt) {
      const before = maas.received.length;
      const { startLine, fields, body } = await answered(request, cutAt);
      const arrived = maas.received.slice(before);
      if (arrived.length === 0) {
        assert.match(startLine, /^HTTP\/1\.1 4\d\d /);
        assert.deepEqual(valuesOf(fields, 'content-type'), ['application/problem+json']);
        assert.match(valuesOf(fields, 'proxy-status').join(), /^maas-auth-proxy; error=/);
        assert.equal((JSON.parse(body) as { status: number }).status, Number(startLine.split(' ')[1]));
      } else {
        assert.equal(arrived.length, 1, 'more than one request has arrived');
        assert.match(startLine, /^HTTP\/1\.1 200 OK$/);
      }
      return arrived[0];
    },
  };
}

/** Sends bytes, cut in pieces, and reads until the proxy closes. */
function sendBytes(port: number, request: string, cutAt: readonly number[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let text = '';
    socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
    socket.setTimeout(30_000, () => socket.destroy());
    socket.on('error', () => {}); // what matters is what came
    socket.on('close', () => resolve(text));
    const ends = cutAt.map((share) => Math.floor(share * request.length)).toSorted((a, b) => a - b);
    let begin = 0;
    for (const end of [...ends, request.length]) {
      socket.write(request.slice(begin, end), 'latin1');
      begin = end;
    }
  });
}
