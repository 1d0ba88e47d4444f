import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { give, startGateway, writeClients, type Given } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { needProgram } from '../support/programs.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { scrape, scrapeText, type Scrape } from '../support/scrape.ts';
import { until } from '../support/until.ts';

/** Resolves when so many requests are on record. */
async function recorded({ log }: TestProxy, count: number): Promise<void> {
  await until(() => log.filter(({ msg }) => msg === 'request').length >= count, `${count} requests on record`);
}

/** The series of requests, by their labels. */
function requests(series: Scrape): Record<string, number> {
  const found = [...series].filter(([name]) => name.startsWith('maas_auth_proxy_requests_total{'));
  return Object.fromEntries(found.map(([name, value]) => [name.slice('maas_auth_proxy_requests_total'.length), value]));
}

test('a scrape passes promtool, before any request and after many', async (t) => {
  const promtool = await needProgram(t, 'promtool', { debianPackage: 'prometheus' });
  if (promtool === undefined) return;
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const ann = give('ann', { expires: '2099-01-01T00:00:00Z' });
  const proxy = await startGateway(t, maas.url, [ann], { key: maas.adminKey });
  const check = async (): Promise<void> => {
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], {
      input: await scrapeText(proxy.adminUrl),
      encoding: 'utf8',
    });
    assert.deepEqual({ status, said: stdout + stderr }, { status: 0, said: '' });
  };
  await check();
  for (const key of [ann.key, 'unknown']) {
    await send(`${proxy.url}/machines/`, { headers: { Authorization: `Bearer ${key}` } });
  }
  await recorded(proxy, 2);
  await check();
});

test('requests are counted by operation, client and status, wherever the operation was written', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const ann = give('ann');
  const bob = give('bob', { policy: 'read-only' });
  const proxy = await startGateway(t, maas.url, [ann, bob], { key: maas.adminKey });
  const ask = ({ key }: Pick<Given, 'key'>, method: string, path: string, body?: string): Promise<unknown> =>
    send(proxy.url + path, {
      method,
      headers: {
        Authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'Content-Type': 'application/x-www-form-urlencoded' }),
      },
      ...(body !== undefined && { body }),
    });
  await ask(ann, 'GET', '/machines/');
  await ask(ann, 'GET', '/MAAS/api/2.0/machines');
  await ask(ann, 'GET', '/machines/m00001/?op=power_parameters');
  await ask(ann, 'POST', '/machines/m00001/op-lock');
  await ask(ann, 'POST', '/account/?op=create_authorisation_token', 'name=x');
  await ask(bob, 'POST', '/machines/m00001/?op=lock');
  await ask({ key: 'unknown' }, 'GET', '/users/?op=whoami');
  await recorded(proxy, 7);
  const series = requests(await scrape(proxy.adminUrl));
  assert.deepEqual(series, {
    '{operation="GET machines",client="ann",status="200"}': 2,
    '{operation="GET machines/{system_id} power_parameters",client="ann",status="200"}': 1,
    '{operation="POST machines/{system_id} lock",client="ann",status="200"}': 1,
    '{operation="POST account create_authorisation_token",client="ann",status="403"}': 1,
    '{operation="POST machines/{system_id} lock",client="bob",status="403"}': 1,
    '{operation="GET users whoami",client="-",status="401"}': 1,
  });
});

test('whatever a client makes up, the series do not grow', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url, { flags: ['--policy', 'unrestricted'] });
  let count = 0;
  for (const path of ['/nonsense/', '/machines/?op=x', '/machines/x/y/z/', '/MAAS/r/', '/a%2F..%2Fb', '/?a']) {
    for (const method of ['GET', 'POST', 'PROPFIND', 'DELETE', 'OPTIONS']) {
      await send(`${proxy.url}${path}${path.includes('?') ? count : ''}`, {
        method,
        headers: { 'X-Request-Id': `made-up-${count}`, 'User-Agent': `made-up-${count}` },
      });
      count += 1;
    }
  }
  await recorded(proxy, count);
  const series = requests(await scrape(proxy.adminUrl));
  assert.deepEqual(Object.keys(series).toSorted(), [
    '{operation="other",client="-",status="200"}',
    '{operation="other",client="-",status="400"}',
    '{operation="other",client="-",status="404"}',
  ]);
});

test('a network with its mask in the path is a subnet', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  await send(`${proxy.url}/subnets/10.0.0.0%2F24/`);
  await recorded(proxy, 1);
  assert.deepEqual(requests(await scrape(proxy.adminUrl)), {
    '{operation="GET subnets/{id}",client="-",status="200"}': 1,
  });
});

test('durations, retries, bytes and problems are counted', async (t) => {
  let count = 0;
  const origin = await startOrigin(t, (_request, response) => {
    count += 1;
    if (count === 1) response.writeHead(503, { 'Retry-After': '0' }).end();
    else setTimeout(() => response.end('0123456789'), 30);
  });
  const proxy = await startTestProxy(t, origin.url);
  await send(`${proxy.url}/machines/`);
  await send(`${proxy.url}/zones/`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: 'abc',
  });
  await send(`${proxy.url}/users/`, { headers: { Host: 'evil.example' } });
  await recorded(proxy, 3);
  const series = await scrape(proxy.adminUrl);
  const value = (name: string): number | undefined => series.get(`maas_auth_proxy_${name}`);
  assert.equal(value('retries_total'), 1);
  assert.equal(value('problems_total{code="unknown-host"}'), 1);
  assert.equal(value('received_bytes_total'), 3);
  assert.ok((value('sent_bytes_total') ?? 0) > 20, 'the problem document is counted too');
  assert.equal(value('request_duration_seconds_count{phase="total"}'), 3);
  assert.equal(value('request_duration_seconds_count{phase="maas"}'), 2);
  assert.equal(value('request_duration_seconds_count{phase="waiting"}'), 2);
  const [atMaas, total] = ['maas', 'total'].map(
    (phase) => value(`request_duration_seconds_sum{phase="${phase}"}`) ?? 0,
  );
  assert.ok(Number(atMaas) >= 0.05 && Number(atMaas) <= Number(total), `${atMaas} s of ${total} s`);
});

test("a client's end is told, and its series go after it has been revoked", async (t) => {
  const origin = await startOrigin(t);
  const ann = give('ann', { expires: '2099-01-01T00:00:00Z' });
  const bob = give('bob');
  const file = writeClients(t, [ann, bob]);
  const proxy = await startTestProxy(t, origin.url, { flags: ['--clients-file', file] });
  for (const { key } of [ann, bob]) {
    await send(`${proxy.url}/machines/`, { headers: { Authorization: `Bearer ${key}` } });
  }
  await recorded(proxy, 2);
  const before = await scrape(proxy.adminUrl);
  const expiry = 'maas_auth_proxy_client_key_expiry_timestamp_seconds';
  assert.equal(before.get(`${expiry}{client="ann"}`), Date.parse('2099-01-01T00:00:00Z') / 1000);
  assert.equal(before.has(`${expiry}{client="bob"}`), false);
  writeClients(t, [bob], file);
  await until(() => proxy.log.some(({ msg }) => String(msg).endsWith('again: 1 key')), 'the changed clients file');
  const annsReads = '{operation="GET machines",client="ann",status="200"}';
  assert.equal(requests(await scrape(proxy.adminUrl))[annsReads], 1, 'the last numbers are still told once');
  const after = await scrape(proxy.adminUrl);
  assert.equal(requests(after)[annsReads], undefined);
  assert.equal(requests(after)['{operation="GET machines",client="bob",status="200"}'], 1);
  assert.equal(after.has(`${expiry}{client="ann"}`), false);
});

test('a broken clients file is counted', async (t) => {
  const origin = await startOrigin(t);
  const file = writeClients(t, [give('ann')]);
  const proxy = await startTestProxy(t, origin.url, { flags: ['--clients-file', file] });
  await send(`${proxy.url}/machines/`);
  writeFileSync(file, '{"clients": [');
  await until(() => proxy.log.some(({ level }) => level === 50), 'the line about the clients file');
  const series = await scrape(proxy.adminUrl);
  assert.equal(series.get('maas_auth_proxy_config_reload_failures_total{file="clients"}'), 1);
});

test('metrics of the process, the version and the clock are there', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  const series = await scrape(proxy.adminUrl);
  assert.equal(series.get('maas_auth_proxy_clock_offset_seconds'), 0);
  assert.ok((series.get('process_resident_memory_bytes') ?? 0) > 1e6);
  assert.ok((series.get('process_cpu_seconds_total') ?? 0) > 0);
  assert.ok([...series.keys()].some((name) => /^maas_auth_proxy_build_info\{version="\d+\.\d+\.\d+"\}$/.test(name)));
});
