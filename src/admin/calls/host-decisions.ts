import { kindOf, nameOf } from '../../rest/person-name.js';
import type { EngineLogger } from '../../words/engine-logger.js';
import type { AdminAction, AdminTarget } from '../options/admin-action.js';
import { type AdminCallOptions, type AdminHttpRequest, UNKNOWN_ACTOR } from '../options/admin-options.js';

/**
 * Asks the application's own functions, and judges what they answer. A default belongs to an option that is
 * not given. An answer is never replaced with it: a person without roles, for whom `roles?.includes('ops')`
 * is undefined, must not get what everybody gets where there is no `permission`.
 */
export class HostDecisions {
  constructor(
    private readonly options: AdminCallOptions,
    private readonly logger: Pick<EngineLogger, 'warnOfFailure'>,
  ) {}

  /** Whether the person behind a request may do this. Only `true` is a yes. */
  async may(request: AdminHttpRequest, action: AdminAction, target: AdminTarget): Promise<boolean> {
    if (this.options.permission === undefined) return true;
    const answer: unknown = await this.options.permission(request, action, target);
    if (answer && answer !== true) {
      this.logger.warnOfFailure(
        `permission answered ${kindOf(answer)} for ${action}, which is a no: only true is a yes`,
        'permission',
      );
    }
    return answer === true;
  }

  /** The name of the person behind a request. A number is its text. */
  async actorOf(request: AdminHttpRequest): Promise<string> {
    const answer: unknown = await this.options.actor?.(request);
    const named = nameOf(answer);
    if (typeof named === 'object') return named.name;
    if (named === 'no name') {
      this.logger.warnOfFailure(
        `actor answered ${kindOf(answer)}, so the audit has "${UNKNOWN_ACTOR}" in the place of a name: it must answer a text or a number`,
        'actor',
      );
    }
    return UNKNOWN_ACTOR;
  }
}
