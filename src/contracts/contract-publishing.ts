import type { DomainEventInput } from '../events/domain-event.js';
import type { Publishing } from '../events/event-gate.js';
import { type EngineLogger } from '../words/engine-logger.js';
import type { ContractRegistry } from './contract-registry.js';
import type { ContractsSettings } from './contracts-options.js';
import type { AnyEventContract } from './event-contract.js';
import { type SchemaVerdict, validate } from './validate.js';
import { problemsOf, sentenceOf, type Violation, violated } from './violations.js';

/** An event that may be stored, or what is wrong with it. */
type Verdict = { readonly event: DomainEventInput; readonly violation?: Violation };

/** The names of this package's own events begin so. */
const OWN_NAMES = 'integration.';

/**
 * Checks events before they are published, and puts the output of the schema into the place of the payload. A
 * schema that answers at once costs no turn of the event loop.
 */
export class ContractPublishing {
  constructor(
    private readonly registry: ContractRegistry,
    private readonly settings: ContractsSettings,
    private readonly logger: EngineLogger,
  ) {}

  readonly publishing: Publishing = (events, placeOf) => {
    const verdicts = events.map((event, index) => this.look(event, placeOf(index)));
    return verdicts.some((verdict) => verdict instanceof Promise)
      ? Promise.all(verdicts).then((all) => this.decide(all))
      : this.decide(verdicts as readonly Verdict[]);
  };

  private decide(verdicts: readonly Verdict[]): readonly DomainEventInput[] {
    const violations = verdicts.flatMap(({ violation }) => violation ?? []);
    if (violations.length === 0) return verdicts.map(({ event }) => event);
    if (this.settings.enforcement === 'reject') throw violated(violations);
    this.logger.warnOfFailure(
      `${sentenceOf(violations)} It was stored as it is, because enforcement is "warn"`,
      violations.map(({ eventName }) => eventName).join(),
    );
    return verdicts.map(({ event }) => event);
  }

  /** What is not an event at all is passed on, because publishing refuses it with the right words. */
  private look(event: DomainEventInput, place: string): Verdict | Promise<Verdict> {
    const name: unknown = Object(event).eventName;
    if (typeof name !== 'string') return { event };
    const newest = this.registry.newest(name);
    if (newest === undefined) return this.withoutContract(event, name, place);
    const version = event.eventVersion ?? newest.version;
    const contract = version === newest.version ? newest : this.registry.get(name, version);
    const problem = problemOf(contract, newest);
    if (contract === undefined || problem !== undefined)
      return refused(event, version, `${place}eventVersion`, problem);
    const given = event.payload === undefined ? {} : event.payload;
    const result = validate(contract.schema, given);
    return result instanceof Promise
      ? result.then((each) => verdictOf(each, event, contract, place))
      : verdictOf(result, event, contract, place);
  }

  private withoutContract(event: DomainEventInput, name: string, place: string): Verdict {
    if (this.settings.unknownEvents === 'allow' || name.startsWith(OWN_NAMES)) return { event };
    return refused(event, undefined, `${place}eventName`, 'has no contract, and unknownEvents is "reject"');
  }
}

function problemOf(contract: AnyEventContract | undefined, newest: AnyEventContract): string | undefined {
  if (contract === undefined)
    return `is a version without a contract; the newest contract is that of version ${newest.version}`;
  return contract.retired ? 'is retired, so it is no longer published' : undefined;
}

function refused(
  event: DomainEventInput,
  version: number | undefined,
  path: string,
  reason = 'has no contract',
): Verdict {
  return { event, violation: { eventName: event.eventName, version, problems: [{ path, reason }] } };
}

function verdictOf(
  result: SchemaVerdict,
  event: DomainEventInput,
  { name, version, schema }: AnyEventContract,
  place: string,
): Verdict {
  const { issues } = result;
  if (issues === undefined) return { event: { ...event, eventVersion: version, payload: result.value } };
  const problems = problemsOf(schema, issues, `${place}payload`);
  const violation = { eventName: name, version, problems, thrown: result.thrown };
  return { event: { ...event, eventVersion: version }, violation };
}
