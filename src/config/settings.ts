import { presetPolicy } from '../policy/policy.ts';
import { leastMemory } from './memory-budget.ts';
import { readPolicy } from './policy-file.ts';
import * as values from './values.ts';

/** One setting: everything about it is declared here, and only here. */
export interface Setting<Value> {
  /** The flag's name without its dashes; `undefined` if a process list must not show the value. */
  readonly flag?: string;
  /**
   * The short names in the environment and in `.env`, the first one winning; `longName` gives each setting one more.
   */
  readonly env: readonly string[];
  /** The placeholder after the flag in `--help`; `undefined` for a flag without a value. */
  readonly argument?: string;
  /** The flag turns the setting off (`--no-…`). */
  readonly negative?: true;
  readonly default?: Value;
  /** The default in words, if the value does not explain itself. */
  readonly defaultText?: string;
  /** What the setting does. For a flag that turns it off, `--help` puts "do not" in front. */
  readonly help: string;
  readonly read: (text: string) => Value;
}

/** A setting that always has a value. */
interface SettingWithDefault<Value> extends Setting<Value> {
  readonly default: Value;
}

function setting<Value>(definition: SettingWithDefault<Value>): SettingWithDefault<Value> {
  return definition;
}

function optional<Value>(definition: Omit<Setting<Value>, 'default'>): Omit<Setting<Value>, 'default'> {
  return definition;
}

/** Every setting, in the order in which `--help`, `.env.example` and docs/settings.md show them. */
export const settings = {
  maasUrl: optional({
    flag: 'maas-url',
    env: ['MAAS_URL', 'MAAS_API_URL'],
    argument: 'URL',
    help: 'address of MAAS, such as http://maas:5240, with or without /MAAS; several regions separated by commas',
    read: values.regions,
  }),
  apiKey: optional({
    env: ['MAAS_API_KEY'],
    help: 'API key of MAAS, consumer:token:secret',
    read: values.apiKey,
  }),
  apiKeyFile: optional({
    flag: 'api-key-file',
    env: ['MAAS_API_KEY_FILE'],
    argument: 'FILE',
    help: 'file that holds the API key',
    read: values.text,
  }),
  profile: optional({
    flag: 'profile',
    env: ['MAAS_PROFILE'],
    argument: 'NAME',
    help: 'take the address, the key and the CA from this login of the MAAS CLI (~/.maascli.db)',
    read: values.text,
  }),
  caFile: optional({
    flag: 'ca-file',
    env: ['MAAS_API_CACERT', 'MAAS_CA_FILE'],
    argument: 'FILE',
    defaultText: "the system's",
    help: "certificate authority (PEM) that issued MAAS's certificate; trusted in addition to the system's",
    read: values.text,
  }),
  insecure: setting({
    flag: 'insecure',
    env: ['MAAS_INSECURE'],
    default: false,
    help: "do not verify MAAS's certificate",
    read: values.onOrOff,
  }),
  host: setting({
    flag: 'host',
    env: ['HOST'],
    argument: 'HOST',
    default: '127.0.0.1',
    help: 'address to listen on',
    read: values.host,
  }),
  port: setting({
    flag: 'port',
    env: ['PORT'],
    argument: 'PORT',
    default: 8240,
    help: 'port to listen on; 0 for any free one',
    read: values.port,
  }),
  socket: optional({
    flag: 'socket',
    env: ['SOCKET'],
    argument: 'PATH',
    help: 'listen on this unix socket instead of a port; only this user can open it (mode 0600)',
    read: values.text,
  }),
  allowedHosts: setting({
    flag: 'allowed-hosts',
    env: ['ALLOWED_HOSTS'],
    argument: 'NAMES',
    default: [] as readonly string[],
    defaultText: 'loopback names and the listening address',
    help: 'more names that clients may send in the Host header, separated by commas; `*` for any name',
    read: values.hostNames,
  }),
  policy: setting({
    flag: 'policy',
    env: ['POLICY'],
    argument: 'POLICY',
    default: presetPolicy('standard'),
    defaultText: '`standard`',
    help: 'which operations are allowed: standard, read-only, unrestricted, or a file of rules',
    read: readPolicy,
  }),
  clientsFile: optional({
    flag: 'clients-file',
    env: ['CLIENTS_FILE'],
    argument: 'FILE',
    help: 'the clients and their keys (see `keys add`); with this file, every client needs a key',
    read: values.text,
  }),
  anonymous: setting({
    flag: 'no-anonymous',
    env: ['ANONYMOUS'],
    negative: true,
    default: true,
    help: 'forward, without a key and unsigned, the reads that MAAS serves to anybody (`version/`, `describe/` …)',
    read: values.onOrOff,
  }),
  allowUnauthenticated: setting({
    flag: 'allow-unauthenticated',
    env: ['ALLOW_UNAUTHENTICATED'],
    default: false,
    help: 'allow listening beyond loopback without a clients file: anybody who can reach the port can use the API key',
    read: values.onOrOff,
  }),
  tlsCertFile: optional({
    flag: 'tls-cert-file',
    env: ['TLS_CERT_FILE'],
    argument: 'FILE',
    help: 'serve https with this certificate (PEM), followed by its intermediate certificates',
    read: values.text,
  }),
  tlsKeyFile: optional({
    flag: 'tls-key-file',
    env: ['TLS_KEY_FILE'],
    argument: 'FILE',
    help: 'private key of that certificate (PEM, not encrypted)',
    read: values.text,
  }),
  clientCaFile: optional({
    flag: 'client-ca-file',
    env: ['CLIENT_CA_FILE'],
    argument: 'FILE',
    help: 'authenticate clients by certificates that this authority issued; the common name is the name in the clients file',
    read: values.text,
  }),
  adminHost: setting({
    flag: 'admin-host',
    env: ['ADMIN_HOST'],
    argument: 'HOST',
    default: '127.0.0.1',
    help: "address of the admin listener (/livez, /readyz, /metrics, and at `/` the operator's page)",
    read: values.host,
  }),
  adminPort: setting({
    flag: 'admin-port',
    env: ['ADMIN_PORT'],
    argument: 'PORT',
    default: 8241 as number | 'off',
    help: 'port of the admin listener; "off" turns it off',
    read: values.portOrOff,
  }),
  adminTokenFile: optional({
    flag: 'admin-token-file',
    env: ['ADMIN_TOKEN_FILE'],
    argument: 'FILE',
    help: "file with the token that the operator's page asks for; beyond loopback, or with a clients file, there is no such page without it",
    read: values.text,
  }),
  jsonToForm: setting({
    flag: 'no-json-to-form',
    env: ['JSON_TO_FORM'],
    negative: true,
    default: true,
    help: 'convert JSON bodies to forms for operations where MAAS ignores JSON',
    read: values.onOrOff,
  }),
  coalesce: setting({
    flag: 'no-coalesce',
    env: ['COALESCE'],
    negative: true,
    default: true,
    help: 'collapse identical reads in flight into one request to MAAS',
    read: values.onOrOff,
  }),
  page: setting({
    flag: 'no-page',
    env: ['PAGE'],
    negative: true,
    default: true,
    help: 'serve a page for browsers at `/`, where every operation of MAAS can be found and called, and one for the operator on the admin listener',
    read: values.onOrOff,
  }),
  rateLimit: setting({
    flag: 'rate-limit',
    env: ['RATE_LIMIT'],
    argument: 'NUMBER',
    default: 0,
    help: 'requests per minute for all clients together; 0 for no limit',
    read: values.wholeNumber(0, 1_000_000),
  }),
  clientRateLimit: setting({
    flag: 'client-rate-limit',
    env: ['CLIENT_RATE_LIMIT'],
    argument: 'NUMBER',
    default: 0,
    help: 'requests per minute for each client; 0 for no limit',
    read: values.wholeNumber(0, 1_000_000),
  }),
  maxRequests: setting({
    flag: 'max-requests',
    env: ['MAX_REQUESTS'],
    argument: 'NUMBER',
    default: 0,
    help: 'concurrent requests for all clients together; 0 for no limit',
    read: values.wholeNumber(0, 1_000_000),
  }),
  clientMaxRequests: setting({
    flag: 'client-max-requests',
    env: ['CLIENT_MAX_REQUESTS'],
    argument: 'NUMBER',
    default: 0,
    help: 'concurrent requests for each client; 0 for no limit',
    read: values.wholeNumber(0, 1_000_000),
  }),
  redisUrl: optional({
    flag: 'redis-url',
    env: ['REDIS_URL'],
    argument: 'URL',
    help: 'Redis or Valkey in which all replicas share their limits and the nonces already used',
    read: values.redisUrl,
  }),
  redisUrlFile: optional({
    flag: 'redis-url-file',
    env: ['REDIS_URL_FILE'],
    argument: 'FILE',
    help: 'file that holds the Redis URL, including the password',
    read: values.text,
  }),
  redisFailure: setting({
    flag: 'redis-failure',
    env: ['REDIS_FAILURE'],
    argument: 'MODE',
    default: 'open' as 'open' | 'closed',
    help: 'while Redis is unreachable: open (each replica applies the limits on its own) or closed (503)',
    read: values.oneOf('open', 'closed'),
  }),
  maxUpstream: setting({
    flag: 'max-upstream',
    env: ['MAX_UPSTREAM'],
    argument: 'NUMBER',
    default: 16,
    help: 'concurrent requests to MAAS; more requests wait in a queue that is fair to each client',
    read: values.wholeNumber(1, 10_000),
  }),
  cacheTtl: setting({
    flag: 'cache-ttl',
    env: ['CACHE_TTL'],
    argument: 'SECONDS',
    default: 0,
    help: 'how long a read may be served from the cache; 0 turns the cache off; every write empties the cache',
    read: values.secondsOrNone,
  }),
  cacheMaxBytes: optional({
    flag: 'cache-max-bytes',
    env: ['CACHE_MAX_BYTES'],
    argument: 'BYTES',
    defaultText: 'an eighth of `--max-memory`',
    help: 'size of the cache',
    read: values.wholeNumber(1, 999_999_999, 'bytes'),
  }),
  maxMemory: optional({
    flag: 'max-memory',
    env: ['MAX_MEMORY'],
    argument: 'BYTES',
    defaultText: "half of the container's or machine's memory, at most 512M",
    help: 'memory for everything the proxy holds for clients, such as 256M; docs/limits.md lists the parts',
    read: values.memorySize(leastMemory),
  }),
  compress: setting({
    flag: 'no-compress',
    env: ['COMPRESS'],
    negative: true,
    default: true,
    help: 'compress responses for clients that accept it',
    read: values.onOrOff,
  }),
  upstreamTimeout: setting({
    flag: 'upstream-timeout',
    env: ['UPSTREAM_TIMEOUT'],
    argument: 'SECONDS',
    default: 930,
    help: "how long to wait for the first byte of MAAS's response, and between two bytes",
    read: values.seconds,
  }),
  drainTimeout: setting({
    flag: 'drain-timeout',
    env: ['DRAIN_TIMEOUT'],
    argument: 'SECONDS',
    default: 30,
    help: 'how long requests in flight may continue after the proxy is told to stop',
    read: values.seconds,
  }),
  logLevel: setting({
    flag: 'log-level',
    env: ['LOG_LEVEL'],
    argument: 'LEVEL',
    default: 'info',
    help: 'fatal, error, warn, info, debug, trace or silent',
    read: values.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  }),
  logFormat: setting({
    flag: 'log-format',
    env: ['LOG_FORMAT'],
    argument: 'FORMAT',
    default: 'auto',
    help: 'json, pretty, or auto: pretty on a terminal, json otherwise',
    read: values.oneOf('auto', 'json', 'pretty'),
  }),
  auditFile: optional({
    flag: 'audit-file',
    env: ['AUDIT_FILE'],
    argument: 'FILE',
    help: 'write an access-log entry for each request to this file, as JSON lines; SIGHUP reopens the file',
    read: values.text,
  }),
} as const;

/** The name of a setting in the program. */
export type SettingName = keyof typeof settings;

type ValueOf<S> = S extends { readonly read: (text: string) => infer Value }
  ? S extends { readonly default: unknown }
    ? Value
    : Value | undefined
  : never;

/** The valid settings; those without a default may be missing. */
export type SettingValues = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> };
