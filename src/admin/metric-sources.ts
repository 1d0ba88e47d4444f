import { Gauge, type Registry } from 'prom-client';
import { endOf } from '../clients/client.ts';

/** Values of other parts of the proxy; read at each scrape. A missing source has no metric. */
export interface MetricSources {
  /** Requests in flight to MAAS, and those that are queued. */
  queue?(): { readonly inFlight: number; readonly queued: number };
  /** By how many seconds MAAS's clock is ahead of this machine's. */
  clockOffset?(): number;
  /** How many client connections are open. */
  connections?(): number;
  /** The keys of a gateway's clients. */
  clientKeys?(): Iterable<ClientKey>;
  /**
   * The certificates in use, and when each expires, s since 1970: the listener's own (`listener`), and MAAS's by its
   * origin.
   */
  certificates?(): Iterable<CertificateEnd>;
  /** Whether each MAAS region, by its address, responded lately. */
  regions?(): Iterable<{ readonly region: string; readonly isUp: boolean }>;
  /** The watched files, by their purpose, and why they are not in force. */
  files?(): Iterable<{ readonly purpose: string; readonly lastError: string | undefined }>;
  /** Whether Redis responded lately. */
  isRedisUp?(): boolean;
}

/** When a certificate expires, s since 1970. */
export interface CertificateEnd {
  readonly certificate: string;
  readonly expires: number;
}

/** A client's key, and its expiry as ISO 8601, if it has one. */
export interface ClientKey {
  readonly name: string;
  readonly expires?: string;
}

/** The values of a gauge by its label. A gauge without labels has one value, under the empty name. */
type Reading = ReadonlyMap<string, number>;

/** Creates gauges from sources. */
export function addGauges(registry: Registry, prefix: string, sources: MetricSources): void {
  const { queue, clockOffset, connections, clientKeys, certificates, regions, files, isRedisUp } = sources;
  const add = (name: string, help: string, read: () => Reading, label?: string): void => {
    const gauge = new Gauge({
      name: prefix + name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [],
      collect() {
        this.reset();
        for (const [key, value] of read()) this.set(label === undefined ? {} : { [label]: key }, value);
      },
    });
    registry.registerMetric(gauge);
  };
  if (queue !== undefined) {
    add('queue_running', 'Requests that are at MAAS.', () => single(queue().inFlight));
    add('queue_waiting', 'Requests that wait in the queue for MAAS.', () => single(queue().queued));
  }
  if (clockOffset !== undefined)
    add('clock_offset_seconds', "By how much MAAS's clock is ahead of this machine's.", () => single(clockOffset()));
  if (connections !== undefined)
    add('client_connections', 'Connections of clients that are open.', () => single(connections()));
  if (clientKeys !== undefined)
    add(
      'client_key_expiry_timestamp_seconds',
      "When a client's last key ends.",
      () => lastEnds(clientKeys()),
      'client',
    );
  if (certificates !== undefined) {
    const read = (): Reading => new Map(Array.from(certificates(), (one) => [one.certificate, one.expires]));
    add('certificate_expiry_timestamp_seconds', 'When a certificate in use ends.', read, 'certificate');
  }
  if (regions !== undefined) {
    const read = (): Reading => new Map(Array.from(regions(), ({ region, isUp }) => [region, Number(isUp)]));
    add('region_up', 'Whether a MAAS region answered lately.', read, 'region');
  }
  if (files !== undefined)
    add(
      'config_last_reload_successful',
      'Whether a file is in force as it is now; 0 while it is broken or cannot be read.',
      () => inForce(files()),
      'file',
    );
  if (isRedisUp !== undefined) add('redis_up', 'Whether Redis answered lately.', () => single(Number(isRedisUp())));
}

function single(value: number): Reading {
  return new Map([['', value]]);
}

/** Of several files with the same purpose, one that is not in force is enough. */
function inForce(files: ReturnType<NonNullable<MetricSources['files']>>): Reading {
  const reading = new Map<string, number>();
  for (const { purpose, lastError } of files) {
    reading.set(purpose, Math.min(reading.get(purpose) ?? 1, lastError === undefined ? 1 : 0));
  }
  return reading;
}

/** A client has two keys during a rotation; it loses access when the last one expires. */
function lastEnds(keys: Iterable<ClientKey>): Reading {
  const ends = new Map<string, number>();
  for (const key of keys) {
    const end = endOf(key) / 1000;
    ends.set(key.name, Math.max(end, ends.get(key.name) ?? 0));
  }
  return new Map([...ends].filter(([, end]) => end !== Infinity));
}
