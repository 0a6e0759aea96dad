import { promisify } from 'node:util';
import { gzip, type ZlibOptions } from 'node:zlib';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { stackWithCauses } from '../../delivery/partition/error-causes.js';
import { messageOf } from '../../errors.js';
import { acceptsCoding } from '../../http/accepted-coding.js';
import { ANSWER_HEADERS, Answer, JSON_TYPE, sendAnswer, sendBytes } from '../../http/answer.js';
import { pathOf, queryOf, type ServerRequest } from '../../http/server-request.js';
import { bodyOf } from '../../rest/body.js';
import { deniedAction } from '../../rest/problem.js';
import { problemAnswer } from '../../rest/problem-answer.js';
import { fieldsOfQuery, readFields } from '../../rest/request-fields.js';
import { isWrite } from '../../rest/route.js';
import { EngineLogger } from '../../words/engine-logger.js';
import { idempotencyKeyOf, Once } from '../idempotency/once.js';
import { ProblemsLook } from '../look/problems.js';
import type { AdminAction, AdminTarget } from '../options/admin-action.js';
import {
  ADMIN_CALL_OPTIONS,
  ADMIN_MOUNT_OPTIONS,
  type AdminCallOptions,
  type AdminMountOptions,
} from '../options/admin-options.js';
import { problemOf } from '../problems/problem-of.js';
import { AdminSections } from '../routes/admin-sections.js';
import { type Call, type Route, startsSomething } from '../routes/route.js';
import { OpenStreams } from '../streams/open-streams.js';
import { AllowedHosts } from './allowed-hosts.js';
import { Denials } from './denials.js';
import { refuseForgery } from './forgery.js';
import { HostDecisions } from './host-decisions.js';
import { PageChanges, type RowsPage } from './page-changes.js';

// A proxy that buffers would keep the looks. A connection that stays open would keep the server from
// closing.
const STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'X-Accel-Buffering': 'no',
  Connection: 'close',
};

/** To compress an answer of fewer characters is not worth the work. */
const LONG = 16_384;
const gzipped = promisify(gzip) as (text: string, options: ZlibOptions) => Promise<Buffer>;

/**
 * Answers the requests of every route. It writes the answer itself, through the adapter of the application.
 * So interceptors, pipes and filters of the application change nothing in it.
 */
@Injectable()
export class AdminCalls {
  private readonly logger = new EngineLogger('IntegrationAdmin');
  private readonly decisions: HostDecisions;
  private readonly allowedHosts: AllowedHosts;
  private readonly changes = new PageChanges();

  constructor(
    private readonly host: HttpAdapterHost,
    @Inject(ADMIN_CALL_OPTIONS) private readonly options: AdminCallOptions,
    @Inject(ADMIN_MOUNT_OPTIONS) mount: Pick<AdminMountOptions, 'access'>,
    private readonly once: Once,
    private readonly denials: Denials,
    private readonly streams: OpenStreams,
    private readonly problems: ProblemsLook,
    private readonly sections: AdminSections,
  ) {
    this.decisions = new HostDecisions(options, this.logger);
    this.allowedHosts = new AllowedHosts(options, mount);
  }

  async answer<R extends Route>(
    route: R,
    request: ServerRequest,
    response: unknown,
    handle: (call: Call<R>) => unknown,
  ): Promise<void> {
    try {
      const call = await this.checkedCall(route, request);
      const isStream = route.isStream && request.method !== 'HEAD';
      if (isStream) this.streams.requirePlace();
      const act = async () => this.answerOf(route, request, await handle(call));
      const { actor } = call;
      const about = { actor, action: route.action };
      const answer = startsSomething(route)
        ? await this.once.answer(request, about, () =>
            act().catch((error) => this.problem(error, request, route)),
          )
        : await act();
      if (isWrite(route)) this.problems.forget();
      if (isStream) this.streams.start(response, { ...ANSWER_HEADERS, ...STREAM_HEADERS });
      else await this.send(route, request, response, answer);
    } catch (error) {
      this.refuse(error, request, response, route);
    }
  }

  private answerOf(route: Route, request: ServerRequest, result: unknown): Answer {
    if (result instanceof Answer) return result;
    return route.changingRows === undefined
      ? Answer.of(result)
      : this.changes.answerOf(request, result as RowsPage);
  }

  private async send(route: Route, request: ServerRequest, response: unknown, answer: Answer): Promise<void> {
    const { body = '', status, headers } = answer;
    if (!route.isCompressed || status >= 300 || body.length < LONG || !acceptsCoding(request, 'gzip'))
      return sendAnswer(this.host, response, answer);
    const bytes = await gzipped(body, { level: 1 });
    sendBytes(this.host, response, bytes, status, {
      'Content-Type': JSON_TYPE,
      'Content-Encoding': 'gzip',
      ...headers,
    });
  }

  /** Answers with the problem that an error is. */
  refuse(error: unknown, request: ServerRequest, response: unknown, route?: Route): void {
    const answer = this.problem(error, request, route);
    // A guard or an interceptor of the application may have answered already.
    if (!this.host.httpAdapter.isHeadersSent(response)) sendAnswer(this.host, response, answer);
  }

  private problem(error: unknown, request: ServerRequest, route?: Route): Answer {
    const { problem, isUnexpected } = problemOf(error, route, (code) => this.sections.statusOf(code));
    if (isUnexpected) this.logFailure(error, `${request.method} ${pathOf(request)}`, route);
    return problemAnswer(problem);
  }

  /** A page that is open asks the same again every few seconds. */
  private logFailure(error: unknown, asked: string, route?: Route): void {
    const kind = `${route?.path ?? asked} ${messageOf(error)}`;
    this.logger.errorOfFailure(`${asked} failed`, stackWithCauses(error), kind);
  }

  /**
   * Permission is asked before the query and the body are looked at, so nobody learns anything without it.
   */
  private async checkedCall<R extends Route>(route: R, request: ServerRequest): Promise<Call<R>> {
    this.allowedHosts.refuseOthers(request);
    refuseForgery(request, { isWrite: isWrite(route), origins: this.options.origins ?? [] });
    const path = readFields('path', route.pathFields, request.params ?? {});
    const may = (action: AdminAction, target: AdminTarget) => this.decisions.may(request, action, target);
    const actor = await this.decisions.actorOf(request);
    const target = route.target(path);
    if (!(await may(route.action, target))) {
      await this.denials.note(route.action, target, actor);
      throw deniedAction(route.action);
    }
    const query = readFields('query', route.query, fieldsOfQuery(queryOf(request)));
    const body = isWrite(route) ? readFields('body', route.body, await bodyOf(request)) : {};
    const { reason } = body as { readonly reason?: string };
    const author = { by: actor, via: 'rest', reason, idempotencyKey: idempotencyKeyOf(request) };
    return { request, path, query, body, actor, author, may } as Call<R>;
  }
}
