import type { Controller } from './handler.ts';

/**
 * A controller without bytes to pause, such as that of a wait: it can only be aborted. @param onAbort called at most
 * once
 */
export function abortable(onAbort: (error: Error) => void): Controller {
  let isAborted = false;
  return {
    paused: false,
    pause() {},
    resume() {},
    abort(error) {
      if (isAborted) return;
      isAborted = true;
      onAbort(error);
    },
  };
}
