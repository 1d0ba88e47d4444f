import type { Controller } from './handler.ts';

/** A controller of something that has no bytes to stop: a wait, of which nothing is left but to end it. @param onAbort called once */
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
