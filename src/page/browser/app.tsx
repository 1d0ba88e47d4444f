import { useEffect, useMemo, useState } from 'preact/hooks';
import { fromHash, toHash } from './explorer/address.ts';
import type { Values } from './explorer/call.ts';
import type { Me, Operation, Operations } from './contract.ts';
import { rememberCall, sentCalls } from './explorer/history.ts';
import { KeyForm } from './key-form.tsx';
import { LiveRequests } from './live-requests.tsx';
import { OperationList } from './explorer/operation-list.tsx';
import { OperationView } from './explorer/operation.tsx';
import { ProblemError, read, storedKey, storeKey } from './session.ts';
import { WhoAmI } from './who-am-i.tsx';

/** The data from the proxy. */
interface Loaded {
  readonly me: Me;
  readonly operations: Operations;
}

export function App() {
  const [loaded, setLoaded] = useState<Loaded>();
  const [problem, setProblem] = useState<ProblemError>();
  const [tab, setTab] = useState<'explorer' | 'requests'>('explorer');

  async function load(): Promise<void> {
    try {
      // One after the other: a client may be allowed one request at a time.
      const me = await read<Me>('/-/me');
      const operations = await read<Operations>('/-/operations');
      setProblem(undefined);
      setLoaded({ me, operations });
    } catch (error) {
      setProblem(
        error instanceof ProblemError ? error : new ProblemError(0, 'The proxy does not respond; is it running?'),
      );
    }
  }
  useEffect(() => void load(), []);

  if (problem !== undefined && (problem.status === 401 || problem.status === 403)) {
    return (
      <KeyForm
        title="MAAS API"
        label="Your key for this gateway"
        hint="Three parts with colons between them. It is kept in this tab alone, and forgotten when the tab is closed."
        problem={storedKey() === undefined ? undefined : problem.message}
        onKey={(key) => {
          storeKey(key);
          void load();
        }}
      />
    );
  }
  if (problem !== undefined) {
    return (
      <main>
        <p role="alert">{problem.message}</p>
        <button type="button" onClick={() => void load()}>
          Try again
        </button>
      </main>
    );
  }
  if (loaded === undefined) return <main aria-busy="true">Loading…</main>;
  return (
    <>
      <header>
        <h1>MAAS API</h1>
        <nav aria-label="Views">
          <button type="button" aria-pressed={tab === 'explorer'} onClick={() => setTab('explorer')}>
            Explorer
          </button>
          <button type="button" aria-pressed={tab === 'requests'} onClick={() => setTab('requests')}>
            My requests
          </button>
        </nav>
        <WhoAmI
          me={loaded.me}
          onForget={
            storedKey() === undefined
              ? undefined
              : () => {
                  storeKey(undefined);
                  setLoaded(undefined);
                  void load();
                }
          }
        />
      </header>
      {/* Both stay, so that requests are counted while the explorer is used. */}
      <div hidden={tab !== 'explorer'}>
        <Explorer operations={loaded.operations} />
      </div>
      <main hidden={tab !== 'requests'}>
        <LiveRequests />
      </main>
    </>
  );
}

function Explorer({ operations: { operations, unknown } }: { readonly operations: Operations }) {
  const byName = useMemo(() => new Map(operations.map((operation) => [operation.name, operation])), [operations]);
  const [name, setName] = useState(() => fromHash(location.hash).name);
  const [values, setValues] = useState<Values>(() => fromHash(location.hash).values);
  const [sent, setSent] = useState(sentCalls);
  useEffect(() => {
    const openLinked = (): void => {
      const next = fromHash(location.hash);
      setName(next.name);
      setValues(next.values);
    };
    addEventListener('hashchange', openLinked);
    return () => removeEventListener('hashchange', openLinked);
  }, []);
  const operation = name === undefined ? undefined : byName.get(name);

  function fillIn(chosen: Operation, next: Values): void {
    setValues(next);
    history.replaceState(null, '', toHash(chosen.name, next));
  }

  return (
    <div class="explorer">
      <OperationList operations={operations} unknown={unknown} chosen={name} />
      <main>
        {operation === undefined ? (
          <Welcome />
        ) : (
          <OperationView
            key={operation.name}
            operation={operation}
            values={values}
            onValues={(next) => fillIn(operation, next)}
            onSent={(call, status) => setSent(rememberCall(call, toHash(operation.name, values), status))}
          />
        )}
        {sent.length > 0 && (
          <section aria-label="Sent from this tab">
            <h3>Sent from this tab</h3>
            <ul class="sent">
              {sent.map(({ hash, title, status }) => (
                <li key={hash}>
                  <a href={hash}>{title}</a> <span class={status < 400 ? 'good' : 'bad'}>{status}</span>
                </li>
              ))}
            </ul>
          </section>
        )}
      </main>
    </div>
  );
}

function Welcome() {
  return (
    <section>
      <h2>Every operation of MAAS, signed for you</h2>
      <p>
        Search on the left, for example “power off”, fill in what it needs, and send it. The same call is there to copy
        as curl, HTTPie, Python or MAAS CLI.
      </p>
      <p>
        Begin with <a href={toHash('GET machines', {})}>the list of machines</a> or{' '}
        <a href={toHash('GET users whoami', {})}>who am I</a>.
      </p>
    </section>
  );
}
