import { invalidArgument } from '../../words/argument-checks.js';
import type { AnyKindOfOperation } from './operation-kind.js';

/** The kinds of operations that a process knows. It works off no others. */
export class OperationKinds {
  private readonly byName: Map<string, AnyKindOfOperation>;

  constructor(kinds: readonly AnyKindOfOperation[]) {
    this.byName = new Map(kinds.map((kind) => [kind.name, kind]));
  }

  /**
   * Adds a kind that works with services of the application. A part adds it at its boot, and then this
   * process works such operations off.
   */
  add(kind: AnyKindOfOperation): void {
    this.byName.set(kind.name, kind);
  }

  get names(): readonly string[] {
    return [...this.byName.keys()];
  }

  /** @throws IntegrationError INTEGRATION_ADMIN_INVALID if this application does not know the kind */
  require(name: string): AnyKindOfOperation {
    const kind = this.byName.get(name);
    if (kind !== undefined) return kind;
    throw invalidArgument(
      `This application does not know operations of the kind ${JSON.stringify(name)}: import the module that has it`,
      { field: 'kind' },
    );
  }
}
