/** A program under test, running in front of a MAAS's side. */
export interface Target {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  /** Its process; its children are its own too. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** A program that can be tested. */
export interface Program {
  readonly name: string;
  /** Whether it asks MAAS something on its own account when it starts. */
  readonly asksAtStart?: true;
  /** Its version, or `undefined` where it is not installed. */
  version(): Promise<string | undefined>;
  /** Starts it in front of a port of 127.0.0.1; resolves when it accepts connections. */
  start(originPort: number): Promise<Target>;
}

/** What programs other than ours send to MAAS in place of a signature. */
export const fixedAuthorization = 'OAuth oauth_token=fixed';
