import { useEffect, useRef, useState } from 'preact/hooks';
import type { RequestEntry } from './contract.ts';
import { readEvents } from './events.ts';

/** How many requests are shown. */
const most = 500;

/** Requests as they end, the newest first. Metadata only. @param showsClient where they are everybody's */
export function LiveRequests({ showsClient = false }: { readonly showsClient?: boolean }) {
  const [entries, setEntries] = useState<readonly RequestEntry[]>([]);
  const [isPaused, setPaused] = useState(false);
  const [filter, setFilter] = useState('');
  const [isConnected, setConnected] = useState(false);
  const paused = useRef(false);
  paused.current = isPaused;

  useEffect(() => {
    const ended = new AbortController();
    void readEvents('/-/requests', ended.signal, setConnected, (data) => {
      if (!paused.current) setEntries((before) => [JSON.parse(data) as RequestEntry, ...before].slice(0, most));
    });
    return () => ended.abort();
  }, []);

  const wanted = filter.toLowerCase();
  const shown = entries.filter(
    (entry) => wanted === '' || JSON.stringify(Object.values(entry)).toLowerCase().includes(wanted),
  );
  return (
    <section aria-label="Requests">
      <div class="bar">
        <label>
          Filter <input type="search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? 'Go on' : 'Pause'}
        </button>
        <span class={isConnected ? 'good' : 'bad'}>{isConnected ? 'live' : 'not connected'}</span>
      </div>
      {shown.length === 0 && <p>No request has ended since this page was opened. Send one, and it appears here.</p>}
      {shown.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Requests, newest first">
          <table>
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
  const { time, client, operation, method, path, status, ms, waitMs, maasMs, reuse, title, detail } = entry;
  return (
    <tr>
      <td>{new Date(time).toLocaleTimeString()}</td>
      {showsClient && <td>{client ?? ''}</td>}
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
