import type { PartGauge } from '../telemetry/part-gauges.js';
import type { Extensions } from './extension.js';

/**
 * The extensions of an engine, for modules that stand beside it: `engineOf` finds classes, and not the symbol
 * of the resolved options. Whatever belongs to the engine reads `extensions` of these options.
 */
export class EngineExtensions {
  constructor(readonly all: Extensions) {}
}

/** The gauges that the extensions of an engine have. */
export class PartGauges {
  constructor(readonly all: readonly PartGauge[]) {}
}
