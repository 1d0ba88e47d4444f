// docs/gateway.md and docs/rotation.md, typed by a program: every command in its order, and what it prints is what they show.
import { test } from 'node:test';
import { replacementPorts, makeDesk } from '../support/desk.ts';

test(
  'all that docs/gateway.md and docs/rotation.md have one type works, and prints what they show',
  { timeout: 120_000 },
  async (t) => {
    const ports = await replacementPorts(5240, 8240, 8241);
    const desk = await makeDesk(t, ['bash', 'curl', 'jq', 'openssl', 'uuidgen'], ports, {
      PORT: ports.get('8240') ?? '',
      ADMIN_PORT: ports.get('8241') ?? '',
    });
    if (desk === undefined) return;
    await desk.follow('docs/gateway.md');
    await desk.follow('docs/rotation.md');
  },
);
