import { useState } from 'preact/hooks';
import { bodyOf, buildCall, keyOf, missing, type Call, type Values } from './call.ts';
import type { Operation, Parameter } from '../contract.ts';
import { copyAs, languages, type Language } from './copy-as.ts';
import { receive, ResponseView, type Received } from './response.tsx';
import { send, storedKey } from '../session.ts';

interface Props {
  readonly operation: Operation;
  readonly values: Values;
  onValues(values: Values): void;
  onSent(call: Call, status: number): void;
}

/** One operation: what it does, its parameters, the call in other languages, and the response. */
export function OperationView({ operation, values, onValues, onSent }: Props) {
  const [received, setReceived] = useState<Received>();
  const [failure, setFailure] = useState<string>();
  const [isSending, setSending] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const call = buildCall(operation, values);
  const lacking = missing(operation, values);

  async function carryOut(): Promise<void> {
    setAsking(false);
    setSending(true);
    setFailure(undefined);
    try {
      const body = bodyOf(call);
      const result = await receive(send(call.target, { method: call.method, ...(body !== undefined && { body }) }));
      setReceived(result);
      onSent(call, result.status);
    } catch {
      setFailure('There was no response: the proxy has stopped, or the connection broke.');
    }
    setSending(false);
  }

  function submit(event: Event): void {
    event.preventDefault();
    if (lacking.length > 0) setFailure(`Fill in ${lacking.join(' and ')} first.`);
    else if (operation.class === 'unsafe') setAsking(true);
    else void carryOut();
  }

  return (
    <article>
      <h2>{operation.summary === '' ? operation.name : operation.summary}</h2>
      <p class="name">
        <code>{operation.name}</code> <span class={`class ${operation.class}`}>{classText[operation.class]}</span>
      </p>
      {!operation.allowed && (
        <p class="refused">
          Your policy refuses this operation
          {operation.rule === null ? (
            ': no rule allows it.'
          ) : (
            <>
              , by the rule <code>{operation.rule}</code>.
            </>
          )}
        </p>
      )}
      {operation.description !== '' && <p class="description">{operation.description}</p>}
      <form onSubmit={submit}>
        <Fields parameters={operation.parameters} values={values} onValues={onValues} />
        <div class="bar">
          <button type="submit" class="primary" disabled={isSending}>
            {isSending ? 'Sending…' : 'Send'}
          </button>
          <code class="target">
            {call.method} {call.target}
          </code>
        </div>
      </form>
      {isAsking && <Confirmation call={call} onYes={() => void carryOut()} onNo={() => setAsking(false)} />}
      {failure !== undefined && (
        <p role="alert" class="failure">
          {failure}
        </p>
      )}
      <Copy call={call} />
      {received !== undefined && <ResponseView received={received} name={`${operation.path}.json`} />}
    </article>
  );
}

const classText: Readonly<Record<Operation['class'], string>> = {
  shareable: 'reads',
  private: 'reads, may reveal credentials',
  unsafe: 'changes something',
};

function Confirmation({ call, onYes, onNo }: { readonly call: Call; onYes(): void; onNo(): void }) {
  return (
    <div class="confirm" role="alertdialog" aria-label="Confirm the change">
      <p>
        This changes something at MAAS: <strong>{call.operation.summary || call.operation.name}</strong> by{' '}
        <code>
          {call.method} {call.target}
        </code>
        {call.fields.length === 0
          ? ''
          : ` with ${call.fields.map(([name, value]) => `${name}=${value instanceof File ? value.name : value}`).join(', ')}`}
        .
      </p>
      <button type="button" class="primary" onClick={onYes} autofocus>
        Yes, send it
      </button>{' '}
      <button type="button" onClick={onNo}>
        No
      </button>
    </div>
  );
}

const locations = [
  ['path', 'Which one'],
  ['query', 'Query'],
  ['form', 'Fields'],
] as const;

function Fields({
  parameters,
  values,
  onValues,
}: {
  readonly parameters: readonly Parameter[];
  readonly values: Values;
  onValues(values: Values): void;
}) {
  return (
    <>
      {locations.map(([location, title]) => {
        const here = parameters.filter((parameter) => parameter.in === location);
        return here.length === 0 ? null : (
          <fieldset key={location}>
            <legend>{title}</legend>
            {here.map((parameter) => (
              <Field
                key={parameter.name}
                parameter={parameter}
                value={values[keyOf(parameter)]}
                onValue={(value) => onValues({ ...values, [keyOf(parameter)]: value })}
              />
            ))}
          </fieldset>
        );
      })}
    </>
  );
}

function Field({
  parameter,
  value,
  onValue,
}: {
  readonly parameter: Parameter;
  readonly value: string | File | undefined;
  onValue(value: string | File): void;
}) {
  const { name, type, required, description } = parameter;
  const id = `field-${keyOf(parameter)}`;
  const text = typeof value === 'string' ? value : '';
  return (
    <div class="field">
      <label for={id}>
        {name} {required && <span class="required">required</span>} <span class="type">{type}</span>
      </label>
      {/file|content/i.test(type) ? (
        <input
          id={id}
          type="file"
          onChange={(event) => onValue(event.currentTarget.files?.[0] ?? '')}
          aria-describedby={`${id}-text`}
        />
      ) : /^bool/i.test(type) ? (
        <select
          id={id}
          value={text}
          onChange={(event) => onValue(event.currentTarget.value)}
          aria-describedby={`${id}-text`}
        >
          <option value="" />
          <option>true</option>
          <option>false</option>
        </select>
      ) : (
        <textarea
          id={id}
          rows={Math.min(6, text.split('\n').length)}
          value={text}
          onInput={(event) => onValue(event.currentTarget.value)}
          aria-describedby={`${id}-text`}
          spellcheck={false}
        />
      )}
      <small id={`${id}-text`}>{description}</small>
    </div>
  );
}

function Copy({ call }: { readonly call: Call }) {
  const [language, setLanguage] = useState<Language>('curl');
  const [isCopied, setCopied] = useState(false);
  const text = copyAs(language, call, location.origin, storedKey() !== undefined);
  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  }
  return (
    <section class="copy" aria-label="The same call elsewhere">
      <div class="bar">
        <div role="group" aria-label="Language">
          {languages.map((one) => (
            <button key={one} type="button" aria-pressed={one === language} onClick={() => setLanguage(one)}>
              {one}
            </button>
          ))}
        </div>
        <button type="button" onClick={() => void copy()}>
          {isCopied ? 'Copied' : 'Copy'}
        </button>
      </div>
      <pre tabIndex={0}>{text}</pre>
    </section>
  );
}
