import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ChangeAuthor } from '../../../audit/change-author.js';
import { stackWithCauses } from '../../../delivery/partition/error-causes.js';
import { messageOf } from '../../../errors.js';
import { Answer, sendAnswer } from '../../../http/answer.js';
import { pathOf, queryOf, type ServerRequest } from '../../../http/server-request.js';
import { bodyOf } from '../../../rest/body.js';
import { kindOf } from '../../../rest/person-name.js';
import { RestProblem } from '../../../rest/problem.js';
import { problemAnswer } from '../../../rest/problem-answer.js';
import { problemOf } from '../../../rest/problem-of.js';
import { fieldsOfQuery, readFields } from '../../../rest/request-fields.js';
import { isWrite, type RestRoute } from '../../../rest/route.js';
import { EngineLogger } from '../../../words/engine-logger.js';
import type { WebhookPortalCalls } from '../../options/portal-options.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../options/webhooks-options.js';
import { isTenantId } from '../public/tenant-id.js';
import { WebhookDestinationsService } from '../tenants/webhook-destinations.service.js';
import { authorOfTenant } from './portal-author.js';
import type { PortalCall } from './portal-route.js';
import { inTenantWords, statusOf } from './tenant-words.js';

/**
 * Answers the requests of every route of the portal. It writes the answer itself, through the adapter of the
 * application. So interceptors, pipes and filters of the application change nothing in it. Every answer says
 * that nobody may store it, because two of them have a secret.
 */
@Injectable()
export class PortalCalls {
  private readonly logger = new EngineLogger('WebhookPortal');

  constructor(
    private readonly host: HttpAdapterHost,
    @Inject(WEBHOOKS_OPTIONS) private readonly options: WebhooksModuleOptions,
    private readonly destinations: WebhookDestinationsService,
  ) {}

  async answer<R extends RestRoute>(
    route: R,
    request: ServerRequest,
    response: unknown,
    handle: (call: PortalCall<R>) => unknown,
  ): Promise<void> {
    try {
      const answer = Answer.of(await handle(await this.checkedCall(route, request)));
      sendAnswer(this.host, response, answer);
    } catch (error) {
      this.refuse(error, request, response, route);
    }
  }

  /** Answers with the problem that an error is. */
  refuse(error: unknown, request: ServerRequest, response: unknown, route?: RestRoute): void {
    const { problem, isUnexpected } = problemOf(inTenantWords(error), route, statusOf);
    if (isUnexpected) {
      const asked = `${request.method} ${pathOf(request)}`;
      const kind = `${route?.path ?? asked} ${messageOf(error)}`;
      this.logger.errorOfFailure(`${asked} failed`, stackWithCauses(error), kind);
    }
    // A guard or an interceptor of the application may have answered already.
    if (!this.host.httpAdapter.isHeadersSent(response))
      sendAnswer(this.host, response, problemAnswer(problem));
  }

  /** The tenant is asked for first, so nobody learns anything without one. */
  private async checkedCall<R extends RestRoute>(route: R, request: ServerRequest): Promise<PortalCall<R>> {
    const tenantId = await this.tenantOf(request);
    const path = readFields('path', route.pathFields, request.params ?? {});
    const query = readFields('query', route.query, fieldsOfQuery(queryOf(request)));
    const body = isWrite(route) ? readFields('body', route.body, await bodyOf(request)) : {};
    const { reason } = body as { readonly reason?: string };
    const by = authorOfTenant(tenantId, await this.functions.by?.(request));
    const author: ChangeAuthor = { by, via: 'rest', reason };
    return {
      path,
      query,
      body,
      destinations: this.destinations.forTenant(tenantId),
      author,
    } as PortalCall<R>;
  }

  /**
   * Whose request it is. What is no tenant is never taken for '', which is the tenant of an application
   * without tenants, and has its own destinations.
   *
   * @throws RestProblem 403
   */
  private async tenantOf(request: ServerRequest): Promise<string> {
    const answer = await this.answeredTenant(request);
    if (isTenantId(answer) && answer !== '') return answer;
    if (answer !== undefined && answer !== null && answer !== '')
      this.logger.warnOfFailure(
        `outgoing.portal.tenant answered ${typeof answer === 'string' ? 'a text that is no tenant' : kindOf(answer)}, so the request was refused: it must answer a text of 1 to 127 characters`,
        'tenant',
      );
    throw new RestProblem(403, 'INTEGRATION_ADMIN_DENIED', 'Nobody knows for which tenant this request is');
  }

  private async answeredTenant(request: ServerRequest): Promise<unknown> {
    try {
      return await this.functions.tenant(request);
    } catch (error) {
      this.logger.warnOfFailure(
        `outgoing.portal.tenant failed, so the request was refused: ${messageOf(error)}`,
        'tenant',
      );
      return undefined;
    }
  }

  private get functions(): WebhookPortalCalls {
    const { portal } = this.options.outgoing ?? {};
    if (portal === undefined) throw new Error('the portal has no options');
    return portal;
  }
}
