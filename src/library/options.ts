/** What a proxy is made from: the program's settings as an object, under the names of src/config/settings.ts. */
export interface ProxyOptions {
  /** Address of MAAS, such as http://maas:5240, with or without /MAAS; a list for several regions. */
  readonly maasUrl?: string | readonly string[] | undefined;
  /** API key of MAAS, `consumer:token:secret`. */
  readonly apiKey?: string | undefined;
  /** File that holds the API key. */
  readonly apiKeyFile?: string | undefined;
  /** Takes the address, the key and the CA from this login of the MAAS CLI (~/.maascli.db). */
  readonly profile?: string | undefined;
  /**
   * Certificate authority (PEM) that issued MAAS's certificate; trusted in addition to the system's. Default: the
   * system's.
   */
  readonly caFile?: string | undefined;
  /** Does not verify MAAS's certificate: any server in MAAS's place gets the API key. Default: false. */
  readonly insecure?: boolean | undefined;
  /** Address to listen on. Beyond loopback it needs `clientsFile` or `allowUnauthenticated`. Default: 127.0.0.1. */
  readonly host?: string | undefined;
  /** Port to listen on; 0 for any free one. Default: 8240. */
  readonly port?: number | undefined;
  /** Unix socket to listen on instead of a port; only this user can open it (mode 0600). */
  readonly socket?: string | undefined;
  /**
   * More names that clients may send in the Host header; `*` for any name. Default: loopback names and the listening
   * address.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Which operations are allowed: standard, read-only, unrestricted, or a file of rules. Default: standard. */
  readonly policy?: string | undefined;
  /** The clients and their keys (see `keys add`); with this file, every client needs a key. */
  readonly clientsFile?: string | undefined;
  /**
   * Whether to forward, without a key and unsigned, the reads that MAAS serves to anybody (`version/`, `describe/` …).
   * Default: true.
   */
  readonly anonymous?: boolean | undefined;
  /**
   * Allows listening beyond loopback without a clients file: anybody who can reach the port can use the API key.
   * Default: false.
   */
  readonly allowUnauthenticated?: boolean | undefined;
  /** Serves https with this certificate (PEM), followed by its intermediate certificates. */
  readonly tlsCertFile?: string | undefined;
  /** Private key of that certificate (PEM, not encrypted). */
  readonly tlsKeyFile?: string | undefined;
  /**
   * Authenticates clients by certificates that this authority issued; the common name is the name in the clients file.
   */
  readonly clientCaFile?: string | undefined;
  /** Address of the admin listener (/livez, /readyz, /metrics, and at `/` the operator's page). Default: 127.0.0.1. */
  readonly adminHost?: string | undefined;
  /** Port of the admin listener; "off" turns it off. Default: 8241. */
  readonly adminPort?: number | 'off' | undefined;
  /**
   * File with the token that the operator's page asks for; beyond loopback, or with a clients file, there is no such
   * page without it.
   */
  readonly adminTokenFile?: string | undefined;
  /** Whether to convert JSON bodies to forms for operations where MAAS ignores JSON. Default: true. */
  readonly jsonToForm?: boolean | undefined;
  /** Whether to collapse identical reads in flight into one request to MAAS. Default: true. */
  readonly coalesce?: boolean | undefined;
  /**
   * Whether to serve a page for browsers at `/`, where every operation of MAAS can be found and called, and one for the
   * operator on the admin listener. Default: true.
   */
  readonly page?: boolean | undefined;
  /** Requests per minute for all clients together; 0 for no limit. Default: 0. */
  readonly rateLimit?: number | undefined;
  /** Requests per minute for each client; 0 for no limit. Default: 0. */
  readonly clientRateLimit?: number | undefined;
  /** Concurrent requests for all clients together; 0 for no limit. Default: 0. */
  readonly maxRequests?: number | undefined;
  /** Concurrent requests for each client; 0 for no limit. Default: 0. */
  readonly clientMaxRequests?: number | undefined;
  /** Redis or Valkey in which all replicas share their limits and the nonces already used. */
  readonly redisUrl?: string | undefined;
  /** File that holds the Redis URL, including the password. */
  readonly redisUrlFile?: string | undefined;
  /** While Redis is unreachable: open (each replica applies the limits on its own) or closed (503). Default: open. */
  readonly redisFailure?: 'open' | 'closed' | undefined;
  /** Concurrent requests to MAAS; more requests wait in a queue that is fair to each client. Default: 16. */
  readonly maxUpstream?: number | undefined;
  /**
   * Seconds for which a read may be served from the cache; 0 turns the cache off; every write empties the cache.
   * Default: 0.
   */
  readonly cacheTtl?: number | undefined;
  /** Size of the cache, bytes. Default: an eighth of `maxMemory`. */
  readonly cacheMaxBytes?: number | undefined;
  /**
   * Memory for everything the proxy holds for clients, bytes or text such as 256M; docs/limits.md lists the parts.
   * Default: half of the container's or machine's memory, at most 512M.
   */
  readonly maxMemory?: number | string | undefined;
  /** Whether to compress responses for clients that accept it. Default: true. */
  readonly compress?: boolean | undefined;
  /** Seconds to wait for the first byte of MAAS's response, and between two bytes. Default: 930. */
  readonly upstreamTimeout?: number | undefined;
  /** Seconds for which requests in flight may continue after `stop()`. Default: 30. */
  readonly drainTimeout?: number | undefined;
  /** Writes an access-log entry for each request to this file, as JSON lines. */
  readonly auditFile?: string | undefined;
  /**
   * Where the log goes: a pino logger (Fastify's will do), or a level, from which on JSON lines are written to standard
   * output. What looks like an API key is masked. Default: off.
   */
  readonly log?: ProxyLogger | LogLevel | 'off' | undefined;
  /**
   * Where settings are looked up that no option has: variables under the names of docs/settings.md, such as
   * `process.env`. `LOG_LEVEL` and `LOG_FORMAT` are not read. Default: nowhere.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** From which level on the log is written. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** The part of a pino logger that the proxy uses. Its level is read when the proxy starts. */
export interface ProxyLogger extends Readonly<Record<LogLevel, (fields: object, message: string) => void>> {
  readonly level: string;
}
