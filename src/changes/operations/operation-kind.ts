import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { RowPlace } from '../chosen/inbox-admin.store.js';
import type { OperationFilter } from '../chosen/operation-filter.js';
import type { Operation, OperationRequest, OperationVerdict } from './operation.js';
import type { PlannedEvents } from './operation-plan.store.js';
import type { OutcomeWords } from './outlook.js';

/** A request for an operation of one kind. */
export interface RequestOfKind<Filter> extends Omit<OperationRequest, 'kind' | 'filter'> {
  readonly filter: Filter;
}

/** An operation that a process works on. */
export interface OperationUnderWay<Filter> {
  readonly id: string;
  readonly filter: Filter;
  readonly actor: string;
  readonly reason: string | null;
}

/** What the next portion of an operation changes. Its rows are chosen, and what guards them is locked. */
export interface ChosenPortion {
  /** The last of the rows, in the order of the operation. Undefined when there are no more. */
  readonly last: RowPlace | undefined;
  /** Changes the rows, and returns how many it has changed. */
  change(session: EngineSession): Promise<number>;
}

/**
 * What operations of one kind do. `OperationService` plans, runs, cancels and lists operations of all kinds
 * in the same way. The engine has the kinds `redrive` and `discard`, and `replay`, which owners of consumers
 * work off. A part brings others.
 *
 * A portion is one transaction. `choose` locks what guards the rows, such as their cursors, and changes
 * nothing. Then the row of the operation is locked, and `change` is called only if the operation still runs
 * in this process. So `change` waits for nothing that somebody may hold for long.
 */
export interface KindOfOperation<
  Filter = OperationFilter,
  Work extends Omit<OperationUnderWay<Filter>, 'filter'> = OperationUnderWay<Filter>,
> {
  /** Its name, at most 32 letters in lower case, with dots and hyphens: `redrive`, `parcels.return`. */
  readonly name: string;
  /**
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID if the filter or another field does not fit the kind
   */
  check(request: RequestOfKind<Filter>): void;
  /** Counts what an operation would change at this moment. It only reads. */
  plan(db: EngineDatabase, request: RequestOfKind<Filter>): Promise<PlannedEvents>;
  /** Chooses at most `most` rows behind `after`. */
  choose(
    portion: { readonly db: EngineDatabase; readonly session: EngineSession },
    operation: Work,
    most: number,
    after: RowPlace | undefined,
  ): Promise<ChosenPortion>;
  /** What became of the rows so far. A kind without it takes no `stopAfter`. */
  verdict?(db: EngineDatabase, operation: Pick<Operation, 'id' | 'filter'>): Promise<OperationVerdict>;
  /** How that is said. A kind without it says nothing. */
  readonly words?: OutcomeWords;
}

/** A kind, whatever its filter is. */
// biome-ignore lint/suspicious/noExplicitAny: the service gives each kind the filters that it has checked
export type AnyKindOfOperation = KindOfOperation<any, any>;
