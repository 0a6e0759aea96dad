// CHANGELOG.md is merged by union, so a merge may repeat headings and lines. This puts each version in order again: each kind of
// change once, each change on one line, none twice. Run it after a merge: node scripts/order-changelog.mjs
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../CHANGELOG.md', import.meta.url);
const KINDS = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];

const [head, ...versions] = readFileSync(FILE, 'utf8').split(/^(?=## )/m);
writeFileSync(FILE, [head, ...versions.map(ordered)].join(''));

function ordered(version) {
  const [title, ...lines] = version.split('\n');
  const changes = new Map(KINDS.map((kind) => [kind, []]));
  let kind;
  for (const line of lines.filter((each) => each.trim() !== '')) {
    if (line.startsWith('### ')) kind = line.slice(4).trim();
    else if (!changes.has(kind))
      throw new Error(`Under ${title} this stands under no kind of change: ${line}`);
    else if (line.startsWith('- ')) changes.get(kind).push(line);
    else changes.get(kind).push(`${changes.get(kind).pop()} ${line.trim()}`);
  }
  const seen = new Set();
  const sections = KINDS.map((each) => [each, changes.get(each).filter((line) => isFirst(line, seen))])
    .filter(([, each]) => each.length > 0)
    .map(([each, list]) => `### ${each}\n\n${list.join('\n')}\n`);
  return `${title}\n\n${sections.join('\n')}`;
}

function isFirst(line, seen) {
  const isNew = !seen.has(line);
  seen.add(line);
  return isNew;
}
