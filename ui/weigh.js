// How many bytes an event takes in memory, about. Pure.
//
// Bounded in depth by the server (128 levels); strings are not looked into, so a large one costs nothing.

/** What any value takes that is not a small number. */
const VALUE_BYTES = 16;
/** An object, and each of its places. */
const OBJECT_BYTES = 40;
const PLACE_BYTES = 12;
/** The row around a record. */
const EVENT_BYTES = 160;

/** An estimate for a row with this record. */
export function weighEvent(record) {
  return EVENT_BYTES + weigh(record);
}

/** An estimate for a value. */
export function weigh(value) {
  if (typeof value === "string") return VALUE_BYTES + value.length;
  if (value === null || typeof value !== "object") return VALUE_BYTES;
  if (ArrayBuffer.isView(value)) return OBJECT_BYTES + value.byteLength;
  let bytes = OBJECT_BYTES;
  if (Array.isArray(value)) {
    for (const element of value) bytes += PLACE_BYTES + weigh(element);
  } else {
    for (const key in value) bytes += PLACE_BYTES + weigh(value[key]);
  }
  return bytes;
}
