// The examples of MAAS's documentation with the real programs: as they stand there, through the proxy.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { examples, runExample } from '../support/examples.ts';
import { startTestProxy } from '../support/proxy.ts';

/** A key in form only, for programs that insist on one. */
const dummyKey = 'a:b:c';

for (const { title, documented, command } of examples) {
  for (const [how, apiKey] of [
    [`with the dummy key ${dummyKey}`, dummyKey],
    ['with no signature at all', ''],
  ] as const) {
    test(`${title}, ${how}: the proxy signs`, async (t) => {
      const line = await command(t);
      if (line === undefined) return;
      const maas = await startMaas(t);
      const proxy = await startTestProxy(t, maas.url, { key: maas.adminKey });
      const { code, output } = await runExample(t, line, proxy.url, apiKey);
      assert.equal(code, 0, output);
      assert.match(output, /"username": ?"admin",\s+"email": ?"admin@/);
      assert.match(output, /"name": ?"from-the-example"/);
      assertAsked(maas, documented);
      for (const { rawHeaders, target, body, user } of maas.received) {
        assert.equal(user, 'admin');
        const [consumer, token, secret] = maas.adminKey.split(':');
        const signatures = rawHeaders.filter((_, at) => rawHeaders[at - 1]?.toLowerCase() === 'authorization');
        assert.equal(signatures.length, 1);
        const names = `oauth_consumer_key="${consumer}", oauth_token="${token}", oauth_signature="%26${secret}"`;
        assert.ok(signatures[0]?.includes(names), signatures[0]);
        // Of the dummy nothing is left, in no other place either.
        assert.equal(signatures[0]?.match(/oauth_(?:consumer_key|token|signature)=/g)?.length, 3);
        const rest = [...rawHeaders.filter((text) => text !== signatures[0]), target, body.toString('latin1')];
        assert.ok(!rest.some((text) => text.includes('oauth_')), rest.join('\n'));
      }
    });
  }

  test(`${title}, without the proxy: MAAS refuses the dummy key with 401, and takes a real one`, async (t) => {
    const line = await command(t);
    if (line === undefined) return;
    const maas = await startMaas(t);
    const refused = await runExample(t, line, maas.url, dummyKey);
    assert.notEqual(refused.code, 0, refused.output);
    assert.match(refused.output, /\b401\b/);
    assert.deepEqual(
      maas.received.map(({ status, user }) => ({ status, user })),
      [{ status: 401, user: null }],
    );
    maas.clear();
    const taken = await runExample(t, line, maas.url, maas.adminKey);
    assert.equal(taken.code, 0, taken.output);
    assertAsked(maas, documented);
  });
}

/** All of the example has run, and the write has left its zone. */
function assertAsked(maas: Simulator, documented: string): void {
  assert.deepEqual(
    maas.received.map(({ method, target, status }) => `${method} ${target} ${status}`),
    [`${documented} 200`, 'GET /MAAS/api/2.0/users/?op=whoami 200', 'POST /MAAS/api/2.0/zones/ 200'],
  );
  assert.equal(maas.received[2]?.body.toString(), 'name=from-the-example');
}

async function startMaas(t: TestContext): Promise<Simulator> {
  const maas = await startSimulator({ machines: 2 });
  t.after(() => maas.close());
  return maas;
}
