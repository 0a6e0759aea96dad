import type { Handlers } from '../mounting/mounted-controller.js';
import { ConsumersHandlers } from './consumers.handlers.js';
import { SessionHandlers } from './session.handlers.js';
import { SettingsHandlers } from './settings.handlers.js';

/** Every part of the admin API. */
export const HANDLERS: readonly Handlers[] = [SessionHandlers, ConsumersHandlers, SettingsHandlers];
