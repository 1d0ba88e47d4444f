import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { explain } from '../../src/commands/explain.ts';
import { commands } from '../../src/commands/commands.ts';
import { readLayers } from '../../src/config/layers/layers.ts';
import { resolveApiPath } from '../../src/maas/api-path.ts';
import { formOps } from '../../src/maas/forms/form.ts';
import { resolveOperation } from '../../src/maas/operations/operation.ts';
import { explainRefusal } from '../../src/policy/explanation.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { parsePolicy, presetPolicy, type Policy } from '../../src/policy/policy.ts';
import { presets, type PresetName } from '../../src/policy/presets.ts';
import { parseRule, RuleError } from '../../src/policy/rule.ts';
import { allOperations, nameOf, type ListedOperation } from '../data/operations.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { emptyDirectory, runCli } from '../support/cli.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { connectRaw, startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';

const presetNames = Object.keys(presets) as PresetName[];

/** What a policy says of `POST /machines/abc/?op=deploy`, perhaps with a form. */
function verdict(rules: Policy | string, request: string, form?: string): 'allowed' | 'refused' | 'in doubt' {
  const policy = typeof rules === 'string' ? parsePolicy('test', rules) : rules;
  const [method = '', target = ''] = request.split(' ');
  const path = resolveApiPath(target);
  assert.ok(typeof path !== 'string', `${request}: ${String(path)}`);
  const read = form === undefined ? undefined : formOps('application/x-www-form-urlencoded', Buffer.from(form));
  const judged = evaluate(policy, resolveOperation(method, path, read), path, read);
  if (judged.ambiguity !== undefined) return 'in doubt';
  return judged.decision.allowed ? 'allowed' : 'refused';
}

for (const [rules, request, expected] of [
  ['GET **', 'GET /machines/', 'allowed'],
  ['GET **', 'GET /', 'allowed'],
  ['GET **', 'POST /machines/', 'refused'],
  ['GET machines', 'GET /machines/', 'allowed'],
  ['GET /machines/', 'GET /machines/abc/', 'refused'],
  ['GET machines/*', 'GET /machines/abc/', 'allowed'],
  ['GET machines/*', 'GET /machines/', 'refused'],
  ['GET machines/*', 'GET /machines/abc/x/', 'refused'],
  ['GET machines/**', 'GET /machines/', 'allowed'],
  ['GET machines/**', 'GET /machines/a/b/c/', 'allowed'],
  ['GET */interfaces/**', 'GET /nodes/interfaces/1/', 'allowed'],
  ['GET **/interfaces/*', 'GET /nodes/abc/interfaces/1/', 'allowed'],
  ['GET **/interfaces/*', 'GET /nodes/interfaces/interfaces/interfaces/', 'allowed'],
  ['GET **/interfaces/**/x', 'GET /a/interfaces/b/c/y/', 'refused'],
  ['* machines/*', 'DELETE /machines/abc/', 'allowed'],
  ['POST machines/* deploy', 'POST /machines/abc/?op=deploy', 'allowed'],
  ['POST machines/* deploy', 'POST /machines/abc/op-deploy', 'allowed'],
  ['POST machines/* deploy', 'POST /machines/abc/?op=release', 'refused'],
  ['POST machines/* deploy', 'POST /machines/abc/', 'refused'],
  ['POST machines/* *', 'POST /machines/abc/?op=release', 'allowed'],
  ['POST machines/* *', 'POST /machines/abc/', 'allowed'],
  ['POST tags/ -', 'POST /tags/', 'allowed'],
  ['POST tags/ -', 'POST /tags/?op=x', 'refused'],
  ['POST tags/ -', 'POST /tags/?op=', 'allowed'],
  ['POST machines/ allocate', 'POST /machines/?op=allocate&op', 'refused'],
  ['allow * **\ndeny * account/ *', 'GET /account/?op=list_authorisation_tokens', 'refused'],
  ['deny * account/ *\nallow * **', 'GET /account/?op=list_authorisation_tokens', 'allowed'],
  ['allow * **\ndeny GET ** x\nallow GET machines/ x', 'GET /machines/?op=x', 'allowed'],
  ['GET maas/ get_config name=maas_name', 'GET /maas/?op=get_config&name=maas_name', 'allowed'],
  ['GET maas/ get_config name=maas_name', 'GET /maas/?op=get_config&name=http_proxy', 'refused'],
  ['GET maas/ get_config name=maas_name', 'GET /maas/?op=get_config', 'refused'],
  ['GET maas/ get_config name=maas_name', 'GET /maas/?op=get_config&name=maas_name&name=http_proxy', 'refused'],
  ['GET maas/ get_config name=maas_name', 'GET /maas/?op=get_config&name=http_proxy&name=maas_name', 'refused'],
  ['GET **\ndeny GET maas/ get_config name=a=b', 'GET /maas/?op=get_config&name=a%3Db', 'refused'],
  ['GET **\ndeny GET maas/ get_config name=a', 'GET /maas/?op=get_config&name=b&name=a&name=c', 'refused'],
  ['GET **\ndeny GET files/*/**', 'GET /files/op-secret/', 'refused'],
  ['* **\ndeny DELETE users/*', 'DELETE /users/op-bob/', 'refused'],
  ['* **\ndeny DELETE users/*', 'DELETE /users%2Fbob/', 'in doubt'],
  ['* **\ndeny * users/**', 'DELETE /users%2Fbob/', 'in doubt'],
  ['GET machines/ read', 'GET /machines/?a=b;op=read', 'in doubt'],
] as const) {
  test(`"${rules.replaceAll('\n', '; ')}" and ${request}: ${expected}`, () => {
    assert.equal(verdict(rules, request), expected);
  });
}

test('where an operation decides, a form is read for it, also behind a rule with a condition', () => {
  const rules = 'GET **\nPOST machines/* lock\nGET machines/* x name=y';
  assert.equal(verdict(rules, 'POST /machines/abc/', 'op=lock'), 'allowed');
  assert.equal(verdict(rules, 'POST /machines/abc/', 'op=deploy'), 'refused');
  assert.equal(verdict(rules, 'POST /machines/abc/op-lock', 'op=deploy'), 'in doubt');
  assert.equal(verdict(rules, 'POST /machines/abc/?op=lock&op', 'op=deploy'), 'in doubt');
  assert.equal(verdict('GET maas/ get_config name=a', 'GET /maas/op-get_config?op=x&name=a'), 'in doubt');
});

test('the last rule that matches decides, whatever stands before it', () => {
  const path = fc.constantFrom('machines', 'machines/*', '**', 'machines/abc', 'tags', '*');
  const rule = fc
    .tuple(
      fc.constantFrom('allow', 'deny', ''),
      fc.constantFrom('GET', 'POST', '*'),
      path,
      fc.constantFrom('lock', '-', '*', ''),
    )
    .map((words) => words.filter((word) => word !== '').join(' '));
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 6 }), (rules) => {
      const matching = rules.filter((one) => {
        const words = one.replace(/^(?:allow|deny) /, '').split(' ');
        const [method, where = '', op = '*'] = words;
        return (
          (method === '*' || method === 'POST') &&
          ['machines/*', '**', 'machines/abc'].includes(where) &&
          (op === '*' || op === 'lock')
        );
      });
      const last = matching.at(-1);
      const expected = last === undefined || last.startsWith('deny') ? 'refused' : 'allowed';
      assert.equal(verdict(rules.join('\n'), 'POST /machines/abc/?op=lock'), expected);
    }),
    { numRuns: 2000 },
  );
});

test('a path of 30,000 segments costs a rule with two "**" no noticeable time', () => {
  const long = `GET ${'/a'.repeat(30_000)}/`;
  // The processor's time, so that a busy machine makes no difference; trying each place for each "**" would take minutes.
  const begin = process.cpuUsage();
  assert.equal(verdict('GET **/b/**/c\nGET **/x', long), 'refused');
  assert.ok(process.cpuUsage(begin).user < 10_000_000);
});

for (const [text, sentence] of [
  ['GET', /write METHOD path \[op\]/],
  ['machines/', /write METHOD path \[op\]/],
  ['GET machines/ a b', /write METHOD path \[op\]/],
  ['get machines/', /must begin with "allow", "deny" or a method/],
  ['DENY POST machines/', /must begin with "allow", "deny" or a method/],
  ['Allow GET machines/', /must begin with "allow", "deny" or a method/],
  ['GET machines/?op=x', /without "%" and "\?"/],
  ['GET machines%2F', /without "%" and "\?"/],
  ['deny * acc*/', /stands for a whole segment/],
  ['GET /MAAS/api/2.0/machines/', /below \/MAAS\/api\/2\.0\//],
  ['GET /api/2.0/machines/', /below \/MAAS\/api\/2\.0\//],
  ['deny POST machines/* op=deploy', /must name the op as a word alone/],
  ['POST machines/ allocate dry_run=true', /only a rule for GET can have/],
  ['* maas/ get_config name=x', /only a rule for GET can have/],
  ['GET maas/ get_config =x', /only a rule for GET can have/],
] as const) {
  test(`"${text}" is no rule, and the sentence says why`, () => {
    assert.throws(
      () => parseRule(text),
      (error) => error instanceof RuleError && sentence.test(error.message),
    );
  });
}

test('a policy file has comments, empty lines, Windows line ends, and names of presets', () => {
  const text = '# who may read\r\n\r\nread-only  # all of it\r\n  POST machines/* lock # and that\r\n';
  const policy = parsePolicy('file', text);
  assert.deepEqual(
    policy.rules.map((rule) => rule.text),
    [...presets['read-only'], 'POST machines/* lock'],
  );
});

for (const [what, content, sentence] of [
  [
    'a line that is no rule',
    'GET **\n\n# fine\nPOST machines/* op=deploy\n',
    /^--policy names the file .*policy: line 4: .*op as a word alone.*\.$/m,
  ],
  [
    'no rule at all',
    '# nothing\n',
    /^--policy names the file .*holds no rule, so that everything would be refused\.$/m,
  ],
] as const) {
  test(`a policy file with ${what} ends the program with exit code 2 and the line`, async (t) => {
    const directory = emptyDirectory(t);
    writeFileSync(join(directory, 'team.policy'), content);
    for (const args of [[], ['explain', 'GET', '/machines/']]) {
      const env = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: 'consumerX:tokenX:secretX' };
      const { code, stderr } = await runCli(t, [...args, '--policy', './team.policy'], env, directory);
      assert.equal(code, 2, stderr);
      assert.match(stderr, sentence);
    }
  });
}

test('--policy takes the name of a preset or a file; another word ends with exit code 2 and the names', async (t) => {
  for (const name of presetNames) {
    const { code, stdout } = await runCli(t, ['explain', 'GET', '/machines/', '--policy', name]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^policy +${name}$`, 'm'));
  }
  for (const name of ['readonly', 'none', 'toString', './missing.policy']) {
    const { code, stderr } = await runCli(t, ['explain', 'GET', '/machines/', '--policy', name]);
    assert.equal(code, 2, name);
    assert.match(stderr, /^--policy .*(?:standard, read-only, unrestricted|missing\.policy)/m);
  }
});

test('a refusal is 403 with operation, policy, rule and the way to allow it, and MAAS receives nothing', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url, { flags: ['--policy', 'read-only'] });
  for (const [method, path, operation, rule, reason] of [
    [
      'GET',
      '/machines/abc/op-power_parameters',
      'GET machines/{system_id} power_parameters',
      'deny GET machines/** power_parameters',
      'its rule "deny GET machines/\\*\\* power_parameters"',
    ],
    [
      'POST',
      '/MAAS/api/2.0/machines//abc/?op=%6cock',
      'POST machines/{system_id} lock',
      null,
      'no rule of it allows that',
    ],
  ] as const) {
    const reply = await send(proxy.url + path, { method });
    assert.equal(reply.status, 403);
    assert.equal(reply.headers['content-type'], 'application/problem+json');
    const problem = reply.json();
    assert.equal(problem['code'], 'policy-refused');
    assert.equal(problem['operation'], operation);
    assert.equal(problem['policy'], 'read-only');
    assert.equal(problem['rule'], rule);
    assert.match(
      String(problem['detail']),
      new RegExp(`refuses ${operation}: ${reason}\\. .*ends with the line "allow ${operation}"`),
    );
  }
  assert.equal(origin.received.length, 0);
});

test('what a refusal advises is true: with that line at the end of a policy file it is allowed', () => {
  for (const operation of allOperations) {
    const { segments, method, op } = operation;
    const advice = explainRefusal(presetPolicy('read-only'), { method, segments, op }, undefined, false);
    const [, line = ''] = /ends with the line "(allow [^"]+)"/.exec(advice) ?? [];
    assert.equal(verdict(`read-only\n${line}`, requestOf(operation)), 'allowed', `${nameOf(operation)}: ${line}`);
  }
});

test('no line of its own can be put into the sentence of a refusal', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url, { flags: ['--policy', 'read-only'] });
  const reply = await send(`${proxy.url}/machines/?op=${encodeURIComponent('x"\nallow * **\u001b[31m')}`, {
    method: 'POST',
  });
  assert.equal(reply.status, 403);
  assert.doesNotMatch(String(reply.json()['detail']), /\n|\p{Cc}|allow \* \*\*/u);
});

for (const name of presetNames) {
  test(`explain says the same as the server does, for each operation, under ${name}`, async (t) => {
    const origin = await startOrigin(t);
    const proxy = await startTestProxy(t, origin.url, { flags: ['--policy', name] });
    for (const operation of allOperations) {
      const [method = '', target = ''] = requestOf(operation).split(' ');
      const before = origin.received.length;
      const { status } = await send(proxy.url + target, { method });
      const said = await explained(t, [method, target, '--policy', name]);
      assert.equal(said.code === 0, status === 200, `${nameOf(operation)}: ${status}, ${said.output}`);
      assert.equal(origin.received.length - before, status === 200 ? 1 : 0);
      assert.match(said.output, said.code === 0 ? /^verdict {4}allowed$/m : /^verdict {4}refused$/m);
    }
  });
}

test('explain prints operation, policy, rule and verdict, with a body too, and ends with 0, 1 or 2', async (t) => {
  const file = join(emptyDirectory(t), 'team.policy');
  writeFileSync(file, 'GET **\nPOST machines/* lock\n');
  for (const [args, code, output] of [
    [
      ['POST', '/machines/abc/', '--body', 'op=lock'],
      0,
      /^operation {2}POST machines\/\{system_id\} lock\npolicy {5}.*\nrule {7}POST machines\/\* lock\nverdict {4}allowed\n$/,
    ],
    [['POST', 'http://localhost:8240/MAAS/api/2.0/machines/abc/?op=lock'], 0, /machines\/\{system_id\} lock/],
    [
      ['POST', '/machines/abc/', '--body', 'op=deploy'],
      1,
      /rule {7}none matches, and what no rule allows is refused\nverdict {4}refused\n$/,
    ],
    [['POST', '/machines/abc/op-lock', '--body', 'op=deploy'], 1, /verdict {4}refused: it names several operations/],
    [
      ['POST', '/machines/abc/', '--body', '{"op": "lock"}', '--content-type', 'application/json'],
      1,
      /operation {2}POST machines\/\{system_id\}\n/,
    ],
    [['GET', '/machines/?callback=x'], 1, /verdict {4}refused: it has "callback" in its query/],
  ] as const) {
    const { code: ended, stdout } = await runCli(t, ['explain', ...args, '--policy', file]);
    assert.match(stdout, output);
    assert.equal(ended, code, stdout);
  }
  for (const args of [[], ['GET'], ['GET', '/a/', 'b'], ['GET', '/MAAS/r/'], ['GET', '/a/../b'], ['G T', '/a/']]) {
    const { code, stdout, stderr } = await runCli(t, ['explain', ...args]);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /explain needs a method and an address|is no address of the API/);
  }
});

test('explain connects to nobody, and needs neither address nor key', async (t) => {
  const maas = await startRawMaas(t, () => {});
  const trap = "import net from 'node:net'; net.Socket.prototype.connect = () => process.exit(99);";
  const env = {
    MAAS_URL: maas.url,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(trap)}`,
  };
  assert.equal((await runCli(t, ['explain', 'GET', `${maas.url}/machines/`], env)).code, 0);
  assert.equal((await runCli(t, ['check'], { ...env, MAAS_API_KEY: 'consumerX:tokenX:secretX' })).code, 99);
  assert.equal(maas.connections.length, 0);
  // The trap and the count can both see a connection.
  await connectRaw(t, maas.url);
  assert.equal((await runCli(t, ['explain', 'GET', '/machines/'])).code, 0);
});

/** The reads that reveal a credential, those with a side effect, and nothing else. */
const revealing = [
  'GET account/ list_authorisation_tokens',
  'GET machines/ power_parameters',
  'GET machines/{system_id}/ power_parameters',
  'GET nodes/{system_id}/ power_parameters',
  'GET devices/{system_id}/ power_parameters',
  'GET rackcontrollers/ power_parameters',
  'GET rackcontrollers/{system_id}/ power_parameters',
  'GET regioncontrollers/{system_id}/ power_parameters',
  'GET machines/{system_id}/ get_token',
  'GET machines/{system_id}/ get_curtin_config',
  'GET account/prefs/sslkeys/',
  'GET account/prefs/sslkeys/{id}/',
  'GET license-keys/',
  'GET license-key/{osystem}/{distro_series}',
  'GET oidc-providers/',
  'GET oidc-providers/ get_active',
  'GET oidc-providers/{id}/',
  'GET pods/{id}/ parameters',
  'GET vm-hosts/{id}/ parameters',
  // URLs that may hold a password.
  'GET package-repositories/',
  'GET package-repositories/{id}/',
  'GET boot-sources/',
  'GET boot-sources/{id}/',
  // Those URLs in messages, in what scripts have written, and in what they were given.
  'GET notifications/',
  'GET notifications/{id}/',
  'GET commissioning-results/',
  'GET installation-results/',
  'GET nodes/{system_id}/results/',
  'GET nodes/{system_id}/results/{id}/',
  'GET nodes/{system_id}/results/{id}/ download',
  'GET scripts/',
  'GET scripts/{name}',
  'GET scripts/{name} download',
  'GET commissioning-scripts/',
  'GET commissioning-scripts/{name}',
  'GET dhcp-snippets/',
  'GET dhcp-snippets/{id}/',
  // The key to a rack's DHCP server.
  'GET agents/{system_id}/services/{service_name}/config/',
  // The list of files has the keys with which MAAS gives them to anybody.
  'GET files/',
  'GET files/ get',
  'GET files/ get_by_key',
  'GET files/{filename}/',
];
const withSideEffect = [
  'GET machines/{system_id}/ query_power_state',
  'GET rackcontrollers/{system_id}/ query_power_state',
];
const tokenOperations = [
  'GET account/ list_authorisation_tokens',
  'POST account/ create_authorisation_token',
  'POST account/ delete_authorisation_token',
  'POST account/ update_token_name',
];

test('each operation that is named here exists', () => {
  const names = new Set(allOperations.map(nameOf));
  for (const name of [...revealing, ...withSideEffect, ...tokenOperations]) assert.ok(names.has(name), name);
});

test('read-only lets every GET pass that reveals no credential, and nothing else, in every spelling', () => {
  const refused = new Set([...revealing, ...withSideEffect]);
  for (const operation of allOperations) {
    const expected = operation.method === 'GET' && !refused.has(nameOf(operation)) ? 'allowed' : 'refused';
    for (const request of spellings(operation)) {
      assert.equal(verdict(presetPolicy('read-only'), request), expected, `${nameOf(operation)}: ${request}`);
    }
  }
  for (const method of ['HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'QUERY', 'PROPFIND']) {
    assert.equal(verdict(presetPolicy('read-only'), `${method} /machines/`), 'refused');
  }
});

test('standard refuses the operations on the tokens of its own account, and nothing else', () => {
  for (const operation of allOperations) {
    const expected = tokenOperations.includes(nameOf(operation)) ? 'refused' : 'allowed';
    for (const request of spellings(operation)) {
      assert.equal(verdict(presetPolicy('standard'), request), expected, request);
    }
  }
});

test('unrestricted refuses nothing', () => {
  for (const operation of allOperations) {
    for (const request of spellings(operation)) {
      assert.equal(verdict(presetPolicy('unrestricted'), request), 'allowed', request);
    }
  }
});

for (const secret of [
  'vcenter_password',
  'vcenter_username',
  'maas_auto_ipmi_k_g_bmc_key',
  'http_proxy',
  'main_archive',
  'ports_archive',
  'prometheus_push_gateway',
]) {
  test(`read-only does not give away the setting ${secret}, however it is asked for`, () => {
    const encoded = encodeEach(secret);
    for (const query of [
      `?op=get_config&name=${secret}`,
      `?name=${secret}&op=get_config`,
      `?op=get_config&name=maas_name&name=${secret}`,
      `?op=get_config&name=${secret}&name=maas_name`,
      `?op=get_config&n%61me=${secret}`,
      `?op=get_config&name=${encoded}`,
      `?op=get_config&%6E%61%6D%65=${encoded}`,
      `?op=x&op=get_config&name=${secret}`,
      `?&op=get_config&&name=${secret}&`,
      `op-get_config?name=${secret}`,
      `/op-get_config?name=${encoded}`,
      `op-get_config?op=&name=${secret}`,
      `?%6fp=get_config&name=${secret}`,
    ]) {
      for (const base of [
        '/maas/',
        '//maas/',
        '/m%61as/',
        '/api/2.0/maas/',
        '/MAAS/api/2.0/maas/',
        '/MAAS//api/2.0//maas/',
      ]) {
        assert.notEqual(verdict(presetPolicy('read-only'), `GET ${base}${query}`), 'allowed', base + query);
      }
    }
  });
}

test('read-only gives away the other settings', () => {
  for (const query of [
    '?op=get_config&name=maas_name',
    'op-get_config?name=ntp_servers',
    '?op=get_config&name=x&y=http_proxy',
  ]) {
    assert.equal(verdict(presetPolicy('read-only'), `GET /maas/${query}`), 'allowed');
  }
});

function requestOf({ method, path, op }: ListedOperation): string {
  return `${method} ${path}${op === undefined ? '' : `?op=${op}`}`;
}

function encodeEach(text: string): string {
  return text.replaceAll(/[^/]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

function spellings(operation: ListedOperation): string[] {
  const { method, path, op } = operation;
  const query = op === undefined ? '' : `?op=${op}`;
  return [
    requestOf(operation),
    `${method} /MAAS/api/2.0${path}${query}`,
    `${method} /api//2.0${path.replaceAll('/', '//')}${query}`,
    `${method} ${encodeEach(path)}${query}`,
    `${method} ${path.replace(/\/$/, '')}${query}`,
    ...(op === undefined ? [`${method} ${path}?op=`] : [`${method} ${path}?a=b&op=&%6F%70=${encodeEach(op)}`]),
    ...(op !== undefined && path.endsWith('/') ? [`${method} ${path}op-${op}`, `${method} ${path}/op-${op}?x`] : []),
  ];
}

/** The command in this process: hundreds of processes would take minutes. */
async function explained(
  t: { mock: { method: typeof import('node:test').mock.method } },
  args: readonly string[],
): Promise<{ code: number; output: string }> {
  let output = '';
  const write = t.mock.method(process.stdout, 'write', (text: string) => {
    output += text;
    return true;
  });
  const running = explain(readLayers({ args, env: {}, dotenvFile: '/nonexistent/.env' }, commands['explain']?.flags));
  write.mock.restore(); // before anything else can write: the command has no wait in it
  return { code: await running, output };
}

test('a policy says of an address what it would say if it had never been asked before', () => {
  const piece = fc.constantFrom(
    'op',
    'o%70',
    'OP',
    'name',
    'n%61me',
    'x',
    'hop',
    '=',
    'deploy',
    'lock',
    '&',
    ';',
    '+',
    '%26',
  );
  const query = fc.array(piece, { maxLength: 6 }).map((pieces) => (pieces.length === 0 ? '' : `?${pieces.join('')}`));
  const path = fc.constantFrom(
    '/machines/',
    '/machines/abc/',
    '/machines/abc/op-lock',
    '/a%2Fb/',
    '/maas/',
    '/account/',
  );
  const rules =
    'allow GET **\ndeny GET maas/ get_config name=x\ndeny GET ** x=deploy\ndeny POST machines/* lock\nallow * a/*';
  const asked = [
    parsePolicy('with conditions', rules),
    parsePolicy('without', 'allow * **\ndeny POST machines/* lock\ndeny GET ** op'),
    ...presetNames.map(presetPolicy),
  ];
  const method = fc.constantFrom('GET', 'POST', 'DELETE');
  fc.assert(
    fc.property(fc.nat(asked.length - 1), method, path, query, (which, verb, plain, text) => {
      const policy = asked[which] ?? assert.fail();
      const address = resolveApiPath(plain + text);
      assert.ok(typeof address !== 'string');
      const operation = resolveOperation(verb, address);
      assert.deepEqual(evaluate(policy, operation, address), evaluate({ ...policy }, operation, address));
    }),
    { numRuns: 5_000 },
  );
});

test('long addresses that were asked for are not kept', () => {
  const policy = presetPolicy('standard');
  const ask = (count: number): void => {
    // As a request's head is: one string, out of which its parts are cut.
    const target = Buffer.from(`/machines/abcdefghijklmnop${count}/?x=${'z'.repeat(50_000)}`).toString('latin1');
    const path = resolveApiPath(target);
    assert.ok(typeof path !== 'string');
    evaluate(policy, resolveOperation('GET', path), path);
  };
  ask(0);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let count = 1; count <= 500; count += 1) ask(count);
  collectGarbage();
  const held = process.memoryUsage().heapUsed - before;
  assert.ok(held < 10_000_000, `500 addresses of 50 kB, ${held} bytes are held`);
});
