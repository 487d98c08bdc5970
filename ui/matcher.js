// Where a text is found in others. Pure; runs in the page for plain texts, and in a worker for regular expressions,
// which can take for ever and are then ended with it.

/** Finds kept for one text. */
const FINDS_MAX = 50;

/** A function from a text to its finds, `[start, end]` each; throws when a regular expression is none. */
export function matcher(pattern, isRegex) {
  if (!isRegex) {
    const wanted = pattern.toLowerCase();
    return (text) => {
      const lower = text.toLowerCase();
      // Lower case can be longer: then places do not fit, and the text is searched as it is.
      return found(lower.length === text.length ? lower : text, wanted);
    };
  }
  // An `i` for those who write all in lower case, as editors do.
  const regex = new RegExp(pattern, pattern === pattern.toLowerCase() ? "giu" : "gu");
  return (text) => {
    const finds = [];
    regex.lastIndex = 0;
    for (let match; finds.length < FINDS_MAX && (match = regex.exec(text)); ) {
      if (match[0] === "") regex.lastIndex += 1;
      else finds.push([match.index, match.index + match[0].length]);
    }
    return finds;
  };
}

function found(text, wanted) {
  const finds = [];
  if (!wanted) return finds;
  for (let at = text.indexOf(wanted); at >= 0 && finds.length < FINDS_MAX; at = text.indexOf(wanted, at + wanted.length)) {
    finds.push([at, at + wanted.length]);
  }
  return finds;
}
