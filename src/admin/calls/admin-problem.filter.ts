import { problemFilter } from '../../rest/problem.filter.js';
import { AdminCalls } from './admin-calls.js';

/** Turns what is thrown in front of the handlers of the admin API into problems. */
export const AdminProblemFilter = problemFilter(AdminCalls);
