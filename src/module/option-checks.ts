import { messageOf } from '../errors.js';
import { IntegrationMetrics } from '../telemetry/integration-metrics.js';
import { problemsOfUnknownNames } from '../words/known-names.js';

/* The checks that several options share. Each returns what is wrong with a value. */

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isToken(value: unknown): boolean {
  return ['function', 'string', 'symbol'].includes(typeof value);
}

export function problemsUnless(holds: boolean, problem: string): string[] {
  return holds ? [] : [problem];
}

export function problemsOfPool(value: unknown): string[] {
  if (!isObject(value)) return ['pool must be an object: { max? }'];
  return [
    ...(value.max === undefined ? [] : problemsOfCount('pool.max', value.max, 1, 10_000)),
    ...problemsOfUnknownNames(value, { known: ['max'], prefix: 'pool.' }),
  ];
}

const SWITCHES = ['spans', 'baggage'] as const;

export function problemsOfTelemetry(value: unknown): string[] {
  if (!isObject(value))
    return ['telemetry must be an object: { spans?, metrics?, handlerSpans?, handlerSpanRatio?, baggage? }'];
  const { handlerSpans, handlerSpanRatio: ratio, metrics } = value;
  return [
    ...SWITCHES.flatMap((name) =>
      problemsUnless(
        value[name] === undefined || typeof value[name] === 'boolean',
        `telemetry.${name} must be true or false, not ${textFor(value[name])}`,
      ),
    ),
    ...problemsUnless(
      metrics === undefined || typeof metrics === 'boolean' || metrics instanceof IntegrationMetrics,
      `telemetry.metrics must be true, false or an IntegrationMetrics, not ${textFor(metrics)}`,
    ),
    ...problemsUnless(
      ratio === undefined || (typeof ratio === 'number' && ratio >= 0 && ratio <= 1),
      `telemetry.handlerSpanRatio must be a number from 0 to 1, not ${textFor(ratio)}`,
    ),
    ...(handlerSpans === undefined
      ? []
      : problemsOfChoice('telemetry.handlerSpans', handlerSpans, ['linked', 'child'])),
    ...problemsOfUnknownNames(value, {
      known: [...SWITCHES, 'metrics', 'handlerSpans', 'handlerSpanRatio'],
      prefix: 'telemetry.',
    }),
  ];
}

export function problemsOfHandlerLines(value: unknown): string[] {
  if (!isObject(value)) return ['handlerLines must be an object: { redact }'];
  return [
    ...problemsUnless(
      typeof value.redact === 'function',
      'handlerLines.redact must be a function that returns what may be kept of a line: (text) => text keeps all of it',
    ),
    ...problemsOfUnknownNames(value, { known: ['redact'], prefix: 'handlerLines.' }),
  ];
}

export function problemsOfChoice(option: string, value: unknown, choices: readonly string[]): string[] {
  const list = choices.map((choice) => `'${choice}'`).join(', ');
  return problemsUnless(
    choices.includes(value as string),
    `${option} must be one of ${list}, not ${textFor(value)}`,
  );
}

export function problemsOfCount(option: string, value: unknown, min: number, max: number): string[] {
  const holds = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
  return problemsUnless(
    holds,
    `${option} must be a whole number from ${min} to ${max}, not ${textFor(value)}`,
  );
}

export function problemsOfThrowing(check: () => unknown): string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [messageOf(error).replace(/\.$/, '')];
  }
}

export function textOf(value: unknown, option: string): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`${option} must be a string, not ${typeof value}`);
}

function textFor(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
