/**
 * SQL, to be called in a statement that is a transaction of its own: its commit is not waited for on disk.
 * For what has to outlive the process that says it, and not the server.
 */
export const UNHURRIED_COMMIT = `set_config('synchronous_commit', 'off', true)`;
