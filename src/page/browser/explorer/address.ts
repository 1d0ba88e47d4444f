import type { Values } from './call.ts';

/**
 * The page's address for an operation with the filled-in values, so that a link opens the same call. Files are left
 * out.
 */
export function toHash(name: string, values: Values): string {
  const query = new URLSearchParams({ operation: name });
  for (const [key, value] of Object.entries(values))
    if (typeof value === 'string' && value !== '') query.append(key, value);
  return `#${query}`;
}

/** Reads such an address. */
export function fromHash(hash: string): { readonly name: string | undefined; readonly values: Values } {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const name = query.get('operation') ?? undefined;
  query.delete('operation');
  return { name, values: Object.fromEntries(query) };
}
