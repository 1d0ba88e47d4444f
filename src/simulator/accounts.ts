// The users of the simulator, their API keys and browser sessions. All of them are made up.
import { randomBytes } from 'node:crypto';

/** Keys in MAAS's form: consumer (18) : token (18) : secret (32). */
export const DEMO_ADMIN_KEY = 'demoAdminConsumer1:demoAdminToken0001:demoAdminSecret00000000000000001';
export const DEMO_USER_KEY = 'demoBobConsumer001:demoBobToken000001:demoBobSecret0000000000000000001';
export const DEMO_DISABLED_KEY = 'demoEveConsumer001:demoEveToken000001:demoEveSecret0000000000000000001';

/** Logged-in `sessionid` cookies: a request with one runs as that user, whatever its signature says. */
export const DEMO_SESSIONS = {
  admin: 'demosessionofadmin0000000000000a',
  bob: 'demosessionofbob000000000000000b',
} as const;

export interface User {
  username: string;
  email: string;
  superuser: boolean;
  active: boolean;
}

export interface Token {
  user: User;
  name: string;
  consumer: string;
  token: string;
  secret: string;
}

export interface Accounts {
  users: User[];
  tokens: Token[];
  user: (username: string) => User | undefined;
  /** The user of a `sessionid` cookie. */
  session: (cookie: string) => User | undefined;
  mint: (user: User, name: string) => Token;
}

function person(username: string, superuser: boolean, active = true): User {
  return { username, email: `${username}@example.com`, superuser, active };
}

const letters = (length: number): string =>
  randomBytes(length * 2)
    .toString('base64')
    .replaceAll(/[^A-Za-z0-9]/g, 'x')
    .slice(0, length);

function parse(key: string, user: User): Token {
  const [consumer = '', token = '', secret = ''] = key.split(':');
  return { user, name: 'MAAS consumer', consumer, token, secret };
}

/** A fresh set of users with these keys (`consumer:token:secret`). */
export function createAccounts(keys: { admin: string; user: string }): Accounts {
  const admin = person('admin', true);
  const bob = person('bob', false);
  const eve = person('eve', false, false);
  const users = [{ ...person('MAAS', true), email: 'maas@localhost' }, admin, bob, eve];

  const tokens = [parse(keys.admin, admin), parse(keys.user, bob), parse(DEMO_DISABLED_KEY, eve)];

  const user = (username: string) => users.find((one) => one.username === username);
  return {
    users,
    tokens,
    user,
    session: (cookie) => {
      const owner = Object.entries(DEMO_SESSIONS).find(([, value]) => value === cookie)?.[0];
      return owner === undefined ? undefined : user(owner);
    },
    mint(owner, name) {
      const token = { user: owner, name, consumer: letters(18), token: letters(18), secret: letters(32) };
      tokens.push(token);
      return token;
    },
  };
}
