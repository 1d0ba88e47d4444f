import { hasFile, type Call } from './call.ts';

/** The languages that a call can be copied as. */
export const languages = ['curl', 'HTTPie', 'Python', 'MAAS CLI'] as const;

/** One of them. */
export type Language = (typeof languages)[number];

/**
 * A call as a line to paste.
 *
 * @param origin of the proxy
 * @param needsKey whether the gateway wants a key; it is never written out
 */
export function copyAs(language: Language, call: Call, origin: string, needsKey: boolean): string {
  switch (language) {
    case 'curl':
      return curl(call, origin, needsKey);
    case 'HTTPie':
      return httpie(call, origin, needsKey);
    case 'Python':
      return python(call, origin, needsKey);
    case 'MAAS CLI':
      return maasCli(call);
  }
}

/** The placeholder of a gateway's key; every example reads it from the environment. */
const keyVariable = 'MAAS_API_KEY';

function curl(call: Call, origin: string, needsKey: boolean): string {
  const parts = ['curl'];
  if (call.method !== 'GET' && !(call.method === 'POST' && call.fields.length > 0)) parts.push('-X', call.method);
  if (needsKey) parts.push('-H', `"Authorization: Bearer $${keyVariable}"`);
  for (const [name, value] of call.fields) {
    if (value instanceof File) parts.push('-F', quote(`${name}=@${value.name}`));
    else if (hasFile(call)) parts.push('--form-string', quote(`${name}=${value}`));
    else parts.push('--data-urlencode', quote(`${name}=${value}`));
  }
  return [...parts, quote(origin + call.target)].join(' ');
}

function httpie(call: Call, origin: string, needsKey: boolean): string {
  const parts = ['http'];
  if (call.fields.length > 0) parts.push(hasFile(call) ? '--multipart' : '--form');
  if (needsKey) parts.push('-A', 'bearer', '-a', `"$${keyVariable}"`);
  parts.push(call.method, quote(origin + call.target));
  for (const [name, value] of call.fields) {
    parts.push(value instanceof File ? quote(`${name}@${value.name}`) : quote(`${name}=${value}`));
  }
  return parts.join(' ');
}

function python(call: Call, origin: string, needsKey: boolean): string {
  const lines = ['import requests'];
  if (needsKey) lines.unshift('import os');
  const args = [JSON.stringify(origin + call.target)];
  const texts = call.fields.filter(([, value]) => !(value instanceof File));
  const files = call.fields.filter(([, value]) => value instanceof File);
  if (texts.length > 0) {
    args.push(
      `data=[${texts.map(([name, value]) => `(${JSON.stringify(name)}, ${JSON.stringify(value)})`).join(', ')}]`,
    );
  }
  if (files.length > 0) {
    const opened = files.map(
      ([name, value]) => `${JSON.stringify(name)}: open(${JSON.stringify((value as File).name)}, "rb")`,
    );
    args.push(`files={${opened.join(', ')}}`);
  }
  if (needsKey) args.push(`headers={"Authorization": "Bearer " + os.environ["${keyVariable}"]}`);
  lines.push(
    '',
    `response = requests.${call.method.toLowerCase()}(${args.join(', ')})`,
    'response.raise_for_status()',
    'print(response.text)',
  );
  return lines.join('\n');
}

/** The MAAS CLI names a handler by the path's nouns, identifiers come first, then `name=value`. */
function maasCli(call: Call): string {
  const { operation } = call;
  const [path = ''] = call.target.split('?');
  const segments = path.split('/').filter((part) => part !== '');
  const shape = operation.path.split('/').filter((part) => part !== '');
  const identifiers = shape.flatMap((part, index) =>
    part.startsWith('{') ? [decodeURIComponent(segments[index] ?? part)] : [],
  );
  const verbs: Readonly<Record<string, string>> = { GET: 'read', POST: 'create', PUT: 'update', DELETE: 'delete' };
  const action = (operation.op ?? verbs[operation.method] ?? operation.method).replaceAll('_', '-');
  const query = new URLSearchParams(call.target.split('?')[1] ?? '');
  query.delete('op');
  const words = [
    'maas',
    '$PROFILE',
    handlerOf(shape),
    action,
    ...identifiers.map(quote),
    ...[...query].map(([name, value]) => quote(`${name}=${value}`)),
    ...call.fields.map(([name, value]) => quote(value instanceof File ? `${name}@=${value.name}` : `${name}=${value}`)),
  ];
  return words.join(' ');
}

function handlerOf(shape: readonly string[]): string {
  const nouns = shape.filter((part) => !part.startsWith('{'));
  const last = nouns.at(-1) ?? '';
  const isOne = shape.at(-1)?.startsWith('{') === true;
  const name = isOne ? singular(last) : last;
  return name.replaceAll('_', '-');
}

function singular(noun: string): string {
  if (noun.endsWith('ies')) return `${noun.slice(0, -3)}y`;
  return noun.replace(/(?:(?<=s)es|s)$/, '');
}

/** Quotes a text for a shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
