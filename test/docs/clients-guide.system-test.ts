// docs/clients.md: what it says of curl, HTTPie and Python, done with the real programs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { makeDesk } from '../support/desk.ts';
import { give, startGateway } from '../support/gateway.ts';

test(
  'all that docs/clients.md says of curl, HTTPie and Python works with a key of the gateway',
  { timeout: 120_000 },
  async (t) => {
    const maas = await startSimulator({ machines: 1 });
    t.after(() => maas.close());
    const alice = give('alice');
    const gateway = await startGateway(t, maas.url, [alice], { key: maas.adminKey });
    const { port } = new URL(gateway.url);
    const desk = await makeDesk(
      t,
      ['bash', 'curl', 'http', 'uuidgen', 'python3'],
      new Map([['gateway.example', 'localhost']]),
      { GATEWAY: `http://localhost:${port}`, KEY: alice.key },
    );
    if (desk === undefined) return;
    await desk.follow('docs/clients.md');
    const agents = maas.received.map(
      ({ rawHeaders }) => rawHeaders.find((value) => value.includes('(via maas-auth-proxy')) ?? '',
    );
    for (const agent of agents) assert.ok(agent.endsWith('client=alice)'), agent);
    for (const program of ['curl', 'HTTPie', 'python-requests']) {
      assert.ok(
        agents.some((agent) => agent.startsWith(program)),
        program,
      );
    }
  },
);
