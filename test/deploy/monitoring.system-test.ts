// What deploy/ gives to Prometheus and Grafana, held against Prometheus's own checks and against a real scrape.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeAuthority } from '../support/certificates.ts';
import { emptyDirectory } from '../support/cli.ts';
import { give, writeClients } from '../support/gateway.ts';
import { needProgram } from '../support/programs.ts';
import { startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { scrapeText } from '../support/scrape.ts';

const prometheus = resolve('deploy/prometheus');
const dashboard = resolve('deploy/grafana/maas-auth-proxy.json');

/** The names of all metrics that a proxy can have: it has clients, several regions, a Redis that is away, and MAAS has a certificate. */
async function allMetrics(t: TestContext): Promise<ReadonlySet<string>> {
  const authority = await makeAuthority(t);
  const { cert, key } = await authority.issue('IP:127.0.0.1');
  const maas = createServer({ cert, key }, (_request, response) => response.end('[]'));
  await new Promise<void>((listening) => {
    maas.listen(0, '127.0.0.1', listening);
  });
  t.after(() => {
    maas.close();
    maas.closeAllConnections();
  });
  const url = `https://127.0.0.1:${(maas.address() as AddressInfo).port}`;
  const ann = give('ann', { expires: '2099-01-01T00:00:00Z' });
  const flags = [
    '--clients-file',
    writeClients(t, [ann]),
    '--ca-file',
    authority.certFile,
    '--redis-url',
    'redis://127.0.0.1:1',
  ];
  const proxy = await startTestProxy(t, `${url},https://127.0.0.1:1`, { flags });
  await send(`${proxy.url}/machines/`, { headers: { Authorization: `Bearer ${ann.key}` } });
  const text = await scrapeText(proxy.adminUrl);
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  assert.match(text, new RegExp(`certificate_expiry_timestamp_seconds\\{certificate="${url}"\\} \\d+`));
  return new Set(names);
}

/** The names of the proxy's metrics in a text. */
function metricsIn(text: string): string[] {
  return [...new Set(text.match(/\b(?:maas_auth_proxy|process|nodejs)_[a-z0-9_]+/g))];
}

test("Prometheus's own promtool finds nothing wrong with rules and configuration, and the alerts come when they should", async (t) => {
  const promtool = await needProgram(t, 'promtool', { debianPackage: 'prometheus' });
  if (promtool === undefined) return;
  const run = (...args: string[]): string => execFileSync(promtool, args, { cwd: prometheus, encoding: 'utf8' });
  assert.match(run('check', 'rules', 'rules.yml'), /SUCCESS: \d+ rules found/);
  assert.match(run('check', 'config', 'prometheus.yml'), /SUCCESS: prometheus.yml is valid/);
  assert.match(run('test', 'rules', 'rules.test.yml'), /SUCCESS/);
});

test('rules and dashboard ask for metrics that there are, and the documentation names all of them', async (t) => {
  const all = await allMetrics(t);
  const rules = readFileSync(join(prometheus, 'rules.yml'), 'utf8');
  const panels = readFileSync(dashboard, 'utf8');
  for (const [where, text] of Object.entries({ rules, panels })) {
    const names = metricsIn(text);
    assert.ok(names.length > 8, where);
    assert.deepEqual(
      names.filter((name) => !all.has(name)),
      [],
      where,
    );
  }
  const documented = readFileSync(resolve('docs/monitoring.md'), 'utf8');
  for (const name of all) {
    const plain = name.replace(/_(?:bucket|sum|count)$/, '');
    if (plain.startsWith('maas_auth_proxy_')) assert.ok(documented.includes(`\`${plain}\``), plain);
  }
});

test('every expression of the dashboard is one that Prometheus understands', async (t) => {
  const promtool = await needProgram(t, 'promtool', { debianPackage: 'prometheus' });
  if (promtool === undefined) return;
  const { panels } = JSON.parse(readFileSync(dashboard, 'utf8')) as {
    panels: { id: number; targets: { expr: string }[] }[];
  };
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const rules = expressions.map((expr, index) => {
    const concrete = expr.replaceAll(/\$__(?:rate_interval|range)/g, '5m');
    return `      - { record: 'r${index}', expr: ${JSON.stringify(concrete)} }\n`;
  });
  const file = join(emptyDirectory(t), 'dashboard.yml');
  writeFileSync(file, `groups:\n  - name: dashboard\n    rules:\n${rules.join('')}`);
  execFileSync(promtool, ['check', 'rules', file], { encoding: 'utf8', stdio: 'pipe' });
});
