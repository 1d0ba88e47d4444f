/** The result of a step. */
export type Status = 'ok' | 'warning' | 'error' | 'skipped';

/** The finding of a step. */
export interface Finding<Found = undefined> {
  readonly status: Status;
  readonly detail: string;
  /** The remedy, in sentences, one per line. */
  readonly remedy?: string | undefined;
  /** The value for later steps. If it is missing, they are skipped. */
  readonly found?: Found;
}

/** A finding under the name of its step. */
export interface Step<Found = unknown> extends Finding<Found> {
  readonly step: string;
  /** The address of the region controller that was checked, if there are several. */
  readonly region?: string;
}

/** A step that failed: the steps that need it are skipped. */
export function failed(detail: string, remedy?: string): Finding<never> {
  return { status: 'error', detail, remedy };
}

/**
 * Continues after a step, or is skipped if that step has failed. Of several skipped steps in a row, each names the
 * first that failed.
 */
export async function after<Found, Next>(
  previous: Step<Found>,
  next: (found: Found) => Finding<Next> | Promise<Finding<Next>>,
): Promise<Finding<Next>> {
  if (previous.found !== undefined) return next(previous.found);
  const detail = previous.status === 'skipped' ? previous.detail : `not tried, because of ${previous.step}`;
  return { status: 'skipped', detail };
}

/**
 * Splits a sentence of `upstream/errors.ts` or `maas/refusal.ts`: it has the reason first, and after a semicolon or a
 * full stop the remedy.
 */
export function reasonAndRemedy(sentence: string): { reason: string; remedy: string | undefined } {
  const [, reason, remedy] = /^(.+?)[.;] (.+)$/s.exec(sentence) ?? [];
  if (reason === undefined || remedy === undefined) return { reason: sentence.replace(/\.$/, ''), remedy: undefined };
  return { reason, remedy: remedy.charAt(0).toUpperCase() + remedy.slice(1) };
}
