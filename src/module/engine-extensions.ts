import type { PartGauge } from '../telemetry/part-gauges.js';
import type { Extensions } from './extension.js';

/** The extensions of an engine: those of its options, and those that modules of the application bring. */
export class EngineExtensions {
  constructor(readonly all: Extensions) {}
}

/** The gauges that the extensions of an engine have. */
export class PartGauges {
  constructor(readonly all: readonly PartGauge[]) {}
}
