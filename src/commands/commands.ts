import type { Command } from './command.ts';

/** Every command, in the order in which `--help` shows them. */
export const commands: Readonly<Record<string, Command>> = {
  serve: {
    summary: 'start the proxy (the default)',
    settings: 'all',
    load: async () => (await import('./serve.ts')).serve,
  },
  check: {
    summary: 'say what is wrong between here and MAAS, and with what the proxy would read, step by step',
    settings: [
      'maasUrl',
      'apiKey',
      'apiKeyFile',
      'profile',
      'caFile',
      'insecure',
      'host',
      'port',
      'socket',
      'allowedHosts',
      'policy',
      'clientsFile',
      'allowUnauthenticated',
      'tlsCertFile',
      'tlsKeyFile',
      'clientCaFile',
      'adminHost',
      'adminPort',
      'redisUrl',
      'redisUrlFile',
      'auditFile',
    ],
    flags: [{ flag: 'json', help: 'one JSON document for scripts, in place of lines for people' }],
    load: async () => (await import('./check.ts')).check,
  },
  explain: {
    summary: 'say which operation a request is, and whether the policy allows it, without sending it',
    usage: 'explain METHOD URL [FLAGS]',
    settings: ['policy', 'clientsFile'],
    flags: [
      { flag: 'client', argument: 'NAME', help: 'by the policy that is in force for this client of the clients file' },
      { flag: 'body', argument: 'TEXT', help: 'the form in its body; @FILE reads it from a file' },
      {
        flag: 'content-type',
        argument: 'TYPE',
        help: 'the type of the body (default application/x-www-form-urlencoded)',
      },
    ],
    takesWords: true,
    load: async () => (await import('./explain.ts')).explain,
  },
  keys: {
    summary: "give out, list and end the keys of a gateway's clients",
    usage: `keys add NAME | set NAME | show NAME | list | rotate NAME | revoke NAME [FLAGS]

  add NAME     makes a key for NAME, and writes it to standard output this once; the file keeps a hash
  set NAME     changes what the keys of NAME may do, and when the last one ends
  show NAME    all that is known of the keys of NAME, rules included; no secret is in it
  list         whose keys there are, what they may do, when they end and were last used; no secret is in it
  rotate NAME  makes another key that may do the same; the old one stays valid for --overlap
  revoke NAME  ends all keys of NAME at once

  A policy that is a file of rules is kept by its name: what is changed in the file later counts.`,
    settings: ['clientsFile', 'policy'],
    flags: [
      {
        flag: 'expires',
        argument: 'WHEN',
        help: 'add, set, rotate: when the key ends: 45min, 12h, 30d, 2w, 3mo, 1y, 2027-01-31 (its last second in UTC), never (default: never, or as the old one)',
      },
      { flag: 'overlap', argument: 'SPAN', help: 'rotate: how long the old key stays valid (default 24h)' },
      {
        flag: 'maas-key-file',
        argument: 'FILE',
        help: "add, set: a MAAS key for this client's requests alone, or none",
      },
      { flag: 'per-minute', argument: 'N', help: 'add, set: how many requests a minute this client may make, or none' },
      { flag: 'at-once', argument: 'N', help: 'add, set: how many requests this client may make at once, or none' },
      { flag: 'json', help: 'list, show: one JSON document for scripts' },
    ],
    takesWords: true,
    load: async () => (await import('./keys/keys.ts')).keys,
  },
  healthcheck: {
    summary: "ask a running proxy's admin listener whether it is alive",
    settings: ['adminHost', 'adminPort'],
    flags: [{ flag: 'ready', help: 'ask whether it is ready, MAAS included, instead' }],
    load: async () => (await import('./healthcheck.ts')).healthcheck,
  },
  demo: {
    summary: 'start a small MAAS with the proxy in front of it, to try things on',
    settings: [
      'host',
      'port',
      'allowedHosts',
      'policy',
      'allowUnauthenticated',
      'adminHost',
      'adminPort',
      'jsonToForm',
      'upstreamTimeout',
      'drainTimeout',
      'logLevel',
      'logFormat',
    ],
    flags: [
      { flag: 'maas-host', argument: 'HOST', help: 'address the small MAAS listens on (default 127.0.0.1)' },
      { flag: 'maas-port', argument: 'PORT', help: 'port the small MAAS listens on (default: any free one)' },
      { flag: 'maas-only', help: 'start the small MAAS without the proxy' },
    ],
    load: async () => (await import('./demo.ts')).demo,
  },
};
