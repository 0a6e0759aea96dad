import type { WhyNot } from './gate.store.js';

/** A request may not be sent now. */
export class GateRefused extends Error {
  override readonly name = 'GateRefused';

  /**
   * @param why `open`: the breaker, because the other system fails. `blocked`: it has asked to be left alone.
   *   `limit`: its limits are used up.
   * @param waitMs after which it is worth trying again
   */
  constructor(
    readonly why: WhyNot,
    readonly waitMs: number,
  ) {
    super(`A request may not be sent for ${Math.ceil(waitMs)} ms (${why})`);
  }
}
