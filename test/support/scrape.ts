import { send } from './request.ts';

/** The values of a scrape of `/metrics`, by series as it is written there: `name{label="value"}`. */
export type Scrape = ReadonlyMap<string, number>;

/** Reads a proxy's metrics as Prometheus does. */
export async function scrape(adminUrl: string | undefined): Promise<Scrape> {
  return parse(await scrapeText(adminUrl));
}

/** The same, as text. */
export async function scrapeText(adminUrl: string | undefined): Promise<string> {
  const { status, body } = await send(`${adminUrl}/metrics`);
  if (status !== 200) throw new Error(`/metrics responded with ${status}`);
  return body.toString();
}

function parse(text: string): Scrape {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
