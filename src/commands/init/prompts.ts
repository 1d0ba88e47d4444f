/** The user has ended the questions: Ctrl-C or Escape. */
export class Cancelled extends Error {
  override name = 'Cancelled';
}

/** A question whose text is checked. @returns a sentence where the text will not do */
type Validate = (text: string) => string | undefined;

/** The questions that a terminal can be asked. Each throws `Cancelled` where the user ends them. */
export interface Prompts {
  text(message: string, initial: string, validate: Validate): Promise<string>;
  /** Shows a dot for each character. */
  secret(message: string, validate: Validate): Promise<string>;
  choose<Value extends string>(
    message: string,
    options: readonly { readonly value: Value; readonly label: string }[],
  ): Promise<Value>;
  confirm(message: string): Promise<boolean>;
}

/** Loads the library that asks: nobody else needs it. */
export async function openPrompts(): Promise<Prompts> {
  const clack = await import('@clack/prompts');
  // A pseudo terminal may have no size, and the library would break each line after every character.
  if (process.stdout.columns === 0) Object.assign(process.stdout, { columns: 80, rows: 24 });
  const orCancelled = <Value>(value: Value | typeof clack.CANCEL_SYMBOL): Value => {
    if (clack.isCancel(value)) throw new Cancelled();
    return value as Value;
  };
  return {
    text: async (message, initialValue, validate) =>
      orCancelled(await clack.text({ message, initialValue, validate: (text) => validate(text?.trim() ?? '') })).trim(),
    secret: async (message, validate) =>
      orCancelled(
        await clack.password({ message, clearOnError: true, validate: (text) => validate(text?.trim() ?? '') }),
      ).trim(),
    choose: async (message, options) => {
      const chosen = await clack.select<string>({ message, options: [...options] });
      return orCancelled(chosen) as (typeof options)[number]['value'];
    },
    confirm: async (message) => orCancelled(await clack.confirm({ message, initialValue: false })),
  };
}
