import type { HeldTo } from '../../rest/answering.js';
import type { Call, Route } from './route.js';

/**
 * What a class of handlers implements: each method answers what the schema of its route says. The compiler
 * compares both ways. A property that only the answer has is as wrong as one that only the schema has,
 * because clients are promised that there are no others. The types of handlers are those of the services that
 * they ask, so a new column of a service has to be written into the schema, and nowhere else.
 *
 * ```ts
 * class DoctorHandlers implements Answering<typeof ROUTES, DoctorHandlers> { … }
 * ```
 */
export type Answering<Routes extends Readonly<Record<string, Route>>, Handlers> = {
  [Name in keyof Routes]: (
    call: Call<Routes[Name]>,
  ) => HeldTo<Routes[Name]['answer'], Name extends keyof Handlers ? Handlers[Name] : never>;
};
