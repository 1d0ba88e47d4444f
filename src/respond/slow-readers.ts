import type { ServerResponse } from 'node:http';

/** What waits in connections for clients that do not read as fast as they are sent. */
export interface SlowReaders {
  /**
   * A client has been sent more than it reads. Where all such clients have more waiting than there is room for, those that have
   * read nothing for the longest are cut.
   *
   * @param cut ends the response
   */
  wait(response: ServerResponse, cut: () => void): void;
  /** The client reads again, or has gone. */
  goOn(response: ServerResponse): void;
}

/** What a response that stands still keeps besides: what has been read of MAAS's, and objects, bytes. */
const besides = 64 * 1024;

/** @param room how much may wait, bytes */
export function createSlowReaders(room: number): SlowReaders {
  /** In the order in which they have stopped reading. */
  const waiting = new Map<ServerResponse, { readonly bytes: number; cut(): void }>();
  let held = 0;

  function goOn(response: ServerResponse): void {
    const known = waiting.get(response);
    if (known === undefined) return;
    held -= known.bytes;
    waiting.delete(response);
  }

  return {
    goOn,
    wait(response, cut) {
      goOn(response);
      const bytes = response.writableLength + besides;
      waiting.set(response, { bytes, cut });
      held += bytes;
      for (const [slow, known] of waiting) {
        if (held <= room || slow === response) break;
        goOn(slow);
        known.cut();
      }
    },
  };
}
