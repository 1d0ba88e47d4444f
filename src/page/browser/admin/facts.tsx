import type { ComponentChildren } from 'preact';
import type { ProxyState } from './contract.ts';

/** Certificates and keys that expire sooner are marked, ms. */
const soon = 14 * 86_400_000;

/** The state of MAAS and the proxy, in words. */
export function Facts({ state }: { readonly state: ProxyState }) {
  const { problems, endings, time } = state;
  const now = Date.parse(time);
  return (
    <div class="facts">
      <Health state={state} now={now} />
      <section>
        <h2>Problems since the start</h2>
        {problems.length === 0 ? (
          <p>None.</p>
        ) : (
          <Rows
            head={['Problem', 'Requests']}
            rows={problems.map(({ code, title, count }) => [
              code,
              <>
                {title} <small>{code}</small>
              </>,
              count.toLocaleString('en'),
            ])}
          />
        )}
      </section>
      <section>
        <h2>What ends next</h2>
        {endings.length === 0 ? (
          <p>No certificate and no key has an end.</p>
        ) : (
          <Rows
            head={['Certificate or key', 'Ends']}
            rows={endings.map(({ what, name, endsAt }) => [
              `${what} ${name} ${endsAt}`,
              what === 'key'
                ? `${name}'s key`
                : name === 'listener'
                  ? "The proxy's certificate"
                  : `Certificate of ${name}`,
              <time dateTime={endsAt} class={Date.parse(endsAt) - now < soon ? 'bad' : ''}>
                {sayEnd(Date.parse(endsAt), now)}
              </time>,
            ])}
          />
        )}
      </section>
    </div>
  );
}

function Health({ state, now }: { readonly state: ProxyState; readonly now: number }) {
  const { ready, reasons, regions, lastResponse, clockOffset, connections, isRedisUp, brokenFiles, uptime } = state;
  return (
    <section>
      <h2>MAAS and the proxy</h2>
      <dl>
        <dt>Ready</dt>
        <dd class={ready === null ? '' : ready ? 'good' : 'bad'}>
          {ready === null ? 'asking MAAS' : ready ? 'yes' : `no. ${reasons.join(' ')}`}
        </dd>
        {regions.map(({ region, isUp, reason }) => [
          <dt key={region}>{region}</dt>,
          <dd key={`${region} state`} class={isUp ? 'good' : 'bad'}>
            {isUp ? 'responds' : (reason ?? 'does not respond')}
          </dd>,
        ])}
        <dt>Last response of MAAS</dt>
        <dd>{lastResponse === null ? 'none yet' : `${saySpan(Math.max(0, now - Date.parse(lastResponse)))} ago`}</dd>
        <dt>MAAS's clock</dt>
        <dd class={clockOffset === 0 ? '' : 'bad'}>
          {clockOffset === 0
            ? 'no difference'
            : `${Math.abs(clockOffset)} s ${clockOffset > 0 ? 'ahead of' : 'behind'} this machine's; set both right`}
        </dd>
        {isRedisUp !== null && <dt>Redis</dt>}
        {isRedisUp !== null && (
          <dd class={isRedisUp ? 'good' : 'bad'}>{isRedisUp ? 'responds' : 'does not respond'}</dd>
        )}
        {brokenFiles.map(({ file, reason }) => [
          <dt key={file}>File: {file}</dt>,
          <dd key={`${file} state`} class="bad">
            The last good one stays in force: {reason}
          </dd>,
        ])}
        <dt>Open connections of clients</dt>
        <dd>{connections}</dd>
        <dt>Runs for</dt>
        <dd>{saySpan(uptime * 1000)}</dd>
      </dl>
    </section>
  );
}

/** A table. @param rows a key, and then the cells */
function Rows({
  head,
  rows,
}: {
  readonly head: readonly string[];
  readonly rows: readonly (readonly [string, ...ComponentChildren[]])[];
}) {
  return (
    <table>
      <thead>
        <tr>
          {head.map((title) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([key, ...cells]) => (
          <tr key={key}>
            {cells.map((cell, index) => (
              <td key={index}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function sayEnd(end: number, now: number): string {
  const day = new Date(end).toISOString().slice(0, 10);
  return end <= now ? `${day}, over` : `${day}, in ${saySpan(end - now)}`;
}

function saySpan(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
