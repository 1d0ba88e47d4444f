// From a complete request to MAAS's response: checks address, signature and operation, in MAAS's order.
import type { Hash } from 'node:crypto';
import { handled, nginx, plain, raised, Refusal, view, type SimulatedResponse } from './response.ts';
import type { Accounts, User } from './accounts.ts';
import { bootResources } from './boot-resources.ts';
import { describe, openapi } from './description/description.ts';
import { count, jsonFields, last, percentDecode, urlencoded, type Fields } from './fields.ts';
import { fileResources } from './files.ts';
import { machineResources } from './machines.ts';
import { multipart, type Multipart } from './multipart.ts';
import { isSigned, verify, type Nonces } from './oauth.ts';
import { documented, methods, type Actions, type Call, type Resource } from './resource.ts';
import { settingAndNetworkResources } from './settings-and-networks.ts';
import type { State } from './state.ts';
import { userResources } from './users.ts';
import { apiHash, apiRootRedirect, type Version } from './version-facts.ts';
import { zoneAndTagResources } from './zones-and-tags.ts';

const resources: Resource[] = [
  ...userResources,
  ...zoneAndTagResources,
  ...fileResources,
  ...machineResources,
  ...bootResources,
  ...settingAndNetworkResources,
];
const API = '/MAAS/api/2.0/';
/** Django's DATA_UPLOAD_MAX_NUMBER_FIELDS. */
const MAX_FIELDS = 1000;

export interface Route {
  /** Decoded, with `//` collapsed (MAAS 3.7.3, seen). */
  path: string;
  query: string;
  resource: Resource | undefined;
  params: string[];
  /** The op of a path that ends in `/op-NAME`, without a slash at the end. */
  suffix: string | undefined;
}

/** What a request target means. */
export function route(target: string): Route {
  // Absolute-form targets (RFC 9112 §3.2.2) mean their path.
  const [, raw = '', query = ''] = /^(?:https?:\/\/[^/?]*)?([^?#]*)\??(.*)$/i.exec(target) ?? [];
  const path = percentDecode(raw).replaceAll(/\/{2,}/g, '/');
  const below = path.startsWith(API) ? path.slice(API.length) : '';
  const [, base, suffix] = /^(.*\/)op-([^/]+)$/.exec(below) ?? [];
  for (const resource of resources) {
    // Each op has its own route if the path ends in a slash (`urls_api.py` of MAAS 3.4 to main).
    const routed = base !== undefined && hasOp(resource, suffix) ? [below, base] : [below];
    for (const candidate of routed) {
      const found = resource.pattern.exec(candidate);
      if (found) return { path, query, resource, params: found.slice(1), suffix };
    }
  }
  return { path, query, resource: undefined, params: [], suffix: undefined };
}

function hasOp({ actions, anonymous = {} }: Resource, op: string | undefined): boolean {
  return Object.keys({ ...actions, ...anonymous }).some((key) => key.endsWith(` ${op}`));
}

export interface Request {
  method: string;
  route: Route;
  /** Lower-case names. */
  headers: Record<string, string | undefined>;
  /** Undefined if it was streamed. */
  body: Buffer | undefined;
  bodyLength: number;
  bodySha256: string;
  upload: Hash | undefined;
  scheme: string;
}

export interface Server {
  accounts: Accounts;
  nonces: Nonces;
  state: State;
  version: Version;
  /** Unix time in seconds by this server's clock. */
  now: () => number;
  /** Its configured address, for openapi.yaml. */
  url: () => string;
}

export interface Outcome {
  response: SimulatedResponse;
  user: string | null;
  /** As ReceivedRequest has it. */
  operation: string | undefined;
}

/** Never throws: where MAAS would crash, the response is its 500. */
export function dispatch(request: Request, server: Server): Outcome {
  const outcome: Outcome = { response: raised(500, ''), user: null, operation: undefined };
  try {
    outcome.response = request.route.resource
      ? operate(request, request.route.resource, server, outcome)
      : otherPath(request, server);
  } catch (error) {
    outcome.response = error instanceof Refusal ? error.response : raised(500, String(error));
  }
  const { response } = outcome;
  if (response.hashed) response.headers.push(['X-Maas-Api-Hash', apiHash[server.version]]);
  return outcome;
}

/** A host name that Django accepts; one with an underscore is not (MAAS 3.7.3, seen). */
const HOST = /^([a-z0-9.-]+|\[[a-f0-9:.]+\])(:\d+)?$/i;

function checkHost({ headers: { host = '' } }: Request): void {
  if (HOST.test(host)) return;
  const text = `Invalid HTTP_HOST header: '${host}'. The domain name provided is not valid according to RFC 1034/1035.`;
  const headers: SimulatedResponse['headers'] = [['Content-Type', 'text/plain; charset=utf-8']];
  throw new Refusal({ status: 500, headers, body: Buffer.from(text), chunked: true });
}

/** Every path that is not an operation. */
function otherPath(request: Request, { version, url }: Server): SimulatedResponse {
  const { path } = request.route;
  if (path === '/' || path === '/MAAS' || path === '/MAAS/') {
    return nginx(301, 'Moved Permanently', [['Location', '/MAAS/r/']]);
  }
  if (!path.startsWith('/MAAS/')) return nginx(404, 'Not Found');
  checkHost(request);
  const origin = `${request.scheme}://${request.headers['host'] ?? ''}`;
  if (path === `${API}describe/`) return describe(resources, origin, version);
  if (path === `${API}openapi.yaml`) return openapi(resources, url(), version);
  if (path === API.slice(0, -1)) return apiRootRedirect(version);
  if (path.startsWith('/MAAS/api/1.0/')) {
    return view(410, 'text/plain', 'The 1.0 API is no longer available. Please use API version 2.0.');
  }
  if (path.startsWith(API)) return view(404, 'text/plain; charset=utf-8', `Unknown API endpoint: ${path}.`);
  // The web interface, API v3 and the rest of MAAS are not simulated.
  return raised(404, '<h1>Not Found</h1>', 'text/html; charset=utf-8');
}

interface Parsed {
  form: Fields;
  json: Fields | undefined;
  isJson: boolean;
  files: Multipart['files'];
}

function parseBody({ method, headers, body }: Request): Parsed {
  const parsed: Parsed = { form: new Map(), json: undefined, isJson: false, files: new Map() };
  // The body of a GET or DELETE is ignored (MAAS 3.7.3, seen).
  if (!body || (method !== 'POST' && method !== 'PUT')) return parsed;
  const type = headers['content-type'] ?? '';
  if (/^application\/x-www-form-urlencoded/i.test(type))
    return { ...parsed, form: urlencoded(body.toString('latin1')) };
  if (/^multipart\/form-data/i.test(type)) {
    const { fields: form = new Map(), files = new Map() } = multipart(type, body) ?? {};
    return { ...parsed, form, files };
  }
  if (type.startsWith('application/json')) return { ...parsed, isJson: true, json: jsonFields(body.toString('utf8')) };
  return parsed;
}

/**
 * From the query, the form of a POST, or the path suffix, in this order. An empty op counts in the body, not in the
 * query.
 */
function opOf(request: Request, query: Fields, form: Fields): string | null {
  const inBody = request.method === 'POST' ? last(form, 'op') : undefined;
  return (last(query, 'op') || inBody) ?? request.route.suffix ?? null;
}

function operate(request: Request, resource: Resource, server: Server, outcome: Outcome): SimulatedResponse {
  const { method, route: where } = request;
  checkHost(request);
  const query = urlencoded(where.query);
  const parsed = parseBody(request);
  if (count(query) > MAX_FIELDS || count(parsed.form) > MAX_FIELDS) {
    return raised(400, '<h1>Bad Request (400)</h1>', 'text/html; charset=utf-8');
  }
  const op = opOf(request, query, parsed.form);
  const key = op === null ? method : `${method} ${op}`;
  const path = documented(resource).replace(/\/$/, '');
  if (Object.hasOwn(resource.actions, key)) outcome.operation = `${method} ${path}${op === null ? '' : ` ${op}`}`;

  const { user, actions } = authenticate(request, resource, server, parsed.form);
  outcome.user = user?.username ?? null;
  if (parsed.isJson && !parsed.json) return plain(400, 'Bad Request');
  if (!methods(actions).includes(method)) {
    const response = handled(405, 'text/html; charset=utf-8', '');
    response.headers.push(['Allow', methods(actions).join(', ')]);
    return response;
  }
  // Piston removes `oauth_…` fields from a dict while it iterates over it, and crashes (MAAS 3.7.3, seen).
  if ([...parsed.form.keys()].some((name) => name.startsWith('oauth_'))) {
    return raised(500, 'dictionary changed size during iteration');
  }
  const action = Object.hasOwn(actions, key) ? actions[key] : undefined;
  if (!action) return raised(400, `Unrecognised signature: method=${method} op=${op ?? 'None'}`);
  const { accounts, state, version } = server;
  const call: Call = {
    params: where.params,
    query,
    form: parsed.form,
    data: parsed.json ?? parsed.form,
    json: parsed.isJson,
    user,
    files: parsed.files,
    bodyLength: request.bodyLength,
    bodySha256: request.bodySha256,
    upload: request.upload,
    accounts,
    state,
    version,
  };
  return emit(action(call), query);
}

/**
 * The user, and the operations they may call. A session cookie takes precedence over the signature (MAAS 3.4.10 and
 * 3.7.3, seen).
 */
function authenticate(
  { method, headers, route: { query } }: Request,
  resource: Resource,
  { accounts, nonces, now }: Server,
  form: Fields,
): { user: User | null; actions: Actions } {
  if (resource.open) return { user: null, actions: resource.actions };
  const cookie = /(?:^|;\s*)sessionid=([^;]*)/.exec(headers['cookie'] ?? '')?.[1];
  const changes = method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
  if (cookie !== undefined && changes) {
    const text = '<h1>Forbidden <span>(403)</span></h1>\n<p>CSRF verification failed. Request aborted.</p>';
    throw new Refusal(raised(403, text, 'text/html; charset=utf-8'));
  }
  const signed = { authorization: headers['authorization'], query, form: method === 'POST' ? form : new Map() };
  let user = cookie === undefined ? undefined : accounts.session(cookie);
  if (!user && isSigned(signed)) user = verify(signed, accounts, nonces, now()).user;
  if (user) {
    // From the source of MAAS 3.x (RestrictedResource.authenticate); not seen.
    if (!user.active) throw new Refusal(raised(403, 'User is not allowed access to this API.'));
    return { user, actions: resource.actions };
  }
  const { anonymous } = resource;
  if (anonymous && methods(anonymous).includes(method)) return { user: null, actions: anonymous };
  throw new Refusal(plain(401, 'Forbidden'));
}

/** `?format=` is evaluated after the operation has run; `?callback=` makes JSONP, under the same content type. */
function emit(response: SimulatedResponse, query: Fields): SimulatedResponse {
  const format = last(query, 'format');
  if (format && format !== 'json') return plain(400, `Invalid output format specified '${format}'.`);
  const callback = last(query, 'callback');
  if (!response.emitted || !callback || !/^[\w$.]+$/.test(callback) || !Buffer.isBuffer(response.body)) return response;
  return { ...response, body: Buffer.concat([Buffer.from(`${callback}(`), response.body, Buffer.from(')')]) };
}
