import type { Operation, Parameter } from '../contract.ts';

/** The filled-in values, by `in` and name: `path.system_id`. */
export type Values = Readonly<Record<string, string | File>>;

/** A call of an operation, ready to be sent, shown and copied. */
export interface Call {
  readonly operation: Operation;
  readonly method: string;
  /** From the proxy's root, with the query: `/machines/abc/?op=deploy`. */
  readonly target: string;
  /** Form fields, in their order. */
  readonly fields: readonly (readonly [name: string, value: string | File])[];
}

/** The key of a parameter in `Values`. */
export function keyOf({ in: location, name }: Parameter): string {
  return `${location}.${name}`;
}

/** The names of required parameters that are not filled in. */
export function missing({ parameters }: Operation, values: Values): string[] {
  return parameters
    .filter((parameter) => (parameter.required || parameter.in === 'path') && isEmpty(values[keyOf(parameter)]))
    .map(({ name }) => name);
}

/** Makes the call from the filled-in values. */
export function buildCall(operation: Operation, values: Values): Call {
  const path = operation.path.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = values[`path.${name}`];
    return typeof value === 'string' && value !== '' ? encodeURIComponent(value) : placeholder;
  });
  const query = new URLSearchParams();
  if (operation.op !== null) query.append('op', operation.op);
  const fields: (readonly [string, string | File])[] = [];
  for (const parameter of operation.parameters) {
    const value = values[keyOf(parameter)];
    if (isEmpty(value) || value === undefined || parameter.in === 'path') continue;
    // Several values, one per line, repeat the parameter.
    const all = typeof value === 'string' ? value.split('\n').filter((line) => line !== '') : [value];
    for (const one of all) {
      if (parameter.in === 'query') query.append(parameter.name, String(one));
      else fields.push([parameter.name, one]);
    }
  }
  const text = query.toString();
  return { operation, method: operation.method, target: `/${path}${text === '' ? '' : `?${text}`}`, fields };
}

/** Whether a file is among the fields, so that the body must be multipart. */
export function hasFile({ fields }: Call): boolean {
  return fields.some(([, value]) => value instanceof File);
}

/** The body and its type. */
export function bodyOf(call: Call): BodyInit | undefined {
  if (call.method === 'GET' || call.method === 'DELETE' || call.fields.length === 0) return undefined;
  if (hasFile(call)) {
    const form = new FormData();
    for (const [name, value] of call.fields) form.append(name, value);
    return form;
  }
  const form = new URLSearchParams();
  for (const [name, value] of call.fields) form.append(name, String(value));
  return form;
}

function isEmpty(value: string | File | undefined): boolean {
  return value === undefined || value === '' || (value instanceof File && value.name === '');
}
