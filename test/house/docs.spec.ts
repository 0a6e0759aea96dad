import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CALL_ERROR_CODES } from '../../src/calls/index.js';
import { CONNECTOR_ERROR_CODES } from '../../src/connectors/index.js';
import { CONTRACT_ERROR_CODES } from '../../src/contracts/index.js';
import { INTEGRATION_ERROR_CODES } from '../../src/errors.js';
import { OPTION_NAMES } from '../../src/module/integration.options.js';
import { RELAY_ERROR_CODES } from '../../src/relay/index.js';
import { SAGA_ERROR_CODES } from '../../src/sagas/index.js';
import { SCHEDULE_ERROR_CODES } from '../../src/schedules/index.js';
import { SECRET_ERROR_CODES } from '../../src/secrets/index.js';
import {
  OUTBOX_SETTINGS,
  SETTING_DEFINITIONS,
  SETTING_KEYS,
} from '../../src/settings/settings-definitions.js';
import { KNOWN_OPTIONS } from '../../src/subscribers/subscriber-validation.js';
import { WEBHOOK_ERROR_CODES } from '../../src/webhooks/index.js';
import { COMMANDS } from '../support/commands.js';
import {
  anchors,
  codeBlocks,
  GUIDE_PAGES,
  headings,
  localLinks,
  type Page,
  pagesIn,
  proseOf,
  README,
  ROOT,
  readPage,
} from '../support/pages.js';

/** Of the engine and of every part. */
const ERROR_CODES: readonly string[] = [
  ...INTEGRATION_ERROR_CODES,
  ...CONNECTOR_ERROR_CODES,
  ...CONTRACT_ERROR_CODES,
  ...SECRET_ERROR_CODES,
  ...RELAY_ERROR_CODES,
  ...CALL_ERROR_CODES,
  ...SAGA_ERROR_CODES,
  ...SCHEDULE_ERROR_CODES,
  ...WEBHOOK_ERROR_CODES,
];

const INDEX_OF_DECISIONS = readPage('docs/decisions/README.md');
const DECISIONS = pagesIn('docs/decisions').filter(({ name }) => name !== INDEX_OF_DECISIONS.name);
const CHANGELOG = readPage('CHANGELOG.md');
const OTHERS = ['CONTRIBUTING.md', 'src/README.md', 'docs/reliability.md', 'docs/performance.md'].map(
  readPage,
);

function guidePage(name: string): string {
  const page = GUIDE_PAGES.find((each) => each.name === `docs/guide/${name}`);
  if (page === undefined) throw new Error(`docs/guide has no page ${name}`);
  return page.text;
}

/** The links of a page that lead nowhere. */
function brokenLinks({ name, text }: Page): string[] {
  return localLinks(text).filter((target) => {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? name : relative(ROOT, join(ROOT, dirname(name), path));
    if (!existsSync(join(ROOT, file))) return true;
    return anchor !== undefined && !anchors(path === '' ? text : readPage(file).text).has(anchor);
  });
}

/** Lines of prose that are longer than 200 characters. Rows of tables cannot be wrapped, and code is not. */
function longLines(text: string): string[] {
  return proseOf(text)
    .split('\n')
    .filter((line) => line.length > 200 && !line.trimStart().startsWith('|'));
}

/** What a page shows somebody to type behind `npx nestjs-integration`. */
function commandsShown({ text }: Page): string[] {
  return [...text.matchAll(/npx nestjs-integration ([a-z][a-z -]*[a-z])/g)].map(([, words = '']) => words);
}

function isCommand(words: string): boolean {
  const known = COMMANDS.map(({ name }) => name);
  return known.some((name) => words === name || words.startsWith(`${name} `));
}

describe('the documentation', () => {
  const pages = [README, ...GUIDE_PAGES, ...DECISIONS, INDEX_OF_DECISIONS, ...OTHERS, CHANGELOG];

  it('has no link that leads nowhere', () => {
    expect(pages.map((page) => [page.name, brokenLinks(page)]).filter(([, links]) => links?.length)).toEqual(
      [],
    );
    const text = '# A heading\n[a](#a-heading) [b](#no-heading) [c](missing.md) [d](CONTRIBUTING.md)';
    expect(brokenLinks({ name: 'README.md', text })).toEqual(['#no-heading', 'missing.md']);
  });

  it('shows no command that does not exist', () => {
    expect([README, ...GUIDE_PAGES].flatMap(commandsShown).filter((words) => !isCommand(words))).toEqual([]);
  });
});

describe('the README', () => {
  it('has at most 150 lines', () => {
    expect(README.text.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
  });

  it('has a first use of thirty lines, imports and empty lines aside, and a main.ts with shutdown hooks', () => {
    const [first = '', ...rest] = codeBlocks(README.text)
      .filter(({ language }) => language === 'ts')
      .map(({ text }) => text);
    const lines = first
      .replace(/^import [^;]*;$/gm, '')
      .split('\n')
      .filter((line) => !/^\s*(\/\/.*)?$/.test(line));
    expect(lines.length).toBeLessThanOrEqual(30);
    expect(rest).toEqual([expect.stringContaining('app.enableShutdownHooks()')]);
  });
});

describe('the guide', () => {
  const names = GUIDE_PAGES.map(({ name }) => name.replace('docs/guide/', '')).filter(
    (name) => name !== 'README.md',
  );

  it('has an index with one line for each page', () => {
    const lines = [...guidePage('README.md').matchAll(/^- \[[^\]]+\]\(([a-z/-]+\.md)\): .*[.?]$/gm)];
    expect(lines.map(([, name]) => name).sort()).toEqual([...names].sort());
  });

  it('has a heading of the index for each folder, with the pages of that folder', () => {
    const sections = guidePage('README.md').split(/^## /m).slice(1);
    const misplaced = sections.flatMap((section) => {
      const folder = section.split('\n', 1)[0]?.toLowerCase();
      return localLinks(section).filter((target) => !target.startsWith(`${folder}/`));
    });
    expect(misplaced).toEqual([]);
  });

  it('has no line of prose that is longer than 200 characters', () => {
    expect(GUIDE_PAGES.flatMap(({ name, text }) => longLines(text).map((line) => [name, line]))).toEqual([]);
    const long = 'word '.repeat(50).trim();
    expect(longLines(`${long}\n| ${long} |\n\`\`\`ts\n${long}\n\`\`\`\n`)).toEqual([long]);
  });

  it('names no feature as missing for the time being, because nobody would notice when it comes', () => {
    const said =
      /\| not yet[.:]|so far there|\bnot (available|supported|implemented|possible) yet|(do(es)? not exist|does nothing) yet|coming soon/i;
    const found = GUIDE_PAGES.flatMap(({ name, text }) =>
      text.split('\n').flatMap((line) => (said.test(line) ? [[name, said.exec(line)?.[0]]] : [])),
    );
    expect(found).toEqual([]);
    for (const line of ['| a dashboard | Not yet. The', 'So far there are none.', 'which do not exist yet'])
      expect(said.test(line)).toBe(true);
  });

  it('has no page that the README does not link to', () => {
    expect(names.filter((name) => !README.text.includes(`](docs/guide/${name}`))).toEqual([]);
  });

  it('lists every setting with its default and its name in the environment', () => {
    const rows = guidePage('reference/settings.md').matchAll(
      /^\| `([\w.]+)` +\| (\w+) +\| .*? +\| `(INTEGRATION_OUTBOX_\w+)` +\|$/gm,
    );
    expect([...rows].map(([, key, value, name]) => [key, value, name])).toEqual(
      SETTING_KEYS.map((key) => [
        key,
        String(SETTING_DEFINITIONS[key].default),
        OUTBOX_SETTINGS.environmentNameOf(key),
      ]),
    );
  });

  it('lists every option of the module', () => {
    const rows = [...guidePage('start/configuration.md').matchAll(/^\| `(\w+)[\w.]*` +\|/gm)].map(
      ([, name]) => name,
    );
    expect(rows.sort()).toEqual([...OPTION_NAMES, 'imports', 'isGlobal', 'name'].sort());
  });

  it('lists every option of a subscriber', () => {
    const rows = [...guidePage('subscribe/subscribing.md').matchAll(/^\| `(\w+)` +\|/gm)].map(
      ([, name]) => name,
    );
    // The decorator has no handler: it stands on it.
    expect(rows).toEqual(KNOWN_OPTIONS.filter((name) => name !== 'handler'));
  });

  it('lists every command', () => {
    const rows = [...guidePage('reference/commands.md').matchAll(/^\| `([^`]+)`/gm)].map(
      ([, call = '']) => call,
    );
    const missing = COMMANDS.filter(
      ({ name }) => !rows.some((call) => call === name || call.startsWith(`${name} `)),
    );
    expect(missing.map(({ name }) => name)).toEqual([]);
    expect(rows.filter((call) => !isCommand(call))).toEqual([]);
  });

  it('says of every error code what it means and what to do', () => {
    const rows = [
      ...guidePage('operate/troubleshooting.md').matchAll(
        /^\| `(INTEGRATION_\w+)` +\| (.*?) +\| (.*?) +\|$/gm,
      ),
    ];
    expect(rows.map(([, code]) => code).sort()).toEqual([...ERROR_CODES].sort());
    expect(rows.filter(([, , meaning, remedy]) => !meaning || !remedy)).toEqual([]);
  });
});

describe('the records of decisions', () => {
  it('are in their index, each of them once', () => {
    const files = DECISIONS.map(({ name }) => name.slice('docs/decisions/'.length));
    const listed = [...INDEX_OF_DECISIONS.text.matchAll(/^- \[(\d{4})\]\((\1-[^)]+\.md)\): \S.*$/gm)];
    expect(listed.map(([, , file]) => file).sort()).toEqual(files);
  });

  const FORM = ['Context', 'Decision', 'Consequences', 'Measured'];

  it('have the one form, in its order', () => {
    const others = DECISIONS.filter(({ text }) => headings(text, 2).join() !== FORM.join());
    expect(others.map(({ name, text }) => [name, headings(text, 2)])).toEqual([]);
  });

  it('have a number of their own, which file and title agree on', () => {
    const numbers = DECISIONS.map(({ name }) => name.slice('docs/decisions/'.length).slice(0, 4));
    expect(new Set(numbers).size).toBe(numbers.length);
    const titles = DECISIONS.map(({ text }) => /^# (\d{4}): \S/.exec(text)?.[1]);
    expect(titles).toEqual(numbers);
  });
});

/** Merges by union break these rules: `node scripts/order-changelog.mjs` puts the file in order again. */
describe('the changelog', () => {
  it('has each kind of change once in a version, in the order Added, Changed, Fixed', () => {
    const versions = CHANGELOG.text.split(/^## /m).slice(1);
    for (const version of versions) {
      const kinds = headings(version, 3);
      expect(kinds).toEqual(
        ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'].filter((kind) =>
          kinds.includes(kind),
        ),
      );
    }
  });

  it('has one line for each change, and none twice', () => {
    const lines = CHANGELOG.text
      .split('\n')
      .slice(6)
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.filter((line) => !line.startsWith('- '))).toEqual([]);
    expect(lines.filter((line, index) => lines.indexOf(line) !== index)).toEqual([]);
  });
});
