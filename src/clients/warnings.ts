// What is no mistake in a clients file, and yet hardly meant.
import { statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { explainIdleRules } from '../policy/known-operations.ts';
import { anonymousName, clientPolicy, hasExpired, type Client } from './client.ts';
import { realPath } from './file/real-path.ts';

/**
 * Sentences about a clients file: that it lets nobody in, that everybody may change it, or that a rule in it matches nothing;
 * once written, such a rule does not keep the others from their work.
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
 * A sentence where every user of this machine may change a file, or put another in its place.
 *
 * @param what what they could do by it
 */
export function othersMayWrite(file: string, what: string): string[] {
  if (process.platform === 'win32') return [];
  const path = realPathOr(file);
  if (mayOthersWrite(statOf(path))) {
    return [`Every user of this machine may write ${file}, and so ${what}; chmod o-w it.`];
  }
  const directory = statOf(dirname(path));
  // Where the sticky bit is set, files are their owners' own: /tmp.
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
