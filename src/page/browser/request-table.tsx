import { useState } from 'preact/hooks';
import type { RequestEntry } from './contract.ts';

/** How many requests are shown. */
export const mostEntries = 500;

interface Props {
  /** The newest first. */
  readonly entries: readonly RequestEntry[];
  /** Whether the stream is connected; missing if the page shows that elsewhere. */
  readonly isConnected?: boolean;
  /** Whether to show the client of each. */
  readonly showsClient?: boolean;
}

/** Requests that have ended; they can be filtered and paused. Metadata only. */
export function RequestTable({ entries, isConnected, showsClient = false }: Props) {
  const [held, setHeld] = useState<readonly RequestEntry[]>();
  const [filter, setFilter] = useState('');
  const isPaused = held !== undefined;
  const wanted = filter.toLowerCase();
  const shown = (held ?? entries).filter(
    (entry) => wanted === '' || JSON.stringify(Object.values(entry)).toLowerCase().includes(wanted),
  );
  return (
    <section aria-label="Requests">
      <div class="bar">
        <label>
          Filter <input type="search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
        <button type="button" aria-pressed={isPaused} onClick={() => setHeld(isPaused ? undefined : entries)}>
          {isPaused ? 'Go on' : 'Pause'}
        </button>
        {isConnected !== undefined && (
          <span class={isConnected ? 'good' : 'bad'}>{isConnected ? 'live' : 'not connected'}</span>
        )}
      </div>
      {shown.length === 0 && entries.length > 0 && <p>No request fits the filter.</p>}
      {entries.length === 0 && <p>No request has ended since this page was opened. Send one, and it appears here.</p>}
      {shown.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Requests, newest first">
          <table class="requests">
            <thead>
              <tr>
                {[
                  'Time',
                  ...(showsClient ? ['Client'] : []),
                  'Operation',
                  'Status',
                  'Took',
                  'In the queue',
                  'At MAAS',
                  '',
                ].map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((entry) => (
                <Row key={`${entry.requestId} ${entry.time}`} entry={entry} showsClient={showsClient} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ entry, showsClient }: { readonly entry: RequestEntry; readonly showsClient: boolean }) {
  const { time, client, peer, operation, method, path, status, ms, waitMs, maasMs, reuse, title, detail } = entry;
  return (
    <tr>
      <td>{new Date(time).toLocaleTimeString()}</td>
      {showsClient && <td>{client ?? peer}</td>}
      <td>{operation === 'other' ? `${method} ${path}` : operation}</td>
      <td class={status < 400 ? 'good' : 'bad'}>{status}</td>
      <td>{ms} ms</td>
      <td>{waitMs === undefined ? '' : `${waitMs} ms`}</td>
      <td>{maasMs === undefined ? '' : `${maasMs} ms`}</td>
      <td>
        {reuse === 'collapsed' && 'collapsed'}
        {reuse === 'hit' && 'from the cache'}
        {title !== undefined && `${title}. ${detail ?? ''}`}
      </td>
    </tr>
  );
}
