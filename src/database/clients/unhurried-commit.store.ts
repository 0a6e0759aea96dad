/**
 * SQL for a statement that is a transaction of its own. Its commit does not wait for the disk. It is for
 * values that must outlive the process that writes them, but need not outlive the server.
 */
export const UNHURRIED_COMMIT = `set_config('synchronous_commit', 'off', true)`;
