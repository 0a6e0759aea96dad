/** A Node that was built without an inspector does not have this module. */
const inspector = process.features.inspector ? process.getBuiltinModule('node:inspector') : undefined;

/**
 * Whether a debugger is attached to the calling thread, or may be at any moment: after `--inspect`,
 * `inspector.open()` or SIGUSR1.
 */
export function hasOpenInspector(): boolean {
  return inspector?.url() !== undefined;
}
