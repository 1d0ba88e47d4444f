import { presetPolicy } from '../policy/policy.ts';
import { leastMemory } from './memory-budget.ts';
import { readPolicy } from './policy-file.ts';
import * as values from './values.ts';

/** One setting: everything that is known of it stands here, and only here. */
export interface Setting<Value> {
  /** The flag's name without its dashes; `undefined` where a process list must not show the value. */
  readonly flag?: string;
  /** The short names in the environment and in `.env`, the first one winning; `longName` gives each setting one more. */
  readonly env: readonly string[];
  /** What stands behind the flag in `--help`; `undefined` for a flag that takes no value. */
  readonly argument?: string;
  /** The flag turns the setting off (`--no-…`). */
  readonly negative?: true;
  readonly default?: Value;
  /** The default in words, where the value does not say it. */
  readonly defaultText?: string;
  /** What the setting does; of a flag that turns it off, what is not done then. */
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

/** Every setting, in the order in which `--help`, `.env.example` and the README show them. */
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
    help: 'take address, key and CA from this login of the MAAS CLI (~/.maascli.db)',
    read: values.text,
  }),
  caFile: optional({
    flag: 'ca-file',
    env: ['MAAS_API_CACERT', 'MAAS_CA_FILE'],
    argument: 'FILE',
    defaultText: "the system's",
    help: "certificate authority of MAAS in PEM, added to the system's",
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
    help: 'listen on a unix socket instead, for this user alone (mode 0600)',
    read: values.text,
  }),
  allowedHosts: setting({
    flag: 'allowed-hosts',
    env: ['ALLOWED_HOSTS'],
    argument: 'NAMES',
    default: [] as readonly string[],
    defaultText: 'loopback names and the address listened on',
    help: 'further names the proxy goes by in the Host header, separated by commas; `*` for any',
    read: values.hostNames,
  }),
  policy: setting({
    flag: 'policy',
    env: ['POLICY'],
    argument: 'POLICY',
    default: presetPolicy('standard'),
    defaultText: '`standard`',
    help: 'what may be done: standard, read-only, unrestricted, or a file of rules',
    read: readPolicy,
  }),
  clientsFile: optional({
    flag: 'clients-file',
    env: ['CLIENTS_FILE'],
    argument: 'FILE',
    help: "the team's keys (see `keys add`); with it, nobody gets in without one",
    read: values.text,
  }),
  anonymous: setting({
    flag: 'no-anonymous',
    env: ['ANONYMOUS'],
    negative: true,
    default: true,
    help: 'let pass without a key, and unsigned, what MAAS answers to anybody (`version/`, `describe/` …)',
    read: values.onOrOff,
  }),
  allowUnauthenticated: setting({
    flag: 'allow-unauthenticated',
    env: ['ALLOW_UNAUTHENTICATED'],
    default: false,
    help: 'listen beyond loopback though whoever reaches the port may use the API key',
    read: values.onOrOff,
  }),
  tlsCertFile: optional({
    flag: 'tls-cert-file',
    env: ['TLS_CERT_FILE'],
    argument: 'FILE',
    help: 'serve https with this certificate in PEM, the authorities between it and the root behind it',
    read: values.text,
  }),
  tlsKeyFile: optional({
    flag: 'tls-key-file',
    env: ['TLS_KEY_FILE'],
    argument: 'FILE',
    help: "the certificate's private key in PEM, not encrypted",
    read: values.text,
  }),
  clientCaFile: optional({
    flag: 'client-ca-file',
    env: ['CLIENT_CA_FILE'],
    argument: 'FILE',
    help: 'let in whoever has a certificate of this authority whose common name stands in the clients file',
    read: values.text,
  }),
  adminHost: setting({
    flag: 'admin-host',
    env: ['ADMIN_HOST'],
    argument: 'HOST',
    default: '127.0.0.1',
    help: 'address of the admin listener (/livez, /readyz, /metrics)',
    read: values.host,
  }),
  adminPort: setting({
    flag: 'admin-port',
    env: ['ADMIN_PORT'],
    argument: 'PORT',
    default: 8241 as number | 'off',
    help: 'port of the admin listener; "off" for none',
    read: values.portOrOff,
  }),
  jsonToForm: setting({
    flag: 'no-json-to-form',
    env: ['JSON_TO_FORM'],
    negative: true,
    default: true,
    help: 'turn JSON bodies into the form that MAAS reads, where it would ignore JSON',
    read: values.onOrOff,
  }),
  coalesce: setting({
    flag: 'no-coalesce',
    env: ['COALESCE'],
    negative: true,
    default: true,
    help: 'join identical reads that are under way at the same time',
    read: values.onOrOff,
  }),
  rateLimit: setting({
    flag: 'rate-limit',
    env: ['RATE_LIMIT'],
    argument: 'NUMBER',
    default: 0,
    help: 'requests a minute that all clients together may send; 0 for any number',
    read: values.wholeNumber(0, 1_000_000),
  }),
  clientRateLimit: setting({
    flag: 'client-rate-limit',
    env: ['CLIENT_RATE_LIMIT'],
    argument: 'NUMBER',
    default: 0,
    help: 'requests a minute that each client may send; 0 for any number',
    read: values.wholeNumber(0, 1_000_000),
  }),
  maxRequests: setting({
    flag: 'max-requests',
    env: ['MAX_REQUESTS'],
    argument: 'NUMBER',
    default: 0,
    help: 'requests that all clients together may have under way at once; 0 for any number',
    read: values.wholeNumber(0, 1_000_000),
  }),
  clientMaxRequests: setting({
    flag: 'client-max-requests',
    env: ['CLIENT_MAX_REQUESTS'],
    argument: 'NUMBER',
    default: 0,
    help: 'requests that each client may have under way at once; 0 for any number',
    read: values.wholeNumber(0, 1_000_000),
  }),
  redisUrl: optional({
    flag: 'redis-url',
    env: ['REDIS_URL'],
    argument: 'URL',
    help: 'a Redis or Valkey, so that all replicas have one set of limits and know the same used signatures',
    read: values.redisUrl,
  }),
  redisUrlFile: optional({
    flag: 'redis-url-file',
    env: ['REDIS_URL_FILE'],
    argument: 'FILE',
    help: 'file that holds the address of the Redis, password included',
    read: values.text,
  }),
  redisFailure: setting({
    flag: 'redis-failure',
    env: ['REDIS_FAILURE'],
    argument: 'MODE',
    default: 'open' as 'open' | 'closed',
    help: 'while the Redis is away: open, each replica goes by its own memory, or closed, 503',
    read: values.oneOf('open', 'closed'),
  }),
  maxUpstream: setting({
    flag: 'max-upstream',
    env: ['MAX_UPSTREAM'],
    argument: 'NUMBER',
    default: 16,
    help: 'how many requests may be at MAAS at once; the rest wait in line, fair by client',
    read: values.wholeNumber(1, 10_000),
  }),
  cacheTtl: setting({
    flag: 'cache-ttl',
    env: ['CACHE_TTL'],
    argument: 'SECONDS',
    default: 0,
    help: 'how long a read may be answered from memory; 0 for never; a write empties it',
    read: values.secondsOrNone,
  }),
  cacheMaxBytes: optional({
    flag: 'cache-max-bytes',
    env: ['CACHE_MAX_BYTES'],
    argument: 'BYTES',
    defaultText: 'an eighth of `--max-memory`',
    help: 'how much that memory may hold',
    read: values.wholeNumber(1, 999_999_999, 'bytes'),
  }),
  maxMemory: optional({
    flag: 'max-memory',
    env: ['MAX_MEMORY'],
    argument: 'BYTES',
    defaultText: "half of the container's or machine's memory, at most 512M",
    help: 'how much all that is held for clients may take, such as 256M; docs/limits.md says what for',
    read: values.memorySize(leastMemory),
  }),
  compress: setting({
    flag: 'no-compress',
    env: ['COMPRESS'],
    negative: true,
    default: true,
    help: 'compress answers for clients that take that',
    read: values.onOrOff,
  }),
  upstreamTimeout: setting({
    flag: 'upstream-timeout',
    env: ['UPSTREAM_TIMEOUT'],
    argument: 'SECONDS',
    default: 930,
    help: "how long to wait for MAAS's first byte, and between bytes",
    read: values.seconds,
  }),
  drainTimeout: setting({
    flag: 'drain-timeout',
    env: ['DRAIN_TIMEOUT'],
    argument: 'SECONDS',
    default: 30,
    help: 'how long requests in flight get when stopping',
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
    help: 'keep a record of each request in this file, as JSON lines; SIGHUP opens it anew',
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

/** The settings as they were found, each read and valid; those without a default may be missing. */
export type SettingValues = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> };
