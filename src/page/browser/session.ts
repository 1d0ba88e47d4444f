// The gateway's key lives in this tab alone, and is sent as Bearer.
const item = 'maas-auth-proxy.key';

/** The key that was entered in this tab; `undefined` if none was. */
export function storedKey(): string | undefined {
  return sessionStorage.getItem(item) ?? undefined;
}

/** Remembers a key for as long as the tab lives; `undefined` forgets it. */
export function storeKey(key: string | undefined): void {
  if (key === undefined) sessionStorage.removeItem(item);
  else sessionStorage.setItem(item, key);
}

/** `fetch` with the key, if there is one. */
export function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = storedKey();
  if (key !== undefined) headers.set('Authorization', `Bearer ${key}`);
  return fetch(path, { ...init, headers, cache: 'no-store', redirect: 'manual' });
}

/** Reads JSON of the proxy's own. @throws {ProblemError} the proxy's refusal */
export async function read<Value>(path: string): Promise<Value> {
  const response = await send(path);
  if (response.ok) return (await response.json()) as Value;
  throw new ProblemError(response.status, await sentence(response));
}

/** The proxy's own refusal, as a sentence. */
export class ProblemError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

async function sentence(response: Response): Promise<string> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown };
    if (typeof detail === 'string') return detail;
  } catch {
    // no problem document
  }
  return `The proxy responded ${response.status}.`;
}
