// Looks for regular expressions apart from the page: one that takes for ever stops this, and nothing else.

import { matcher } from "./matcher.js";

self.onmessage = ({ data: { id, pattern, texts } }) => {
  try {
    const match = matcher(pattern, true);
    self.postMessage({ id, finds: texts.map(match) });
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
};
