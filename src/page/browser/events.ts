import { send } from './session.ts';

/** The delay before a stream that ended is reopened, ms. */
const pauseMs = 2_000;

/**
 * Reads server-sent events until `signal` aborts, and reopens the stream when it ends. `EventSource` cannot send the
 * gateway's key.
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
  let incomplete = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (incomplete + decoder.decode(value, { stream: true })).split('\n');
    incomplete = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
}
