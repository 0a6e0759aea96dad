export { ExactNumber } from '../events/exact-number.js';
export {
  ADMIN_PROBLEM_CODES,
  type FieldProblem,
  type Problem,
  type ProblemCode,
} from '../rest/problem.js';
export { IntegrationAdminModule } from './integration-admin.module.js';
export { ADMIN_ACTIONS, type AdminAction, type AdminTarget } from './options/admin-action.js';
export type {
  AdminCallOptions,
  AdminCallOptionsFactory,
  AdminDecorators,
  AdminGuard,
  AdminHttpRequest,
  AdminLinks,
  AdminMountOptions,
  IntegrationAdminAsyncOptions,
  IntegrationAdminOptions,
  MaskedEvent,
} from './options/admin-options.js';
