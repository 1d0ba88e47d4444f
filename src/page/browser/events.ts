import { send } from './session.ts';

/** How long to wait before a stream that ended is opened again, ms. */
const pauseMs = 2_000;

/**
 * Reads server-sent events until `signal` says to stop, and opens the stream again where it ends. `EventSource` would do, but
 * cannot send the gateway's key.
 */
export async function readEvents(
  path: string,
  signal: AbortSignal,
  onConnected: (isConnected: boolean) => void,
  onData: (data: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await send(path, { signal, headers: { Accept: 'text/event-stream' } });
      if (response.ok && response.body !== null) {
        onConnected(true);
        await readLines(response.body, (line) => {
          if (line.startsWith('data:')) onData(line.slice(5).trim());
        });
      }
    } catch {
      // ended, or could not be opened
    }
    if (signal.aborted) return;
    onConnected(false);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function readLines(body: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
}
