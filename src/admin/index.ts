export { ADMIN_ACTIONS, type AdminAction, type AdminTarget } from './admin-action.js';
export type {
  AdminCallOptions,
  AdminCallOptionsFactory,
  AdminDecorators,
  AdminGuard,
  AdminHttpRequest,
  AdminMountOptions,
  IntegrationAdminAsyncOptions,
  IntegrationAdminOptions,
  MaskedEvent,
} from './admin-options.js';
export { ADMIN_PROBLEM_CODES, type FieldProblem, type Problem, type ProblemCode } from './calls/problem.js';
export { IntegrationAdminModule } from './integration-admin.module.js';
export { ExactNumber } from './payload/exact-number.js';
