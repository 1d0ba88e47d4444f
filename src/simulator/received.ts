// The requests that the simulator has received, kept for tests.
import type { IncomingMessage } from 'node:http';

export interface ReceivedRequest {
  method: string;
  /** The request target as received, not decoded. */
  target: string;
  httpVersion: string;
  rawHeaders: string[];
  /** The first MiB of the body. */
  body: Buffer;
  bodyLength: number;
  /** Hex, of the body as far as it was received. */
  sha256: string;
  /** The user it ran as; null: anonymous, refused, or not authenticated. */
  user: string | null;
  /** The body was received completely. */
  complete: boolean;
  /** The client disconnected before the response was complete; a planned fault does not count. */
  aborted: boolean;
  /** `POST machines/{system_id} deploy`; method and target if it is not a known operation. */
  operation: string;
  /** Null: no response was started. */
  status: number | null;
}

const KEPT_REQUESTS = 20_000;
const KEPT_BYTES = 256 * 2 ** 20;

/** A bounded list: the oldest requests are dropped, and before that the oldest bodies are emptied. */
export function createLog() {
  const received: ReceivedRequest[] = [];
  let waiting: ((request: ReceivedRequest) => void)[] = [];
  let bytes = 0;
  let emptied = 0;

  return {
    received,
    begin(message: IncomingMessage): ReceivedRequest {
      const { method = '', url: target = '', httpVersion, rawHeaders } = message;
      const request: ReceivedRequest = {
        method,
        target,
        httpVersion,
        rawHeaders,
        operation: `${method} ${target}`,
        body: Buffer.alloc(0),
        bodyLength: 0,
        sha256: '',
        user: null,
        complete: false,
        aborted: false,
        status: null,
      };
      received.push(request);
      if (received.length > KEPT_REQUESTS) {
        bytes -= received.shift()?.body.length ?? 0;
        emptied = Math.max(0, emptied - 1);
      }
      const now = waiting;
      waiting = [];
      for (const resolve of now) resolve(request);
      return request;
    },
    keepBody(request: ReceivedRequest, body: Buffer) {
      request.body = body;
      bytes += body.length;
      for (; bytes > KEPT_BYTES && emptied < received.length; emptied += 1) {
        const old = received[emptied];
        if (!old || old === request) break;
        bytes -= old.body.length;
        old.body = Buffer.alloc(0);
      }
    },
    /** Resolves with the next request, as soon as its headers have arrived. */
    next: async () => new Promise<ReceivedRequest>((resolve) => void waiting.push(resolve)),
    clear() {
      received.length = 0;
      bytes = 0;
      emptied = 0;
    },
  };
}
