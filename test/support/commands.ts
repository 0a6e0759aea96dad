import { EXTENSIONS } from '../../src/bin/extensions.js';
import { commandsWith } from '../../src/cli/commands.js';

/** Every command of the package, as its command line knows them. */
export const COMMANDS = await commandsWith(EXTENSIONS);
