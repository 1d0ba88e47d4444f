/** All mistakes in a configuration, one sentence each. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
  /** The sentences, each naming its setting. */
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'));
    this.mistakes = mistakes;
  }
}
