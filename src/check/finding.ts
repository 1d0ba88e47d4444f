/** How a step ended. */
export type Status = 'ok' | 'warning' | 'error' | 'skipped';

/** What a step found. */
export interface Finding<Found = undefined> {
  readonly status: Status;
  readonly detail: string;
  /** What to do, in sentences; each line is one. */
  readonly remedy?: string | undefined;
  /** What the steps after this one go on with. Where it is missing, they are skipped. */
  readonly found?: Found;
}

/** A finding under the name of its step. */
export interface Step<Found = unknown> extends Finding<Found> {
  readonly step: string;
  /** The address of the region controller that it is about, where there are several. */
  readonly region?: string;
}

/** A step that failed: the steps that need it are skipped. */
export function failed(detail: string, remedy?: string): Finding<never> {
  return { status: 'error', detail, remedy };
}

/**
 * Goes on after a step, or says which step this one waits for. Of a row of skipped steps, each names the first that
 * failed.
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
 * Takes a sentence of `upstream/failure.ts` or `maas/refusal.ts` apart: they say the reason, and after a semicolon or a
 * full stop what to do.
 */
export function reasonAndRemedy(sentence: string): { reason: string; remedy: string | undefined } {
  const [, reason, remedy] = /^(.+?)[.;] (.+)$/s.exec(sentence) ?? [];
  if (reason === undefined || remedy === undefined) return { reason: sentence.replace(/\.$/, ''), remedy: undefined };
  return { reason, remedy: remedy.charAt(0).toUpperCase() + remedy.slice(1) };
}
