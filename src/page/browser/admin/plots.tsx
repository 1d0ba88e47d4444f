import type { ProxyState } from './contract.ts';
import { Plot } from './plot.tsx';

/** The last minutes of the proxy as plots. */
export function Plots({ states }: { readonly states: readonly ProxyState[] }) {
  const times = states.map(({ time }) => Date.parse(time));
  const each = (value: (state: ProxyState) => number | null): (number | null)[] => states.map(value);
  return (
    <section class="plots" aria-label="The last minutes">
      <Plot
        title="Requests per second"
        unit=""
        times={times}
        series={[
          { label: 'all', values: each(({ recent }) => recent.rate) },
          { label: 'failed (5xx)', values: each(({ recent }) => recent.failed) },
          { label: 'refused (4xx)', values: each(({ recent }) => recent.refused) },
        ]}
      />
      <Plot
        title="How long they took"
        unit="ms"
        times={times}
        series={[
          { label: 'p50', values: each(({ recent }) => recent.p50) },
          { label: 'p99', values: each(({ recent }) => recent.p99) },
        ]}
      />
      <Plot
        title="Requests in flight"
        unit=""
        times={times}
        series={[
          { label: 'at MAAS', values: each(({ inFlight }) => inFlight) },
          { label: 'in the queue', values: each(({ queued }) => queued) },
        ]}
      />
      <Plot
        title="Share that MAAS never saw"
        unit="%"
        times={times}
        series={[
          { label: 'collapsed', values: each(({ recent }) => percent(recent.collapsed)) },
          { label: 'from the cache', values: each(({ recent }) => percent(recent.cached)) },
        ]}
      />
    </section>
  );
}

function percent(share: number | null): number | null {
  return share === null ? null : share * 100;
}
