import type { Scenario, Stage } from '../../scenarios/scenario.js';
import type { OpsSizes } from '../arguments.js';

export type OpsStage = Stage<OpsSizes & { readonly before: string | undefined }>;
export type OpsCheck = Scenario<OpsStage['sizes']>;
