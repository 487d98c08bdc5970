// Every bound of the page, with its reason. What is over one of them is counted and shown, never just gone.

/** Rows in the list. Twenty seconds of a very busy stream, days of a quiet one. */
export const ROWS_MAX = 50_000;
/** Rows kept while following: the difference is the room there is when somebody pauses. */
export const ROWS_FOLLOWED = 20_000;
/** Bytes of events in the list, as `weigh` estimates them. */
export const BYTES_MAX = 64 * 1024 * 1024;
export const BYTES_FOLLOWED = 32 * 1024 * 1024;

/** Events and bytes that came and are not in the list yet. Over that they become a gap, to be fetched. */
export const INTAKE_EVENTS_MAX = 50_000;
export const INTAKE_BYTES_MAX = 32 * 1024 * 1024;
/** Milliseconds of a frame for taking in events; what is left belongs to whoever scrolls and types. */
export const INTAKE_FRAME_MS = 6;
/** Milliseconds between two drawings of a list that runs past faster than anybody reads. */
export const DRAW_INTERVAL_BUSY = 100;
/** Events per second that count as such. */
export const BUSY_RATE = 100;

/** Events fetched for a gap at a time, and those that are fetched without asking after a pause. */
export const FETCH_PAGE = 2000;
export const FETCH_UNASKED_MAX = 10_000;
/** Events that a new filter looks back over, and a page without one. */
export const BACKLOG_FILTERED = 10_000;
export const BACKLOG = 1000;

/** Distinct tags counted; the rest count together. */
export const TAGS_MAX = 2000;
/** Field names and values of each that completion knows, and how many events a second it looks at. */
export const FIELDS_MAX = 500;
export const FIELD_DEPTH_MAX = 4;
export const FIELD_KEYS_MAX = 60;
export const VALUES_MAX = 30;
export const VALUE_LENGTH_MAX = 60;
export const FIELD_SAMPLES_PER_SECOND = 50;

/** Seconds of the rate graph, and lines in it; the rest go together as "other". */
export const GRAPH_SECONDS_MAX = 900;
export const GRAPH_SERIES_MAX = 8;

/** Characters of a row's summary, and of one value in it. */
export const SUMMARY_LENGTH_MAX = 500;
export const SUMMARY_VALUE_LENGTH_MAX = 120;
export const SUMMARY_KEYS_MAX = 30;
/** Characters of a string in the tree before "show more", and how many more each time. */
export const STRING_SHOWN = 400;
export const STRING_MORE = 20_000;
/** Keys or elements of a map or list before "show more". */
export const KEYS_SHOWN = 100;
/** Levels that are open from the start, and levels that are indented. */
export const DEPTH_OPEN = 2;
export const DEPTH_INDENTED = 16;

/** Rows that stay in the document because a selection spans them. */
export const SELECTED_ROWS_MAX = 500;
/** Rows for which a highlight is looked up at a time, and milliseconds until a regular expression is given up. */
export const MATCH_ROWS = 500;
export const MATCH_TIMEOUT = 500;

/** Bytes of a download that are gathered in memory. */
export const DOWNLOAD_BYTES_MAX = 512 * 1024 * 1024;
/** Columns of a CSV file when none are chosen. */
export const CSV_COLUMNS_MAX = 200;
/** Columns of the list. */
export const COLUMNS_MAX = 12;
