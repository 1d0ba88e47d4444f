import { useState } from 'preact/hooks';

interface Props {
  readonly title: string;
  readonly label: string;
  readonly hint: string;
  readonly problem: string | undefined;
  onKey(key: string): void;
}

/** Asks for a key. It stays in this tab. */
export function KeyForm({ title, label, hint, problem, onKey }: Props) {
  const [key, setKey] = useState('');
  return (
    <main class="key">
      <h1>{title}</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (key.trim() !== '') onKey(key.trim());
        }}
      >
        <label for="key">{label}</label>
        <input
          id="key"
          type="password"
          autocomplete="off"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
          aria-describedby="key-text"
        />
        <small id="key-text">{hint}</small>
        <button type="submit" class="primary">
          Use it
        </button>
      </form>
      {problem !== undefined && (
        <p role="alert" class="failure">
          {problem}
        </p>
      )}
    </main>
  );
}
