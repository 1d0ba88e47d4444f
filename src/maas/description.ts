/** A parameter that MAAS describes. */
export interface DescribedParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'form';
  /** MAAS's own word: `String`, `Boolean`, `JSON object`. */
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

/** An operation as MAAS describes it in `describe/`. */
export interface DescribedOperation {
  readonly method: string;
  /** Below the API's root, without the slash at its end: `machines/{system_id}`. */
  readonly path: string;
  readonly op: string | undefined;
  /** `Deploy a machine` */
  readonly title: string;
  /** MAAS's own text, in paragraphs; may be empty. */
  readonly text: string;
  readonly parameters: readonly DescribedParameter[];
  /** Whether MAAS accepts it without a signature. */
  readonly isAnonymous: boolean;
}

/**
 * Parses `describe/`. Its texts have the form of 3.4 and 3.7 (seen): a title, paragraphs, then `:param NAME: Required.
 * TEXT` and `:type NAME: TYPE`, each over several lines, and other lines that begin with a colon. Unknown parts are left out, because the description is only
 * informative.
 *
 * @param document the parsed JSON
 */
export function readDescription(document: unknown): DescribedOperation[] {
  return asObjects(asObject(document)?.['handlers']).flatMap((handler) => {
    const path = pathOf(textOf(handler['path']));
    const identifiers = listOf(handler['params']).filter((name) => typeof name === 'string');
    const isAnonymous = textOf(handler['name']).startsWith('Anon');
    return asObjects(handler['actions']).flatMap(({ method, op, doc }) => {
      if (typeof method !== 'string' || path === undefined) return [];
      return [
        {
          method,
          path,
          op: typeof op === 'string' ? op : undefined,
          isAnonymous,
          ...readText(textOf(doc), method, identifiers),
        },
      ];
    });
  });
}

function pathOf(path: string): string | undefined {
  return /\/MAAS\/api\/2\.0\/(.*?)\/?$/.exec(path)?.[1];
}

const field = /^:(param|type) ([\w-]+):[ \t]*(.*(?:\n(?!:).*)*)/gm;

function readText(
  doc: string,
  method: string,
  identifiers: readonly string[],
): Pick<DescribedOperation, 'title' | 'text' | 'parameters'> {
  const fields = [...doc.matchAll(field)];
  const [prose = ''] = doc.split(/^:(?=\w+)/m, 1);
  const [title = '', ...paragraphs] = prose.trim().split(/\n{2,}/);
  const types = new Map(
    fields.flatMap(([, directive, name = '', text = '']) => (directive === 'type' ? [[name, joined(text)]] : [])),
  );
  const described = fields.flatMap(([, directive, name = '', text = '']) =>
    directive === 'param' ? [{ name, text: joined(text) }] : [],
  );
  const names = new Set(described.map(({ name }) => name));
  const parameters = [
    ...identifiers.filter((name) => !names.has(name)).map((name) => ({ name, text: 'Required.' })),
    ...described,
  ].map(({ name, text }): DescribedParameter => {
    const isIdentifier = identifiers.includes(name);
    return {
      name,
      in: isIdentifier ? 'path' : method === 'GET' || method === 'DELETE' ? 'query' : 'form',
      type: types.get(name) ?? 'String',
      required: isIdentifier || /^Required\b/.test(text),
      description: text.replace(/^(?:Required|Optional)\.\s*/, ''),
    };
  });
  return { title: joined(title), text: paragraphs.map(joined).join('\n\n'), parameters };
}

function joined(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function asObjects(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return listOf(value)
    .map(asObject)
    .filter((object) => object !== undefined);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
