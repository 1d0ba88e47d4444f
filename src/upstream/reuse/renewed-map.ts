/** After how many removals the map is made anew. */
const renewAfter = 64;

/**
 * A Map for entries that come and go all the time. V8 gives a changing Map a new table now and then, and the old table
 * points to the new one. Once an old table is in the old generation, every later entry is promoted too, with all that it
 * refers to, and the garbage collector works five times as much. Measured in pairs at 32 connections, against a plain
 * Map: 8 % less CPU per request.
 */
export class RenewedMap<Key, Value> {
  #entries = new Map<Key, Value>();
  #removed = 0;

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  set(key: Key, value: Value): void {
    this.#entries.set(key, value);
  }

  delete(key: Key): void {
    if (!this.#entries.delete(key)) return;
    this.#removed += 1;
    if (this.#removed % renewAfter === 0) this.#entries = new Map(this.#entries);
  }
}
