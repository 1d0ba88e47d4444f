/** The fields that belong to one connection and are never forwarded, in either direction (RFC 9110 §7.6.1). */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The further fields that a `Connection` field names, which are dropped with it (RFC 9110 §7.6.1).
 *
 * @returns their names in lower case, or `undefined` if there are none
 */
export function connectionOptions(value: string | undefined): ReadonlySet<string> | undefined {
  if (value === undefined || /^(?:keep-alive|close)$/i.test(value)) return undefined;
  return new Set(value.split(',').map((name) => name.trim().toLowerCase()));
}
