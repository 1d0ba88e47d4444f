import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDescription } from '../../src/maas/description.ts';

/** As MAAS 3.7.3 writes it. */
const document = {
  handlers: [
    {
      name: 'MachineHandler',
      params: ['system_id'],
      path: '/MAAS/api/2.0/machines/{system_id}/',
      actions: [
        {
          doc: 'Deploy a machine\n\nDeploys an operating system\nto a machine.\n\nSecond paragraph.\n\n:param user_data: Optional.  If present, this blob of\nbase64-encoded user-data.\n:type user_data: String\n:param install_kvm: Required.  If true.\n:type install_kvm: Boolean\n\n ',
          method: 'POST',
          op: 'deploy',
        },
        { doc: 'Read a machine\n\n:success (json) "content": {}\n', method: 'GET', op: null },
      ],
    },
    {
      name: 'AnonFilesHandler',
      params: [],
      path: '/MAAS/api/2.0/files/',
      actions: [{ doc: 'Get', method: 'GET', op: 'get' }],
    },
    { name: 'Strange', path: 7, actions: 'none' },
  ],
};

test("an operation's text, parameters, their types and which are required come from MAAS's describe/", () => {
  const [deploy, read, file, ...others] = readDescription(document);
  assert.deepEqual(others, []);
  assert.equal(deploy?.title, 'Deploy a machine');
  assert.equal(deploy?.text, 'Deploys an operating system to a machine.\n\nSecond paragraph.');
  assert.deepEqual(
    deploy?.parameters.map(({ name, in: place, type, required }) => [name, place, type, required]),
    [
      ['system_id', 'path', 'String', true],
      ['user_data', 'form', 'String', false],
      ['install_kvm', 'form', 'Boolean', true],
    ],
  );
  assert.equal(deploy?.parameters[1]?.description, 'If present, this blob of base64-encoded user-data.');
  assert.deepEqual([read?.path, read?.op, read?.isAnonymous], ['machines/{system_id}', undefined, false]);
  assert.deepEqual([file?.method, file?.op, file?.isAnonymous], ['GET', 'get', true]);
});

test('what is no description of MAAS describes nothing, and breaks nothing', () => {
  for (const strange of [undefined, null, 'text', [], {}, { handlers: 7 }, { handlers: [null, { actions: [null] }] }]) {
    assert.deepEqual(readDescription(strange), []);
  }
});
