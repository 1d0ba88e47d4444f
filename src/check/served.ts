// The steps after those of the path to MAAS: everything else that `serve` reads and opens.
import { closeSync, accessSync, constants, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { whyUnwritable } from '../config/files.ts';
import type { Draft } from '../config/configuration.ts';
import { checkClientsFile } from './clients-file.ts';
import { failed, type Finding } from './finding.ts';
import { about } from './configured.ts';
import { checkPort, checkSocket } from './listening.ts';
import { checkCertificate, checkClientCa } from './served-tls.ts';
import { checkRedis } from './redis.ts';

/** The name of a step, and its check. */
type ServedStep = readonly [name: string, check: () => Finding | Promise<Finding>];

/** The steps that a configuration needs, in the order in which the proxy would reach them. */
export function servedSteps(draft: Draft): ServedStep[] {
  const { values, files, mistakes } = draft;
  const has = (...matters: Parameters<typeof about>[1][]): boolean => about(mistakes, ...matters) !== undefined;
  const steps: ServedStep[] = [];
  const { clientsFile, auditFile, socket, adminPort } = values;
  if (clientsFile !== undefined) steps.push(['clients file', () => checkClientsFile(clientsFile, Date.now())]);
  if (draft.tls !== undefined || has('certificate')) steps.push(['certificate', () => checkCertificate(draft)]);
  if (files.clientCa !== undefined || has('client-ca')) steps.push(['client CA', () => checkClientCa(draft)]);
  const { redis } = draft;
  if (redis !== undefined || has('redis')) {
    steps.push(['Redis', () => (redis === undefined ? mistaken(draft, 'redis') : checkRedis(redis))]);
  }
  if (auditFile !== undefined) steps.push(['audit file', () => checkAuditFile(auditFile)]);
  steps.push(
    socket === undefined
      ? [
          'port',
          () => (has('exposure') ? mistaken(draft, 'exposure') : checkPort(values.host, values.port, '--port (PORT)')),
        ]
      : ['socket', () => checkSocket(socket)],
  );
  if (adminPort !== 'off') {
    steps.push(['admin port', () => checkPort(values.adminHost, adminPort, '--admin-port (ADMIN_PORT)')]);
  }
  return steps;
}

/** The mistake that the configuration has reported already. */
function mistaken({ mistakes }: Draft, ...matters: Parameters<typeof about>[1][]): Finding<never> {
  const text = about(mistakes, ...matters) ?? 'cannot be used';
  return failed(text.replace(/\.$/, ''));
}

/** Can entries be written there? Nothing is written, and no file is created. */
function checkAuditFile(file: string): Finding {
  try {
    if (statSync(file, { throwIfNoEntry: false }) === undefined) accessSync(dirname(file), constants.W_OK);
    else closeSync(openSync(file, 'a'));
    return { status: 'ok', detail: `${file} can be written` };
  } catch (error) {
    return failed(
      `it is to be ${file}, ${whyUnwritable(error)}`,
      'Name a file in a directory that exists, and in which the user that the proxy runs as may write.',
    );
  }
}
