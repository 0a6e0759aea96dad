import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** A page of Markdown, by its path from the root of the repository. */
export interface Page {
  readonly name: string;
  readonly text: string;
}

export const README = readPage('README.md');

/** Every page of docs/guide, its index included. */
export const GUIDE_PAGES: readonly Page[] = pagesIn('docs/guide');

export function readPage(name: string): Page {
  return { name, text: readFileSync(join(ROOT, name), 'utf8') };
}

/** The pages of a folder and of the folders in it. */
export function pagesIn(folder: string): Page[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => readPage(`${folder}/${name}`));
}

export interface CodeBlock {
  /** The first word behind the fence; empty where there is none. */
  readonly language: string;
  readonly text: string;
}

/** Fenced blocks, whichever fence and indentation they have. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const fenced =
    /^([ \t]*(?:[-*>][ \t]+)?)(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*\n(.*?)^[ \t]*\2[`~]*[ \t]*$/gms;
  return [...markdown.matchAll(fenced)].map(([, , , language = '', text = '']) => ({ language, text }));
}

/** The page without its fenced blocks. */
export function proseOf(markdown: string): string {
  return markdown.replace(/^[ \t]*(`{3,}|~{3,}).*?^[ \t]*\1[ \t]*$/gms, '');
}

/** The texts of the headings of one level, without their marks. */
export function headings(markdown: string, level: number): string[] {
  const mark = '#'.repeat(level);
  return [...proseOf(markdown).matchAll(new RegExp(`^${mark} (.*)$`, 'gm'))].map(([, text = '']) =>
    text.trim(),
  );
}

/** What GitHub makes of the headings of a page, so that links can lead to them. */
export function anchors(markdown: string): Set<string> {
  const texts = [...proseOf(markdown).matchAll(/^#{1,6} (.*)$/gm)].map(([, text = '']) => text);
  return new Set(
    texts.map((text) =>
      text
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** The targets of the links of a page that lead to files or headings of this repository. */
export function localLinks(markdown: string): string[] {
  const targets = [...proseOf(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}
