import type { Call } from './call.ts';

/** A call that was sent from this tab. */
export interface Sent {
  /** The page's address that opens it filled in. */
  readonly hash: string;
  readonly title: string;
  readonly status: number;
}

const item = 'maas-auth-proxy.sent';
const most = 20;

/** The last calls of this tab, the newest first. */
export function sentCalls(): readonly Sent[] {
  try {
    return JSON.parse(sessionStorage.getItem(item) ?? '[]') as Sent[];
  } catch {
    return [];
  }
}

/** Adds one. */
export function rememberCall(call: Call, hash: string, status: number): readonly Sent[] {
  const sent: Sent = { hash, title: `${call.method} ${call.target}`, status };
  const all = [sent, ...sentCalls().filter((one) => one.hash !== hash)].slice(0, most);
  sessionStorage.setItem(item, JSON.stringify(all));
  return all;
}
