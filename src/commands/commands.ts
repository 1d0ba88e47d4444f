import type { Command } from './command.ts';

/** Every command, in the order in which `--help` shows them. */
export const commands: Readonly<Record<string, Command>> = {
  serve: {
    summary: 'start the proxy (the default)',
    settings: 'all',
    load: async () => (await import('./serve.ts')).serve,
  },
  init: {
    summary: "ask for MAAS's address and the key, try them, and write them into .env",
    usage: `init [FLAGS]

  In a terminal it asks; otherwise the address comes from --maas-url and the key from standard input:
  maas-auth-proxy init --maas-url http://maas:5240 < KEY-FILE`,
    settings: ['maasUrl', 'apiKeyFile', 'profile', 'caFile', 'insecure'],
    flags: [
      { flag: 'force', help: 'change a .env that is there already, without asking; its other lines stay' },
      { flag: 'no-check', help: 'write the values without trying them' },
    ],
    load: async () => (await import('./init/init.ts')).init,
  },
  check: {
    summary: 'test each step from here to MAAS, and each file and port that the proxy would use',
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
      'adminTokenFile',
      'redisUrl',
      'redisUrlFile',
      'auditFile',
    ],
    flags: [{ flag: 'json', help: 'print one JSON document, for scripts' }],
    load: async () => (await import('./check.ts')).check,
  },
  explain: {
    summary: 'show which operation a request is and whether the policy allows it; nothing is sent',
    usage: 'explain METHOD URL [FLAGS]',
    settings: ['policy', 'clientsFile'],
    flags: [
      { flag: 'client', argument: 'NAME', help: 'use the policy of this client in the clients file' },
      { flag: 'body', argument: 'TEXT', help: 'the body of the request; @FILE reads it from a file' },
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
    summary: "add, change, list and revoke the keys of a gateway's clients",
    usage: `keys add NAME | set NAME | show NAME | list | rotate NAME | revoke NAME [FLAGS]

  add NAME     creates a key for NAME and prints it once, on standard output; the file holds only a hash
  set NAME     changes the policy, the limits and the MAAS key of NAME, and the expiry of its last key
  show NAME    prints everything about the keys of NAME, including the rules, but no secrets
  list         prints each client's keys, policy, expiry and last use, but no secrets
  rotate NAME  creates a new key with the same permissions; the old key stays valid for --overlap
  revoke NAME  revokes all keys of NAME immediately

  A policy that is a file of rules is stored as the file's name: later changes to that file apply.`,
    settings: ['clientsFile', 'policy'],
    flags: [
      {
        flag: 'expires',
        argument: 'WHEN',
        help: 'add, set, rotate: when the key expires: 45min, 12h, 30d, 2w, 3mo, 1y, 2027-01-31 (the end of that day, UTC) or never (default: never; with rotate, as the old key)',
      },
      { flag: 'overlap', argument: 'SPAN', help: 'rotate: how long the old key stays valid (default 24h)' },
      {
        flag: 'maas-key-file',
        argument: 'FILE',
        help: "add, set: a MAAS key for this client's requests only, or none",
      },
      { flag: 'per-minute', argument: 'N', help: 'add, set: requests per minute for this client, or none' },
      { flag: 'at-once', argument: 'N', help: 'add, set: concurrent requests for this client, or none' },
      { flag: 'json', help: 'list, show: print one JSON document, for scripts' },
    ],
    takesWords: true,
    load: async () => (await import('./keys/keys.ts')).keys,
  },
  healthcheck: {
    summary: "ask a running proxy's admin listener whether it is alive",
    settings: ['adminHost', 'adminPort'],
    flags: [{ flag: 'ready', help: 'ask instead whether it is ready, which includes MAAS' }],
    load: async () => (await import('./healthcheck.ts')).healthcheck,
  },
  demo: {
    summary: 'start a simulator of MAAS with the proxy in front of it, to try things out',
    settings: [
      'host',
      'port',
      'allowedHosts',
      'policy',
      'allowUnauthenticated',
      'adminHost',
      'adminPort',
      'adminTokenFile',
      'jsonToForm',
      'upstreamTimeout',
      'drainTimeout',
      'logLevel',
      'logFormat',
    ],
    flags: [
      { flag: 'maas-host', argument: 'HOST', help: 'listening address of the simulator (default 127.0.0.1)' },
      { flag: 'maas-port', argument: 'PORT', help: 'listening port of the simulator (default: any free one)' },
      { flag: 'maas-only', help: 'start the simulator without the proxy' },
    ],
    load: async () => (await import('./demo.ts')).demo,
  },
};
