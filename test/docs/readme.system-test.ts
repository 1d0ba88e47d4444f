// README.md, typed by a program: as a normal user does on a fresh Debian, without $EDITOR.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { replacementPorts, makeDesk } from '../support/desk.ts';

test('what the README and three short guides have one type works as typed', { timeout: 120_000 }, async (t) => {
  const shelf = mkdtempSync(join(tmpdir(), 'maas-auth-proxy-readme-'));
  t.after(() => rmSync(shelf, { recursive: true, force: true }));
  const program = (name: string, script: string): void => {
    writeFileSync(join(shelf, name), `#!/bin/sh\nset -eu\n${script}\n`);
    chmodSync(join(shelf, name), 0o755);
  };
  // What is long, or wants a registry, is what the gate and test/deploy/package.test.ts do.
  program(
    'npm',
    `case "$*" in
  ci | test) ;;
  'run demo') exec maas-auth-proxy demo ;;
  pack) : > maas-auth-proxy-0.0.0.tgz ;;
  'install --global --prefix '*)
    test -f "$5"
    mkdir -p "$4/bin"
    ln -s "$(command -v maas-auth-proxy)" "$4/bin/" ;;
  *) echo "npm $* is not what the README says" >&2; exit 1 ;;
esac`,
  );
  program('nano', `grep -q '^MAAS_URL=$' "$1" && stat -c %a "$1" > "${shelf}/mode"`);
  copyFileSync(resolve('.env.example'), join(shelf, '.env.example'));
  writeFileSync(join(shelf, 'start'), 'PATH="$SHELF:$PATH"; cp -n "$SHELF/.env.example" . || true\n');
  const ports = await replacementPorts(8240, 8241);
  const desk = await makeDesk(t, ['bash', 'curl', 'openssl'], ports, {
    PORT: ports.get('8240') ?? '',
    ADMIN_PORT: ports.get('8241') ?? '',
    BASH_ENV: join(shelf, 'start'),
    SHELF: shelf,
  });
  if (desk === undefined) return;
  await desk.follow('README.md');
  await desk.follow('docs/policies.md');
  await desk.follow('docs/regions.md');
  await desk.follow('docs/operator-page.md');
  assert.equal(readFileSync(join(shelf, 'mode'), 'utf8').trim(), '600');
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  assert.match(scripts['demo'] ?? '', / node dist\/src\/cli\.js demo$/);
});
