// A thousand clients, two thousand requests, 64 at once, on connections that everybody shares: nothing may be mixed up.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { DEMO_ADMIN_KEY, DEMO_USER_KEY, startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { createDice } from '../support/dice.ts';
import { eventually } from '../support/eventually.ts';
import { basic, give, oauth, writeClients, type Given } from '../support/gateway.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

const crowd = 1_000;
const count = 2_000;
const atOnce = 64;
const dice = createDice(1_000);
const pick = <T>(choices: readonly T[]): T => choices[Math.floor(dice() * choices.length)] as T;

/** A client, and the real key that its requests are to be signed with. */
interface Member extends Given {
  readonly maasKey: string;
  readonly user: 'admin' | 'bob';
  readonly mayWrite: boolean;
  readonly isValid: boolean;
}

/** One request, and what must come back. */
interface Plan {
  readonly id: string;
  readonly member: Member;
  readonly authorization: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly status: number;
  /** A member of the answer that tells whose it is, and its value. */
  readonly tells?: readonly [string, string];
}

test(`${crowd} clients, ${count} requests, ${atOnce} at once: every answer, key and record is the right one's`, async (t) => {
  const maas = await startSimulator({ machines: 50 });
  t.after(() => maas.close());
  const file = writeClients(t, []);
  const members = await enrol(maas, dirname(file));
  writeClients(t, members, file);
  const flags = ['--clients-file', file, '--port', '0'];
  const gateway = await startTestProxy(t, maas.url, { key: DEMO_ADMIN_KEY, flags });
  const before = maas.received.length;

  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  t.after(() => agent.destroy());
  const plans = Array.from({ length: count }, (_, index) => plan(members, index));
  const answers: string[] = [];
  const wrong: string[] = [];
  const todo = plans.values();
  const started = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const one of todo) {
        const { status, body } = await carryOut(one, gateway.url, agent);
        answers.push(body);
        const isRight = status === one.status && (one.tells === undefined || holds(body, one.tells));
        if (!isRight) {
          wrong.push(`${one.method} ${one.path} by ${one.member.client.name}: ${status} ${body.slice(0, 200)}`);
        }
      }
    }),
  );
  t.diagnostic(`${Math.round(performance.now() - started)} ms, ${maas.received.length - before} requests at MAAS`);
  assert.deepEqual(wrong.slice(0, 5), []);

  const byId = new Map(plans.map((one) => [one.id, one]));
  await t.test('MAAS got each request with the key that its client is to use, in its name', () => {
    for (const { rawHeaders, target, user } of maas.received.slice(before)) {
      const value = (name: string): string =>
        rawHeaders[rawHeaders.findIndex((one) => one.toLowerCase() === name) + 1] ?? '';
      const one = byId.get(value('x-request-id')) ?? assert.fail(target);
      assert.equal(target, `/MAAS/api/2.0${one.path}`);
      const [consumer, token, secret] = one.member.maasKey.split(':');
      const signed = `oauth_consumer_key="${consumer}", oauth_token="${token}", oauth_signature="%26${secret}"`;
      assert.ok(value('authorization').includes(signed), value('authorization'));
      assert.equal(user, one.member.user);
      assert.ok(value('user-agent').endsWith(`client=${one.member.client.name})`));
    }
    // What was answered with 200 and is not there was joined with another's request, which only reads are.
    const arrived = new Set(maas.received.map(({ rawHeaders }) => rawHeaders.find((one) => byId.has(one))));
    assert.deepEqual(
      plans.filter(({ id, method, status }) => method === 'POST' && status === 200 && !arrived.has(id)),
      [],
    );
  });

  await t.test('the log has each request once, with the client whose it was', async () => {
    await eventually(
      () => requestLines(gateway).length >= count,
      () => `${requestLines(gateway).length} lines`,
    );
    const lines = requestLines(gateway);
    assert.equal(lines.length, count);
    for (const { requestId, client, status, path } of lines) {
      const one = byId.get(String(requestId)) ?? assert.fail(String(requestId));
      assert.equal(client, one.member.client.name);
      assert.equal(status, one.status);
      assert.equal(path, one.path.replace(/=.*/, ''));
    }
  });

  await t.test('no secret of any client is in an answer, a log or at MAAS', () => {
    const secrets = new Set(members.map(({ key }) => key.slice(-32)));
    const said = [
      ...answers,
      JSON.stringify(gateway.log),
      JSON.stringify(maas.received.slice(before).map((one) => one.rawHeaders)),
    ];
    for (const [word] of said.join('\n').matchAll(/[A-Za-z0-9]{32,}/g)) {
      for (let at = 0; at + 32 <= word.length; at += 1) assert.ok(!secrets.has(word.slice(at, at + 32)), word);
    }
  });
});

function requestLines({ log }: TestProxy): readonly Record<string, unknown>[] {
  return log.filter(({ msg }) => msg === 'request');
}

function holds(body: string, [member, value]: readonly [string, string]): boolean {
  return (JSON.parse(body) as Record<string, unknown>)[member] === value;
}

/** Makes the clients: a third signs with keys of their own, some only read, some have come to their end. */
async function enrol(maas: Simulator, directory: string): Promise<Member[]> {
  const own = new Map<string, Pick<Member, 'maasKey' | 'user'>>();
  for (const [user, key] of [
    ['admin', DEMO_ADMIN_KEY],
    ['bob', DEMO_USER_KEY],
  ] as const) {
    for (let index = 0; index < 10; index += 1) {
      const { json } = await send(`${maas.url}/MAAS/api/2.0/account/?op=create_authorisation_token`, {
        method: 'POST',
        headers: { Authorization: oauth(key) },
      });
      const { consumer_key: consumer, token_key: token, token_secret: secret } = json();
      const maasKey = `${String(consumer)}:${String(token)}:${String(secret)}`;
      const name = `${user}-${index}.key`;
      writeFileSync(join(directory, name), maasKey);
      own.set(name, { maasKey, user });
    }
  }
  const files = [...own.keys()];
  return Array.from({ length: crowd }, (_, index): Member => {
    const maasKeyFile = dice() < 0.33 ? pick(files) : undefined;
    const policy = pick(['standard', 'read-only', ['read-only', 'POST zones/'], ['GET **']]);
    const isValid = dice() < 0.95;
    return {
      ...give(`client-${index}`, {
        policy,
        ...(maasKeyFile !== undefined && { maasKeyFile }),
        ...(isValid ? dice() < 0.3 && { expires: '2099-01-31' } : { expires: '2020-01-31' }),
      }),
      ...(own.get(maasKeyFile ?? '') ?? { maasKey: DEMO_ADMIN_KEY, user: 'admin' }),
      mayWrite: policy === 'standard' || policy.includes('POST zones/'),
      isValid,
    };
  });
}

function plan(members: readonly Member[], index: number): Plan {
  const member = pick(members);
  const { client, key } = member;
  const isForged = dice() < 0.05;
  const sent = isForged ? `${key.slice(0, 38)}${pick(members.filter((other) => other !== member)).key.slice(38)}` : key;
  const about = {
    id: `crowd-${index}`,
    member,
    authorization: pick([
      () => oauth(sent),
      () => `Bearer ${sent}`,
      () => basic(`${client.name}:${sent}`),
      () => basic(`:${sent}`),
    ])(),
  };
  const refused = isForged || !member.isValid ? 401 : undefined;
  const what = dice();
  if (what < 0.4) {
    const tells = ['username', member.user] as const;
    return {
      ...about,
      method: 'GET',
      path: '/users/?op=whoami',
      status: refused ?? 200,
      ...(refused === undefined && { tells }),
    };
  }
  if (what < 0.8) {
    const id = `m${String(1 + Math.floor(dice() * 50)).padStart(5, '0')}`;
    const tells = ['system_id', id] as const;
    return {
      ...about,
      method: 'GET',
      path: `/machines/${id}/`,
      status: refused ?? 200,
      ...(refused === undefined && { tells }),
    };
  }
  // Bob is no administrator: MAAS itself says no to him.
  const status = refused ?? (!member.mayWrite || member.user === 'bob' ? 403 : 200);
  const name = `zone-${index}`;
  return {
    ...about,
    method: 'POST',
    path: '/zones/',
    body: `name=${name}`,
    status,
    ...(status === 200 && { tells: ['name', name] as const }),
  };
}

function carryOut(one: Plan, url: string, agent: Agent): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { method, id, authorization, body } = one;
    const type = body === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' };
    const headers = { 'X-Request-Id': id, Authorization: authorization, ...type };
    const sent = request(`${url}${one.path}`, { method, agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
