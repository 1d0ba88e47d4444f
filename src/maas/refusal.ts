/** Why MAAS responded with 401, from the text of its response. */
export type Refusal =
  | { readonly reason: 'unknown-consumer' | 'unknown-token' | 'wrong-secret' | 'nonce-reused' | 'unsigned' | 'unknown' }
  /** `offset`: by how many seconds MAAS's clock, which says `now`, is ahead of the timestamp. */
  | { readonly reason: 'expired-timestamp'; readonly offset: number; readonly now: number };

/**
 * Parses the body of a 401. For a wrong secret MAAS prints the true one, so the text must not be forwarded or logged;
 * the result contains nothing of it.
 */
export function readRefusal(body: string): Refusal {
  const expired = /Expired timestamp: given (\d+) and now (\d+)/.exec(body);
  if (expired !== null) {
    const now = Number(expired[2]);
    return { reason: 'expired-timestamp', offset: now - Number(expired[1]), now };
  }
  if (body.includes('Invalid API key') || body.includes('Invalid consumer')) return { reason: 'unknown-consumer' };
  if (body.includes('Invalid access token')) return { reason: 'unknown-token' };
  if (body.includes('Invalid signature')) return { reason: 'wrong-secret' };
  if (body.includes('Nonce already used')) return { reason: 'nonce-reused' };
  if (body.trim() === 'Forbidden') return { reason: 'unsigned' };
  return { reason: 'unknown' };
}

/** Describes a refusal in a sentence, with its remedy. */
export function explainRefusal(refusal: Refusal): string {
  switch (refusal.reason) {
    case 'unknown-consumer':
    case 'unknown-token':
      return 'MAAS does not know the API key: it was deleted, or belongs to another MAAS. Copy a key from MAAS, user name, "API keys".';
    case 'wrong-secret':
      return 'The secret, the third part of the API key, is wrong. Copy the whole key again from MAAS, user name, "API keys".';
    case 'nonce-reused':
      return 'MAAS has seen this nonce before: something between the proxy and MAAS has sent the request twice.';
    case 'expired-timestamp':
      return `MAAS's clock is ${Math.abs(refusal.offset)} s ${refusal.offset > 0 ? 'ahead of' : 'behind'} this machine's; set both right, for example with NTP.`;
    case 'unsigned':
      return 'The signature did not reach MAAS: something between the proxy and MAAS removes the Authorization header.';
    case 'unknown':
      return 'MAAS refused the signature for a reason that the proxy does not know.';
  }
}
