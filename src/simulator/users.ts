// users/ and account/: the users and their keys (the operations that reveal and create credentials).
import { deleted, handled, json, missing, plain, dumps, ok } from './response.ts';
import type { Token, User } from './accounts.ts';
import { last } from './fields.ts';
import { mandatory, param, resource, type Action, type Call } from './resource.ts';

const userJson = (user: User) => ({
  is_superuser: user.superuser,
  username: user.username,
  email: user.email,
  is_local: true,
  resource_uri: `/MAAS/api/2.0/users/${user.username}/`,
});

const tokensOf = ({ accounts, user }: Call): Token[] => accounts.tokens.filter((token) => token.user === user);

const listTokens: Action = (call) =>
  json(tokensOf(call).map(({ name, consumer, token, secret }) => ({ name, token: `${consumer}:${token}:${secret}` })));

/** One line, because MAAS's emitter does not write it (MAAS 3.7.3, seen). */
const createToken: Action = ({ accounts, user, form }) => {
  if (!user) return plain(401, 'Forbidden');
  const { token, secret, consumer, name } = accounts.mint(user, last(form, 'name') ?? 'MAAS consumer');
  const body = { token_key: token, token_secret: secret, consumer_key: consumer, name };
  return handled(200, 'application/json; charset=utf-8', dumps(body));
};

const deleteToken: Action = (call) => {
  const key = mandatory(call.form, 'token_key');
  const token = tokensOf(call).find((one) => one.token === key);
  if (token) call.accounts.tokens.splice(call.accounts.tokens.indexOf(token), 1);
  return deleted();
};

const renameToken: Action = (call) => {
  const key = mandatory(call.form, 'token');
  const token = tokensOf(call).find((one) => key.split(':').includes(one.token));
  if (!token) missing('Token');
  token.name = mandatory(call.form, 'name');
  return ok();
};

export const userResources = [
  resource('UsersHandler', 'users/', {
    GET: ({ accounts }) => json(accounts.users.map(userJson)),
    'GET whoami': ({ user }) => json(user && userJson(user)),
    // Creating users is not simulated; it is declared because MAAS's Allow header lists it.
    POST: () => plain(501, 'The simulator makes no users.'),
  }),
  resource('UserHandler', 'users/{username}/', {
    GET: (call) => json(userJson(call.accounts.user(param(call)) ?? missing('User'))),
    DELETE: () => plain(501, 'The simulator deletes no users.'),
  }),
  resource('AccountHandler', 'account/', {
    'GET list_authorisation_tokens': listTokens,
    'POST create_authorisation_token': createToken,
    'POST delete_authorisation_token': deleteToken,
    'POST update_token_name': renameToken,
  }),
];
