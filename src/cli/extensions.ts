import type { IntegrationExtension } from '../module/extension.js';
import { secretsExtension } from '../secrets/secrets-extension.js';
import { webhooksExtension } from '../webhooks/webhooks-extension.js';

/** The parts of this package whose tables, settings and checks the commands know besides the engine's. */
export const EXTENSIONS: readonly IntegrationExtension[] = [webhooksExtension, secretsExtension()];
