import { useEffect, useState } from 'preact/hooks';
import type { RequestEntry } from '../contract.ts';
import { readEvents } from '../events.ts';
import { KeyForm } from '../key-form.tsx';
import { mostEntries, RequestTable } from '../request-table.tsx';
import { ProblemError, read, storedKey, storeKey } from '../session.ts';
import type { LiveEvent, ProxyState } from './contract.ts';
import { Facts } from './facts.tsx';
import { Plots } from './plots.tsx';

/** How much is plotted: ten minutes, a point a second. */
const mostStates = 600;

/** The data since the page was opened. */
interface Seen {
  readonly states: readonly ProxyState[];
  readonly entries: readonly RequestEntry[];
  /** How many requests of a busy proxy were not sent. */
  readonly left: number;
}

/** The operator's page: the requests of all clients, and the state of the proxy and MAAS. */
export function Admin() {
  const [{ states, entries, left }, setSeen] = useState<Seen>({ states: [], entries: [], left: 0 });
  const [isConnected, setConnected] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const ended = new AbortController();
    async function checkToken(): Promise<void> {
      try {
        await read('/-/state');
        setRefusal(undefined);
      } catch (error) {
        // If the proxy does not respond, the stream is reopened automatically.
        if (!(error instanceof ProblemError) || error.status !== 401) return;
        setRefusal(error.message);
        ended.abort();
      }
    }
    void checkToken().then(() =>
      readEvents(
        '/-/live',
        ended.signal,
        (isNow) => {
          setConnected(isNow);
          if (!isNow) void checkToken();
        },
        (data) => setSeen((before) => add(before, JSON.parse(data) as LiveEvent)),
      ),
    );
    return () => ended.abort();
  }, [attempt]);

  function useToken(token: string | undefined): void {
    storeKey(token);
    setSeen({ states: [], entries: [], left: 0 });
    setAttempt(attempt + 1);
  }

  if (refusal !== undefined) {
    return (
      <KeyForm
        title="maas-auth-proxy: the operator's page"
        label="The admin token"
        hint="It is in the file that --admin-token-file names. It is kept in this tab alone, and forgotten when the tab is closed."
        problem={storedKey() === undefined ? undefined : refusal}
        onKey={useToken}
      />
    );
  }
  const state = states.at(-1);
  return (
    <>
      <header>
        <h1>maas-auth-proxy {state?.version ?? ''}</h1>
        <span role="status" class={isConnected ? 'good' : 'bad'}>
          {isConnected ? 'live' : 'not connected'}
        </span>
        {state?.ready === true && <span class="good">ready</span>}
        {state?.ready === false && <span class="bad">not ready</span>}
        {storedKey() !== undefined && (
          <button type="button" class="forget" onClick={() => useToken(undefined)}>
            Forget the token
          </button>
        )}
      </header>
      <main aria-busy={state === undefined}>
        {state === undefined ? (
          <p>Waiting for the proxy…</p>
        ) : (
          <>
            <Plots states={states} />
            <Facts state={state} />
          </>
        )}
        <h2>Everybody's requests</h2>
        {left > 0 && <p>{left.toLocaleString('en')} more have ended than this page was told of; see the log.</p>}
        <RequestTable entries={entries} showsClient />
      </main>
    </>
  );
}

function add(before: Seen, { state, requests, left }: LiveEvent): Seen {
  const titles = new Map(state.problems.map(({ code, title }) => [code, title]));
  const told = requests.map((entry) =>
    entry.code === undefined
      ? entry
      : { ...entry, title: titles.get(entry.code) ?? entry.code, detail: entry.cause ?? '' },
  );
  return {
    states: [...before.states, state].slice(-mostStates),
    entries: [...told.toReversed(), ...before.entries].slice(0, mostEntries),
    left: before.left + left,
  };
}
