// Warnings about a clients file: what is valid, but probably not intended.
import { statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { explainIdleRules } from '../policy/known-operations.ts';
import { anonymousName, clientPolicy, hasExpired, type Client } from './client.ts';
import { realPath } from './file/real-path.ts';

/**
 * Warnings about a clients file: no valid key, a file that every user may write, or a rule that matches nothing. They
 * are warnings, because such a rule must not disable the others.
 *
 * @param now ms since 1970
 */
export function warningsAboutClients(file: string, clients: readonly Client[], now: number): string[] {
  const warnings = othersMayWrite(file, 'give themselves a key');
  if (clients.length === 0) {
    warnings.push(
      `The clients file ${file} holds no key, so every request is refused; "keys add NAME" gives out a key.`,
    );
  } else if (clients.every((client) => hasExpired(client, now))) {
    warnings.push(
      `Every key in the clients file ${file} has expired, so every request is refused; "keys rotate NAME --expires WHEN" gives out another.`,
    );
  }
  if (clients.some(({ name }) => name === anonymousName)) {
    warnings.push(
      `The clients file ${file} has a client "${anonymousName}", which is what the log calls requests without a key; give it another name.`,
    );
  }
  for (const client of clients) {
    const policy = clientPolicy(client);
    if (policy === undefined) continue;
    warnings.push(...explainIdleRules(policy, `The policy of ${client.name} in the clients file ${file}`));
  }
  return warnings;
}

/**
 * A warning if every user of this machine may write or replace a file.
 *
 * @param what what they could do with it
 */
export function othersMayWrite(file: string, what: string): string[] {
  if (process.platform === 'win32') return [];
  const path = realPathOr(file);
  if (mayOthersWrite(statOf(path))) {
    return [`Every user of this machine may write ${file}, and so ${what}; chmod o-w it.`];
  }
  const directory = statOf(dirname(path));
  // With the sticky bit, only a file's owner can replace it: /tmp.
  if (directory === undefined || !mayOthersWrite(directory) || (directory.mode & 0o1000) !== 0) return [];
  return [
    `Every user of this machine may put another file in the place of ${file}, and so ${what}; chmod o-w ${dirname(path)}.`,
  ];
}

function mayOthersWrite(stats: Stats | undefined): boolean {
  return stats !== undefined && (stats.mode & 0o002) !== 0;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function realPathOr(file: string): string {
  try {
    return realPath(file);
  } catch {
    return file;
  }
}
