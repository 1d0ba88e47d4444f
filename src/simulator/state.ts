// Everything that operations can change, and its initial values.
import type { Hash } from 'node:crypto';
import { describeMachine, stockMachine, type Machine } from './machine.ts';
import type { Version } from './version-facts.ts';

export interface Zone {
  id: number;
  name: string;
  description: string;
}

export interface Tag {
  name: string;
  definition: string;
  comment: string;
  kernel_opts: string;
}

export interface BootResource {
  id: number;
  name: string;
  architecture: string;
  filetype: string;
  sha256: string;
  size: number;
  /** How many bytes the chunks have uploaded so far, and their hash. */
  received: number;
  hash: Hash;
}

export interface Subnet {
  id: number;
  name: string;
  cidr: string;
}

export interface State {
  subnets: Subnet[];
  zones: Zone[];
  tags: Map<string, Tag>;
  files: Map<string, { key: string; content: Buffer }>;
  machines: Map<string, Machine>;
  scripts: Map<string, string>;
  config: Map<string, string>;
  bootResources: Map<number, BootResource>;
  /** A number that was not returned before. */
  nextId: () => number;
  machineJson: (machine: Machine) => Record<string, unknown>;
  /** The text of `machines/`. It is slow to write and often requested, so it is cached until `changed()`. */
  machineList: () => string;
  changed: () => void;
}

export const zoneJson = (zone: Zone) => ({
  name: zone.name,
  description: zone.description,
  id: zone.id,
  resource_uri: `/MAAS/api/2.0/zones/${zone.name}/`,
});

const tag = (name: string): [string, Tag] => [name, { name, definition: '', comment: '', kernel_opts: '' }];

export function createState(machines: number, version: Version): State {
  let id = 1000;
  let list: string | undefined;
  const stock = Array.from({ length: machines }, (_, index) => stockMachine(index + 1));

  const state: State = {
    subnets: [1, 2, 3].map((number) => ({
      id: number,
      name: `10.0.${number - 1}.0/24`,
      cidr: `10.0.${number - 1}.0/24`,
    })),
    zones: [{ id: 1, name: 'default', description: '' }],
    tags: new Map([tag('virtual'), tag('tag001')]),
    files: new Map(),
    machines: new Map(stock.map((machine) => [machine.systemId, machine])),
    scripts: new Map([['smartctl-validate', '#!/bin/bash\nexit 0\n']]),
    config: new Map([
      ['maas_name', 'simulator'],
      ['http_proxy', 'http://proxyuser:proxypassword@proxy.example:3128/'],
      ['vcenter_password', 'vcenter-password'],
    ]),
    bootResources: new Map(),
    nextId: () => (id += 1),
    machineJson: (machine) =>
      describeMachine(machine, zoneJson(state.zones[0] ?? { id: 1, name: 'default', description: '' }), version),
    machineList: () => (list ??= JSON.stringify([...state.machines.values()].map(state.machineJson), null, 4)),
    changed: () => {
      list = undefined;
    },
  };
  return state;
}
