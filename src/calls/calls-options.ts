import { IntegrationError } from '../errors.js';
import { checkNetworkRules, type NetworkRules } from '../http/network-rules.js';
import { problemsOfUnknownNames } from '../words/known-names.js';

export interface CallsModuleOptions {
  /** Where `context.http` may go. Without it: by https to addresses that can be reached from everywhere. */
  network?: NetworkRules | undefined;
}

export const CALLS_OPTIONS = Symbol('nestjs-integration:calls-options');

/** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
export function checkCallsOptions(options: CallsModuleOptions): void {
  const problems = problemsOfUnknownNames(options, { known: ['network'], kind: 'an option of CallsModule' });
  if (problems.length > 0)
    throw new IntegrationError(
      'INTEGRATION_OPTIONS_INVALID',
      `CallsModule cannot start: ${problems.join('; ')}`,
      { problems },
    );
  checkNetworkRules(options.network);
}
