import type { ServerResponse } from 'node:http';

/** The response bytes that wait for slow clients. */
export interface SlowReaders {
  /**
   * Counts a response that its client reads too slowly. If all such responses exceed the bound, those that have been
   * stalled for the longest are cut off.
   *
   * @param cut ends the response
   */
  wait(response: ServerResponse, cut: () => void): void;
  /** The client reads again, or has disconnected. */
  resume(response: ServerResponse): void;
}

/** The further memory of a stalled response: bytes already read from MAAS, and objects. */
const overhead = 64 * 1024;

/** @param maxBytes how many bytes may wait */
export function createSlowReaders(maxBytes: number): SlowReaders {
  /** In the order in which they stalled. */
  const waiting = new Map<ServerResponse, { readonly bytes: number; cut(): void }>();
  let held = 0;

  function resume(response: ServerResponse): void {
    const stalled = waiting.get(response);
    if (stalled === undefined) return;
    held -= stalled.bytes;
    waiting.delete(response);
  }

  return {
    resume,
    wait(response, cut) {
      resume(response);
      const bytes = response.writableLength + overhead;
      waiting.set(response, { bytes, cut });
      held += bytes;
      for (const [slow, stalled] of waiting) {
        if (held <= maxBytes || slow === response) break;
        resume(slow);
        stalled.cut();
      }
    },
  };
}
