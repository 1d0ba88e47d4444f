// The step that tries the Redis of all replicas, as the proxy would use it.
import type { RedisUrl } from '../config/values.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { openRedisConnection } from '../redis/connection.ts';
import { loadRedisLibrary, missingLibrary } from '../redis/library.ts';
import { printable } from '../output/printable.ts';
import { failed, type Finding } from './finding.ts';

/** Does Redis respond, accept the password, and accept writes? The key that is written expires after a second. */
export async function checkRedis(url: RedisUrl): Promise<Finding> {
  if (!(await isLibraryInstalled())) return failed(missingLibrary.detail, missingLibrary.remedy);
  let why = '';
  const connection = await openRedisConnection(url.reveal(), (_isUp, cause) => {
    why = cause;
  });
  try {
    if (connection.isUp) return { status: 'ok', detail: `${hostAndPort(url)} answers, and takes what is written` };
    const { detail, remedy } = causes.find(({ of }) => of.test(why)) ?? otherwise(why);
    return failed(`${hostAndPort(url)}: ${detail}`, remedy);
  } finally {
    await connection.close();
  }
}

async function isLibraryInstalled(): Promise<boolean> {
  try {
    await loadRedisLibrary();
    return true;
  } catch (error) {
    if (error instanceof ConfigurationError) return false;
    throw error;
  }
}

/** Host and port: the rest may hold a password. */
function hostAndPort(url: RedisUrl): string {
  const { host, protocol } = new URL(url.reveal());
  return `${protocol}//${printable(host)}`;
}

const causes: readonly { readonly of: RegExp; readonly detail: string; readonly remedy: string }[] = [
  {
    of: /^WRONGPASS$/,
    detail: 'Redis refuses the password, or the user name',
    remedy: 'Put the right one into REDIS_URL, or into the file of REDIS_URL_FILE: redis://:PASSWORD@HOST:6379.',
  },
  {
    of: /^NOAUTH$/,
    detail: 'Redis wants a password, and there is none',
    remedy: 'Put it into REDIS_URL, or into the file of REDIS_URL_FILE: redis://:PASSWORD@HOST:6379.',
  },
  {
    of: /^NOPERM$/,
    detail: 'the user of Redis may not write',
    remedy: 'Let the user write keys that begin with {maas-auth-proxy}: and run scripts.',
  },
  { of: /^READONLY$/, detail: 'it is a replica that takes no writes', remedy: 'Name the primary.' },
  { of: /^OOM$/, detail: 'Redis has no memory left', remedy: 'Give it more, or set maxmemory-policy volatile-ttl.' },
  {
    of: /^(?:ENOTFOUND|EAI_\w+)$/,
    detail: 'the name cannot be resolved',
    remedy: "Check its spelling, or this machine's DNS.",
  },
  {
    of: /^ECONNREFUSED$/,
    detail: 'nothing listens there',
    remedy: 'Check host and port, and that Redis is running.',
  },
  {
    of: /^(?:timeout|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/,
    detail: 'there is no answer',
    remedy: 'Check host, port and firewall, and whether the port speaks TLS (rediss://) or not (redis://).',
  },
  {
    of: /^(?:connection closed|ECONNRESET|EPIPE)$/,
    detail: 'the connection was closed without an answer',
    remedy: 'Check whether the port speaks TLS (rediss://) or not (redis://).',
  },
];

function otherwise(why: string): { readonly detail: string; readonly remedy: string } {
  return { detail: `it cannot be used (${printable(why)})`, remedy: 'Check address, password and TLS of REDIS_URL.' };
}
