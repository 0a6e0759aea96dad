import { judge } from './compatibility/judge.js';
import { closed } from './compatibility/schema-node.js';
import type { Verdict } from './compatibility/verdict.js';
import type { AnyEventContract } from './event-contract.js';
import type { KeptContract } from './event-contract.store.js';
import { placesNotCompared } from './schemas/classes/schema-parts.js';

/** A contract of the code, with what would be kept of it. */
export interface CodeContract {
  readonly contract: AnyEventContract;
  readonly kept: KeptContract;
  /** Why it has no JSON Schema. */
  readonly why?: string | undefined;
}

/** Something that is wrong with a contract. It is a `warning` where the schemas could not be judged. */
export interface ContractFinding {
  readonly severity: 'error' | 'warning';
  readonly code: 'INTEGRATION_CONTRACT_CHANGED' | 'INTEGRATION_CONTRACT_BREAKING';
  readonly eventName: string;
  readonly version: number;
  /** The place in the payload, or undefined if it is about the whole. */
  readonly path?: string | undefined;
  readonly message: string;
}

export interface Review {
  readonly findings: readonly ContractFinding[];
  /** The contracts of which something new is to be kept. */
  readonly toKeep: readonly KeptContract[];
}

type Code = ContractFinding['code'];

/**
 * Compares the contracts of the code with those that are kept. A version must be what was kept under it. Each
 * version must be able to read the one before, or have an upcaster for it, and readers of a public event that
 * know only the version before must be able to read the new one.
 */
export function review(code: readonly CodeContract[], kept: readonly KeptContract[]): Review {
  const findings: ContractFinding[] = [];
  const toKeep: KeptContract[] = [];
  for (const one of code) {
    const ofName = kept.filter(({ name }) => name === one.kept.name);
    const same = ofName.find(({ version }) => version === one.kept.version);
    findings.push(...(same === undefined ? [] : changesOf(one, same)), ...notComparedOf(one));
    findings.push(...stepsOf(one, withOthers(ofName, code, one), same === undefined));
    const now = withKnownSchema(one.kept, same);
    if (same === undefined || isOther(now, same)) toKeep.push(now);
  }
  return { findings, toKeep };
}

/** A process that cannot make the schema, as one of an earlier release, does not make it unknown again. */
function withKnownSchema(now: KeptContract, before: KeptContract | undefined): KeptContract {
  return now.schema !== null || before === undefined
    ? now
    : { ...now, schema: before.schema, hash: before.hash };
}

/** A change of what is not compared would be noticed by nobody, so it is said. */
function notComparedOf(one: CodeContract): ContractFinding[] {
  const { name, version, schema } = one.kept;
  const say = sayer(one, 'INTEGRATION_CONTRACT_CHANGED');
  const which = `Version ${version} of "${name}" is not compared with what is registered`;
  if (schema === null) return [say('warning', undefined, `${which}: ${one.why ?? 'it has no JSON Schema'}.`)];
  const places = placesNotCompared(schema);
  if (places.length === 0) return [];
  return [
    say(
      'warning',
      undefined,
      `${which} in ${places.join(', ')}: JSON Schema cannot tell what these decorators do. Define a new version when you change them, or give classSchema(…) the option jsonSchema.`,
    ),
  ];
}

function isOther(now: KeptContract, before: KeptContract): boolean {
  return (
    now.hash !== before.hash ||
    now.visibility !== before.visibility ||
    now.description !== before.description ||
    now.retired !== before.retired
  );
}

/** What is kept of a name, and what the code defines besides. */
function withOthers(
  kept: readonly KeptContract[],
  code: readonly CodeContract[],
  one: CodeContract,
): KeptContract[] {
  const others = code
    .map((each) => each.kept)
    .filter(({ name, version }) => name === one.kept.name && !kept.some((each) => each.version === version));
  return [...kept, ...others].sort((a, b) => a.version - b.version);
}

/** Public events that are kept, and that the code has no contract of. They must have been retired before. */
export function missingOf(code: readonly CodeContract[], kept: readonly KeptContract[]): ContractFinding[] {
  const names = new Set(code.map((each) => each.kept.name));
  const gone = kept.filter(({ name, visibility }) => visibility === 'public' && !names.has(name));
  const newest = gone.filter((one) =>
    gone.every(({ name, version }) => name !== one.name || version <= one.version),
  );
  return newest
    .filter(({ retired }) => !retired)
    .map(({ name: eventName, version }) => ({
      severity: 'error',
      code: 'INTEGRATION_CONTRACT_BREAKING',
      eventName,
      version,
      message: `The public event "${eventName}" has gone without notice. Put its contract back with retired: true for one release, and remove it after that.`,
    }));
}

/** The same version must have the same schema, or one that allows the same. */
function changesOf(one: CodeContract, before: KeptContract): ContractFinding[] {
  const { name, version, schema, hash } = one.kept;
  if (hash === before.hash) return [];
  const say = sayer(one, 'INTEGRATION_CONTRACT_CHANGED');
  // That it has no schema now is said for every boot.
  if (schema === null) return [];
  if (before.schema === null)
    return [
      say(
        'warning',
        undefined,
        `Version ${version} of "${name}" was registered without a JSON Schema, so whether it has changed since cannot be told. From now on it must stay what it is in this code. If stored events of version ${version} differ, define this schema as version ${version + 1}, with upcast: { ${version}: (payload) => … }.`,
      ),
    ];
  const [known, now] = [closed(before.schema), closed(schema)];
  const verdicts = [judge(known, now), judge(now, known)];
  const [broken] = verdicts.flatMap((verdict) => (verdict.kind === 'breaks' ? [verdict] : []));
  const [unknown] = verdicts.flatMap((verdict) => (verdict.kind === 'unknown' ? [verdict] : []));
  if (broken === undefined && unknown === undefined) return [];
  const isReversed = broken !== undefined && verdicts[0] !== broken;
  const what =
    broken === undefined
      ? `${unknown?.path} is other than before, and cannot be compared (${unknown?.why})`
      : `${broken.path} (registered: ${isReversed ? broken.to : broken.from}; now: ${isReversed ? broken.from : broken.to})`;
  return [
    say(
      'error',
      broken?.path ?? unknown?.path,
      `Version ${version} of "${name}" is not what was registered under it: ${what}. Stored events of version ${version} have the registered schema. Define the changed schema as version ${version + 1}, with upcast: { ${version}: (payload) => … } if it cannot read version ${version}, or put the schema back.`,
    ),
  ];
}

/** Each version up to that of the code must lead to the next one. */
function stepsOf(one: CodeContract, known: readonly KeptContract[], isNew: boolean): ContractFinding[] {
  const upTo = known.filter(({ version }) => version <= one.kept.version);
  return upTo.slice(1).flatMap((to, index) => {
    const from = upTo[index] as KeptContract;
    const isLast = to.version === one.kept.version;
    return [...storedOf(one, from, to), ...(isLast && isNew ? readersOf(one, from, to) : [])];
  });
}

function hasUpcaster({ contract }: CodeContract, from: KeptContract, to: KeptContract): boolean {
  return Object.keys(contract.upcast).some((key) => Number(key) >= from.version && Number(key) < to.version);
}

/** Whether what was stored under `from` can be read as `to`. */
function storedOf(one: CodeContract, from: KeptContract, to: KeptContract): ContractFinding[] {
  if (hasUpcaster(one, from, to)) return [];
  const { name, version } = one.kept;
  const verdict = compared(from, to, one);
  const say = sayer(one, 'INTEGRATION_CONTRACT_BREAKING');
  if (verdict.kind === 'fits') return [];
  if (verdict.kind === 'unknown') {
    const which = `Whether version ${to.version} of "${name}" can read version ${from.version} cannot be judged`;
    return [
      say(
        'warning',
        verdict.path,
        `${which}: ${verdict.path}: ${verdict.why}. An upcaster from ${from.version} would settle it.`,
      ),
    ];
  }
  return [
    say(
      'error',
      verdict.path,
      `Version ${to.version} of "${name}" cannot read what version ${from.version} stored: ${verdict.path} (version ${from.version}: ${verdict.from}; version ${to.version}: ${verdict.to}). Add upcast: { ${from.version}: (payload) => … } to version ${version}, or allow what version ${from.version} allows.`,
    ),
  ];
}

/** Whether readers who know only `from` can read what is published as `to`. */
function readersOf(one: CodeContract, from: KeptContract, to: KeptContract): ContractFinding[] {
  if (one.kept.visibility !== 'public') return [];
  const { name } = one.kept;
  const verdict = compared(to, from, one);
  const say = sayer(one, 'INTEGRATION_CONTRACT_BREAKING');
  if (verdict.kind === 'fits') return [];
  if (verdict.kind === 'unknown') {
    const which = `Whether readers of the public event "${name}" that know version ${from.version} can read version ${to.version} cannot be judged`;
    return [say('warning', verdict.path, `${which}: ${verdict.path}: ${verdict.why}.`)];
  }
  const what = `${verdict.path} (version ${from.version}: ${verdict.to}; version ${to.version}: ${verdict.from})`;
  const remedy = `Keep what version ${from.version} promises, or publish it as an event of another name.`;
  return [
    say(
      hasUpcaster(one, from, to) ? 'warning' : 'error',
      verdict.path,
      `Readers of the public event "${name}" that know only version ${from.version} cannot read version ${to.version}: ${what}. ${remedy}`,
    ),
  ];
}

function compared(from: KeptContract, to: KeptContract, { why }: CodeContract): Verdict {
  if (from.schema === null || to.schema === null)
    return { kind: 'unknown', path: 'payload', why: why ?? 'one of the two has no JSON Schema' };
  return judge(from.schema, to.schema);
}

function sayer({ kept: { name: eventName, version } }: CodeContract, code: Code) {
  return (
    severity: ContractFinding['severity'],
    path: string | undefined,
    message: string,
  ): ContractFinding => ({
    severity,
    code,
    eventName,
    version,
    path,
    message,
  });
}
