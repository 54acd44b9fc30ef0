/** Leaves out of a search, for each segment, what the index of the segment says can't be there. */
import type { SearchNode } from '../../query/search-node.ts';
import type { SegmentIndexes } from './segment-index.ts';
import type { LiveSegment } from './snapshot.ts';
import { SEARCHED_FIELDS, TextIndex } from './text-index.ts';

const MAX_SEARCHES = 3;

/** The segments that may hold what is searched for, each with what is left to look for in it. */
export async function narrowSegments(
  indexes: SegmentIndexes,
  segments: readonly LiveSegment[],
  search: SearchNode,
): Promise<readonly LiveSegment[]> {
  if (!looksForText(search)) return segments;
  const narrowed: { readonly live: LiveSegment; readonly texts: TextIndex | undefined; readonly left: SearchNode }[] =
    [];
  for (const live of segments) {
    const texts = await indexes.textsOf(live.segment);
    const left = texts === undefined ? search : narrowSearch(search, texts);
    if (left !== undefined) narrowed.push({ live, texts, left });
  }
  if (new Set(narrowed.map(({ left }) => JSON.stringify(left))).size <= MAX_SEARCHES)
    return narrowed.map(({ live, left }) => ({ ...live, search: left }));
  // Each search is a statement's part of its own: too many of them cost more than one that looks at a few fields more.
  const all = TextIndex.union(narrowed.flatMap(({ texts }) => texts ?? []));
  const left = narrowSearch(search, all) ?? search;
  return narrowed.map(({ live, texts }) => ({ ...live, search: texts === undefined ? search : left }));
}

/** The same search where each text is looked for only in the fields that may hold it; `undefined` where nothing matches. */
export function narrowSearch(node: SearchNode, texts: TextIndex): SearchNode | undefined {
  switch (node.kind) {
    case 'text': {
      const fields = SEARCHED_FIELDS.filter((field) => node.pieces.every((piece) => texts.mayHold(field, piece)));
      return fields.length === 0 ? undefined : { ...node, fields };
    }
    case 'and': {
      const nodes = node.nodes.map((part) => narrowSearch(part, texts));
      const left = nodes.filter((part) => part !== undefined);
      return left.length < nodes.length ? undefined : { ...node, nodes: left };
    }
    case 'or': {
      const left = node.nodes.map((part) => narrowSearch(part, texts)).filter((part) => part !== undefined);
      return left.length === 0 ? undefined : { ...node, nodes: left };
    }
    case 'not': {
      const inner = narrowSearch(node.node, texts);
      return inner === undefined ? { kind: 'all' } : { ...node, node: inner };
    }
    default:
      return node;
  }
}

function looksForText(node: SearchNode): boolean {
  if (node.kind === 'text') return true;
  if (node.kind === 'not') return looksForText(node.node);
  return 'nodes' in node && node.nodes.some(looksForText);
}
