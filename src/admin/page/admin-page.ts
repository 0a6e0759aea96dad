import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { acceptsCoding } from '../../http/accepted-coding.js';
import { Answer, sendAnswer, sendBytes } from '../../http/answer.js';
import { pathOf, type ServerRequest } from '../../http/server-request.js';
import { notFound, RestProblem } from '../../rest/problem.js';
import type { PageFile } from './page-files.js';

/** Token of the function that reads the files of the page. */
export const PAGE_FILES = Symbol('nestjs-integration:page-files');

/**
 * What the page may do in a browser: load its own scripts and styles, and call its own server. Trusted types
 * are off altogether, so no script can turn a text into markup or code.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};
// The name of an asset has a hash of its content. Only the browser keeps it, because a guard stands before
// it.
const KEPT = 'private, max-age=31536000, immutable';

/** Sends the page and its assets. They hold no data: the page asks the REST API for all that it shows. */
@Injectable()
export class AdminPage {
  private files: ReadonlyMap<string, PageFile> | undefined;

  constructor(
    private readonly host: HttpAdapterHost,
    @Inject(PAGE_FILES) private readonly read: () => ReadonlyMap<string, PageFile> | undefined,
  ) {}

  /** Leads from the path of the API to the page. */
  redirect(request: ServerRequest, response: unknown): void {
    const path = pathOf(request);
    this.sendTo(response, path.endsWith('/') ? './ui' : `./${path.slice(path.lastIndexOf('/') + 1)}/ui`);
  }

  page(request: ServerRequest, response: unknown): void {
    // The page names its assets relative to its own place, so that place must not end with a slash.
    if (pathOf(request).endsWith('/')) this.sendTo(response, '../ui');
    else {
      this.send(this.file('index.html'), request, response, { 'Content-Security-Policy': PAGE_POLICY });
    }
  }

  /** @throws RestProblem 404 */
  asset(name: string, request: ServerRequest, response: unknown): void {
    if (name === 'index.html') throw notFound(`asset ${name}`);
    this.send(this.file(name), request, response, { 'Cache-Control': KEPT });
  }

  private file(name: string): PageFile {
    this.files ??= this.read();
    if (this.files === undefined) throw notBuilt();
    const file = this.files.get(name);
    if (file === undefined) throw notFound(`asset ${name}`);
    return file;
  }

  private send(
    { type, text, compressed }: PageFile,
    request: ServerRequest,
    response: unknown,
    headers: Readonly<Record<string, string>>,
  ): void {
    const all = { 'Content-Type': type, Vary: 'Accept-Encoding', ...HEADERS, ...headers };
    const [coding, bytes] = compressed.find(([name]) => acceptsCoding(request, name)) ?? [];
    if (coding === undefined || bytes === undefined)
      sendAnswer(this.host, response, Answer.ofText(text, { headers: all }));
    else sendBytes(this.host, response, bytes, 200, { ...all, 'Content-Encoding': coding });
  }

  /**
   * The place is relative, because a proxy may have stripped a part of the path that the browser has. The
   * application does not see that part.
   */
  private sendTo(response: unknown, place: string): void {
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', ...HEADERS, Location: place };
    sendAnswer(this.host, response, Answer.ofText(`The page is at ${place}\n`, { status: 302, headers }));
  }
}

function notBuilt(): RestProblem {
  return new RestProblem(
    404,
    'INTEGRATION_ADMIN_NOT_FOUND',
    'The page is not there: the folder dist/admin/ui of the package is missing. Install the package again, or copy its folder beside your bundle',
  );
}
