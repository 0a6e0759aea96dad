import { Inject, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { AdminAction, AdminTarget } from '../admin-action.js';
import { ADMIN_CALL_OPTIONS, type AdminCallOptions } from '../admin-options.js';
import { fieldsOfQuery, readFields } from '../input/input.js';
import { type Call, isWrite, type Route } from '../routes/route.js';
import { queryOf, type ServerRequest } from './admin-request.js';
import { Answer } from './answer.js';
import { bodyOf } from './body.js';
import { refuseForgery } from './forgery.js';
import { deniedAction } from './problem.js';
import { problemOf } from './problem-of.js';

const LONGEST_ACTOR = 255;
const UNKNOWN_ACTOR = 'unknown';

/**
 * Answers the requests of every route. It writes the answer itself, through the adapter of the application.
 * So interceptors, pipes and filters of the application change nothing in it.
 */
@Injectable()
export class AdminCalls {
  private readonly logger = new Logger('IntegrationAdmin');

  constructor(
    private readonly host: HttpAdapterHost,
    @Inject(ADMIN_CALL_OPTIONS) private readonly options: AdminCallOptions,
  ) {}

  async answer<R extends Route>(
    route: R,
    request: ServerRequest,
    response: unknown,
    handle: (call: Call<R>) => unknown,
  ): Promise<void> {
    try {
      const result = await handle(await this.checkedCall(route, request));
      this.send(response, result instanceof Answer ? result : Answer.of(result));
    } catch (error) {
      this.refuse(error, request, response);
    }
  }

  /** Answers with the problem that an error is. */
  refuse(error: unknown, request: ServerRequest, response: unknown): void {
    const { problem, isUnexpected } = problemOf(error);
    if (isUnexpected) this.logger.error(`${request.method} ${pathOf(request)} failed`, stackOf(error));
    // A guard or an interceptor of the application may have answered already.
    if (this.host.httpAdapter.isHeadersSent(response)) return;
    const { status } = problem;
    const headers = { 'Content-Type': 'application/problem+json' };
    this.send(response, Answer.of(problem.toProblem(), { status, headers }));
  }

  /**
   * Permission is asked before the query and the body are looked at, so nobody learns anything without it.
   */
  private async checkedCall<R extends Route>(route: R, request: ServerRequest): Promise<Call<R>> {
    refuseForgery(request, { isWrite: isWrite(route), origins: this.options.origins ?? [] });
    const path = readFields('path', route.pathFields, request.params ?? {});
    const may = async (action: AdminAction, target: AdminTarget) =>
      (await this.options.permission?.(request, action, target)) ?? true;
    if (!(await may(route.action, route.target(path)))) throw deniedAction(route.action);
    const query = readFields('query', route.query, fieldsOfQuery(queryOf(request)));
    const body = isWrite(route) ? readFields('body', route.body, bodyOf(request)) : {};
    const actor = nameOf(await this.options.actor?.(request));
    return { request, path, query, body, actor, may } as Call<R>;
  }

  private send(response: unknown, { status, headers, body }: Answer): void {
    const adapter = this.host.httpAdapter;
    const all = {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    };
    for (const [name, value] of Object.entries(all)) adapter.setHeader(response, name, value);
    adapter.reply(response, body, status);
  }
}

/** The path of a request without its query, which may hold what a person typed. */
function pathOf({ originalUrl, url }: ServerRequest): string {
  return (originalUrl ?? url).split('?', 1)[0] ?? '';
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function nameOf(actor: string | undefined): string {
  const name = typeof actor === 'string' ? actor.toWellFormed().replaceAll('\0', '').trim() : '';
  return name === '' ? UNKNOWN_ACTOR : [...name].slice(0, LONGEST_ACTOR).join('');
}
