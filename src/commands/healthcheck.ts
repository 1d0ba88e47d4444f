import { get } from 'node:http';
import { ConfigurationError } from '../config/configuration-error.ts';
import { readSetting } from '../config/read-setting.ts';
import { complain, say, type Run } from './command.ts';

/** For `HEALTHCHECK` in an image without curl. */
export const healthcheck: Run = async (layers) => {
  const mistakes = [...layers.mistakes];
  const host = readSetting(layers, 'adminHost', mistakes);
  const port = readSetting(layers, 'adminPort', mistakes);
  if (mistakes.length > 0 || host === undefined || port === undefined) throw new ConfigurationError(mistakes);
  if (port === 'off') {
    complain('There is no admin listener to ask: ADMIN_PORT is "off".');
    return 1;
  }
  const local = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return ask(local, port, layers.extra.has('ready') ? '/readyz' : '/livez');
};

function ask(host: string, port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    // Every admin listener accepts this name; an address with a zone (fe80::1%eth0) is not a valid Host.
    const request = get({ host, port, path, timeout: 5_000, headers: { Host: 'localhost' } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => {
        if (!isOurs(body)) {
          complain(
            `The server at ${host} port ${port} is not a proxy's admin listener; is that the proxy's ADMIN_PORT?`,
          );
          return resolve(1);
        }
        say(body.trim());
        resolve(response.statusCode === 200 ? 0 : 1);
      });
    });
    request.on('timeout', () => request.destroy(new Error('no response within 5 s')));
    request.on('error', () => {
      complain(`No proxy answers at ${host} port ${port}; is the proxy running, and is that its ADMIN_PORT?`);
      resolve(1);
    });
  });
}

/** Whether the response is from an admin listener: the proxy's own port, or another program, responds differently. */
function isOurs(body: string): boolean {
  return /^\{"status":"(?:alive|ready|not ready)"/.test(body);
}
