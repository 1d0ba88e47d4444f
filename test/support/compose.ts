import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { dirname } from 'node:path';

const release = spawnSync('docker-compose', ['version', '--short'], { encoding: 'utf8' }).stdout?.trim();
const lacksCompose = release === undefined || release === '';

/** Why tests of compose files are skipped, or `false`. In CI a missing docker-compose fails the test instead. */
export const skipWithoutCompose = lacksCompose && process.env['CI'] !== 'true' ? 'skipped: no docker-compose' : false;

/** A service of a compose file, with the fields that the tests read. */
export interface Service {
  readonly image?: string;
  readonly command?: string | readonly string[];
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly { readonly source: string }[];
  readonly volumes?: readonly (string | { readonly source: string; readonly target: string })[];
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly ports?: readonly (string | { readonly host_ip?: string; readonly published?: string | number })[];
  readonly deploy?: { readonly replicas?: number };
  readonly stop_grace_period?: string;
}

/**
 * The services of a compose file, as docker-compose resolves them.
 *
 * @param profiles the profiles to enable
 */
export function composeServices(file: string, ...profiles: string[]): Readonly<Record<string, Service>> {
  assert.ok(!lacksCompose, 'docker-compose is missing; Debian has a package of that name');
  const chosen = profiles.flatMap((profile) => ['--profile', profile]);
  const args = ['-f', file, ...chosen, 'config'];
  const options = {
    encoding: 'utf8',
    cwd: dirname(file),
    // A developer's own .env would change what is tested.
    env: { PATH: process.env['PATH'], MAAS_URL: 'http://maas.example:5240', PROXY_USER: '' },
  } as const;
  if (!release?.startsWith('1.')) return parsed(execFileSync('docker-compose', [...args, '--format', 'json'], options));
  // Version 1 of docker-compose only prints YAML. It is a Python program, so Python's YAML parser is installed with it.
  const yaml = execFileSync('docker-compose', args, options);
  const toJson = 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)';
  return parsed(execFileSync('/usr/bin/python3', ['-c', toJson], { encoding: 'utf8', input: yaml }));
}

function parsed(json: string): Readonly<Record<string, Service>> {
  return (JSON.parse(json) as { services: Record<string, Service> }).services;
}

/** The seconds that a service has to stop. */
export function secondsToStop({ stop_grace_period: period = '' }: Service): number {
  const [, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(period) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}
