// Which fields and values records have had: what completion and the choice of columns offer. Pure.
//
// A sample, bounded in names, values and work: it looks at some events of each second.

import { FIELD_DEPTH_MAX, FIELD_KEYS_MAX, FIELD_SAMPLES_PER_SECOND, FIELDS_MAX, VALUE_LENGTH_MAX, VALUES_MAX } from "./limits.js";
import { pathText } from "./expression.js";

export class Fields {
  #fields = new Map();
  #second = 0;
  #samples = 0;

  /** Looks at an event, if it is one of the sample. `now` in seconds. */
  add(record, now) {
    const second = Math.floor(now);
    if (second !== this.#second) {
      this.#second = second;
      this.#samples = 0;
    }
    if (this.#samples++ < FIELD_SAMPLES_PER_SECOND) this.#look(record, []);
  }

  #look(map, path) {
    let keys = 0;
    for (const key in map) {
      if (keys++ === FIELD_KEYS_MAX) return;
      if (key.length > VALUE_LENGTH_MAX) continue;
      const value = map[key];
      const inner = [...path, key];
      if (value !== null && typeof value === "object" && !Array.isArray(value)) {
        if (inner.length < FIELD_DEPTH_MAX) this.#look(value, inner);
      } else {
        this.#count(inner, value);
      }
    }
  }

  #count(path, value) {
    const name = pathText(path);
    let field = this.#fields.get(name);
    if (!field) {
      if (this.#fields.size >= FIELDS_MAX) return;
      this.#fields.set(name, (field = { name, path, count: 0, type: "", values: new Map() }));
    }
    field.count += 1;
    field.type = Array.isArray(value) ? "list" : value === null ? "null" : typeof value;
    const isShort = typeof value === "string" ? value.length <= VALUE_LENGTH_MAX : typeof value !== "object";
    if (!isShort) return;
    const seen = field.values.get(value);
    if (seen !== undefined || field.values.size < VALUES_MAX) field.values.set(value, (seen ?? 0) + 1);
  }

  /** The fields, most frequent first. */
  list() {
    return [...this.#fields.values()].sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  }

  /** Values of a field by its name, most frequent first. */
  values(name) {
    const values = this.#fields.get(name)?.values ?? new Map();
    return [...values].sort((a, b) => b[1] - a[1]).map(([value]) => value);
  }
}
