// Tags seen, how often, and as a tree by their parts; and which of them are chosen. Pure.

import { TAGS_MAX } from "./limits.js";

/** Counts tags; those that are too many count together. */
export class TagCounts {
  #tags = new Map();
  others = 0;

  add(tag, count = 1) {
    const seen = this.#tags.get(tag);
    if (seen === undefined && this.#tags.size >= TAGS_MAX) this.others += count;
    else this.#tags.set(tag, (seen ?? 0) + count);
  }

  get size() {
    return this.#tags.size;
  }

  /** The tags, most frequent first. */
  names() {
    return [...this.#tags].sort((a, b) => b[1] - a[1]).map(([tag]) => tag);
  }

  /**
   * The tags as a tree, by name: nodes `{ name, tag, own, count, children }`. `own` counts events of the very tag,
   * `count` those below it, too. Parts that lead to one place only stand together: `app.web`.
   */
  tree() {
    const root = node("", "");
    for (const [tag, count] of this.#tags) {
      let at = root;
      at.count += count;
      for (const part of tag.split(".")) {
        let next = at.byPart.get(part);
        if (!next) at.byPart.set(part, (next = node(part, at.tag ? `${at.tag}.${part}` : part)));
        next.count += count;
        at = next;
      }
      at.own += count;
    }
    return finished(root).children;
  }
}

const node = (name, tag) => ({ name, tag, own: 0, count: 0, byPart: new Map() });

function finished({ name, tag, own, count, byPart }) {
  const children = [...byPart.values()].map(finished).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (name && own === 0 && children.length === 1) {
    const [child] = children;
    return { ...child, name: `${name}.${child.name}` };
  }
  return { name, tag, own, count, children };
}

/** The pattern for a node: its very tag, or everything below it as well. */
export const patternOf = ({ tag, children }) => (children.length ? `${tag}.**` : tag);

/** The patterns with one included: alone if it is the first, else beside the others. */
export function withIncluded(patterns, pattern) {
  if (patterns.includes(pattern)) return patterns.filter((other) => other !== pattern);
  return [...patterns.filter((other) => other !== `!${pattern}`), pattern];
}

/** The patterns with one excluded, or no longer excluded. */
export function withExcluded(patterns, pattern) {
  const excluded = `!${pattern}`;
  if (patterns.includes(excluded)) return patterns.filter((other) => other !== excluded);
  return [...patterns.filter((other) => other !== pattern), excluded];
}

/** A hue for a tag, always the same: from all of its parts, so that neighbours differ. */
export function hueOf(tag) {
  let hash = 2166136261;
  for (let i = 0; i < tag.length; i++) hash = Math.imul(hash ^ tag.charCodeAt(i), 16777619);
  // Spread by the golden angle: hashes that lie together get hues that do not.
  hash ^= hash >>> 15;
  return Math.round(((hash >>> 0) * 137.508) % 360);
}
