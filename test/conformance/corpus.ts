import type { Case } from './case.ts';
import { chunks, extensionsAndTrailers } from './cases/chunked.ts';
import { connection } from './cases/connection.ts';
import { contract } from './cases/contract.ts';
import { expectations } from './cases/expect.ts';
import { contentLength, transferEncoding } from './cases/framing.ts';
import { headers } from './cases/headers.ts';
import { hopByHop } from './cases/hop-by-hop.ts';
import { hostField } from './cases/host.ts';
import { requestLine, requestTarget, versions } from './cases/request-line.ts';
import { responseHeaders, statusLines } from './cases/response-headers.ts';
import { bodiless, responseFraming } from './cases/responses.ts';

/** The corpus, by themes. */
export const themes: readonly { readonly name: string; readonly cases: readonly Case[] }[] = [
  { name: 'Request line', cases: requestLine },
  { name: 'Version', cases: versions },
  { name: 'Request target and methods', cases: requestTarget },
  { name: 'Host', cases: hostField },
  { name: 'Header fields', cases: headers },
  { name: 'Hop by hop, Via, Upgrade', cases: hopByHop },
  { name: 'Content-Length', cases: contentLength },
  { name: 'Transfer-Encoding and smuggling', cases: transferEncoding },
  { name: 'Chunks', cases: chunks },
  { name: 'Chunk extensions and trailers', cases: extensionsAndTrailers },
  { name: 'Connections and pipelining', cases: connection },
  { name: 'Expect and interim responses', cases: expectations },
  { name: "MAAS's responses: status line", cases: statusLines },
  { name: "MAAS's responses: header fields", cases: responseHeaders },
  { name: "MAAS's responses: framing", cases: responseFraming },
  { name: "MAAS's responses without a body", cases: bodiless },
  { name: 'What maas-auth-proxy promises beyond HTTP', cases: contract },
];

/** All cases, in the order of their themes. */
export const corpus: readonly Case[] = themes.flatMap(({ cases }) => cases);
