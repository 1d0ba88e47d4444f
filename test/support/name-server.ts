import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

/**
 * A DNS server on loopback, such as Docker's own: it resolves one name to all of its addresses, and knows no other
 * name.
 *
 * @param addresses IPv4 addresses, read for each query, so that they may change
 * @returns host and port of the server
 */
export async function startNameServer(
  t: TestContext,
  name: string,
  addresses: () => readonly string[],
): Promise<string> {
  const server = createSocket('udp4').on('message', (question, { address, port }) => {
    server.send(responseTo(question, name, addresses()), port, address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `127.0.0.1:${server.address().port}`;
}

/** The DNS response to a query (RFC 1035 §4): only its first question counts, and only A records are known. */
function responseTo(question: Buffer, name: string, addresses: readonly string[]): Buffer {
  const end = question.indexOf(0, 12) + 5;
  const labels = name.split('.').map((label) => `${String.fromCharCode(label.length)}${label}`);
  const isKnown = question.subarray(12, end - 4).equals(Buffer.from(`${labels.join('')}\0`, 'latin1'));
  const records = isKnown && question.readUInt16BE(end - 4) === 1 ? addresses : [];
  const head = Buffer.from(question.subarray(0, 12));
  // Response, recursion available; name error (3) where it is another name.
  head.writeUInt16BE(0x8180 + (isKnown ? 0 : 3), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  // A pointer to the name in the question; A, IN, for one second, four bytes.
  const prefix = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
  const data = records.flatMap((address) => [prefix, Buffer.from(address.split('.').map(Number))]);
  return Buffer.concat([head, question.subarray(12, end), ...data]);
}
