import { useEffect, useState } from 'preact/hooks';
import type { RequestEntry } from './contract.ts';
import { readEvents } from './events.ts';
import { mostEntries, RequestTable } from './request-table.tsx';

/** This client's own requests as they end, the newest first. */
export function LiveRequests() {
  const [entries, setEntries] = useState<readonly RequestEntry[]>([]);
  const [isConnected, setConnected] = useState(false);
  useEffect(() => {
    const ended = new AbortController();
    void readEvents('/-/requests', ended.signal, setConnected, (data) =>
      setEntries((before) => [JSON.parse(data) as RequestEntry, ...before].slice(0, mostEntries)),
    );
    return () => ended.abort();
  }, []);
  return <RequestTable entries={entries} isConnected={isConnected} />;
}
