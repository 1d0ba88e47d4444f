import type { ProblemCode } from '../../src/problem.ts';

/**
 * What to do about each problem, in Markdown, with links as from the repository's root: docs/problems.md lists
 * them.
 */
export const remedies: Readonly<Record<ProblemCode, string>> = {
  'malformed-request': 'correct the client: it sends something that is not HTTP/1.1',
  'bad-host': 'send exactly one `Host` header, a name or an address',
  'version-not-supported': 'use HTTP/1.1',
  'method-unknown': 'use a method that HTTP has',
  'coding-not-supported': 'use `chunked`, the only transfer coding that the proxy knows',
  'no-more-forwards': 'leave `Max-Forwards` out, or send a number above 0',
  'target-too-long':
    "keep the address below 8 KiB (about 700 ids): split the request, or use a filter such as `zone=`, `pool=` or `tags=`. The proxy forwards up to 64 KiB; above 8 KiB, MAAS's own web server responds with 414 and a web page",
  'malformed-path': 'percent-encode the path; leave out `.` and `..` segments',
  'signature-override': 'leave `oauth_…` and `callback` out of the query; the proxy signs',
  'ambiguous-operation': 'name the operation once, in the query; write `&`, not `;`',
  'charset-not-supported': 'use UTF-8, or leave the charset out of `Content-Type`',
  'unknown-host': 'add the name to `--allowed-hosts`, or call the proxy by `localhost`',
  'cross-site': 'call the proxy from a program: this request came from a web page of another origin',
  'client-unknown':
    'send a key that the gateway knows: as a Bearer token, as the password of Basic, or in an OAuth header; with `--client-ca-file`, a certificate',
  'limit-reached':
    "send the request again after `Retry-After` seconds; the response names the limit. The status is 503 for clients that sign with OAuth ([why](docs/limits.md#limits)), and when request bodies fill the proxy's [memory](docs/limits.md#memory)",
  'redis-away':
    'send the request again after `Retry-After` seconds: Redis does not respond, and `--redis-failure` is `closed`',
  'policy-refused':
    'choose another policy (`--policy`), or send another request: the response names the operation and the rule that refused it',
  'outside-api':
    'call an address of the API, `/MAAS/api/2.0/…` or the short form, `/machines/`; nothing else is forwarded',
  'method-not-forwarded': 'use another method: the response to TRACE would contain the signature',
  'malformed-json': 'send the JSON that `Content-Type` promises; JSON for a form may be nested 500 levels deep',
  'body-too-large':
    'send less: MAAS accepts 10 MB. Upload boot resources in chunks (4 MiB, for example) to `…/upload/…`. JSON for a form may have 2 MiB and 5,000 values',
  'json-not-an-object': 'send a form or a JSON object, and name the operation in the query or the path',
  'request-timeout':
    'send the request without long pauses: the client stopped in the middle, or its body took more than ten minutes',
  'headers-too-large': 'keep request line and headers together below 64 KiB',
  'maas-unresolved': 'check the name in `MAAS_URL` and DNS',
  'maas-refused': 'check host and port in `MAAS_URL`, and that MAAS is running: nothing listens at that address',
  'maas-unroutable': 'check network, VPN and firewall',
  'no-descriptor-left': 'raise the limit of open files (`ulimit -n`, `LimitNOFILE=`): the proxy has reached it',
  'maas-reset': 'before you repeat a write, check whether MAAS has already done it: MAAS closed the connection',
  'maas-connect-timeout': 'check the address and the firewall',
  'maas-certificate-unknown-issuer':
    "name MAAS's certificate authority with `--ca-file`; `check` says how to get its certificate",
  'maas-certificate-expired': "renew the certificate on MAAS, or set this machine's clock",
  'maas-certificate-wrong-name': "use one of the certificate's names in `MAAS_URL`",
  'maas-tls': 'check scheme and port in `MAAS_URL`: https needs the TLS port (5443 on most), http the plain one (5240)',
  'maas-answer-timeout': 'wait, because MAAS may still be working; `--upstream-timeout` sets how long the proxy waits',
  'maas-body-timeout':
    'send the request again: the response stopped half-way. `--upstream-timeout` sets how long the proxy waits',
  'maas-broken-answer': 'check that `MAAS_URL` names the port of MAAS',
  'loop-detected': 'set `MAAS_URL` to the address of MAAS itself: it leads back to the proxy',
  'maas-redirect':
    "look for `cause` in the log, which says where the redirect leads: MAAS, or a server in front of it, redirects out of MAAS's API, for example to a login page",
  'maas-header-too-large': 'check what stands between the proxy and MAAS: it sends more than 64 KiB of headers',
  'maas-busy':
    'send the request again after `Retry-After` seconds: the queue in front of MAAS is full or too slow, and nothing was sent to MAAS',
  'client-gone': 'nothing: this is only in the log, when a client disconnects before the response',
  'key-unknown': 'copy a key from MAAS, user name, *API keys*',
  'key-secret-wrong': 'copy the whole key again: its third part is wrong',
  'clock-difference': 'send the request again, because the proxy now corrects for the difference; then set the clocks',
  'nonce-reused': 'check what stands between the proxy and MAAS: it sends requests twice',
  'signature-lost': 'check what stands between the proxy and MAAS: it removes the `Authorization` header',
  'signature-refused': 'run `maas-auth-proxy check`',
  'maas-region-down': 'check MAAS: its web server runs, but its region controller does not',
  'maas-region-slow': 'check MAAS: its region controller stopped responding while it worked on the request',
  'internal-error': 'report it, please, with the cause from the log',
};
