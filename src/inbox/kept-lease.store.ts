/*
 * Why a consumer whose saves hold its cursor without a gap keeps its lease.
 *
 * The row of the cursor is what a save changes, what the heartbeat renews and what another process takes.
 * Each holds the row until its commit, and a commit may take long (a synchronous standby). Renewal and taking
 * pass over a row that somebody holds, for good reasons of their own. Where several batches of one consumer
 * save one after the other, the next one has the row as soon as the one before lets go of it. Renewal may
 * then find the row held every time, while a taking needs one lucky moment after the lease has run out.
 *
 * So each save renews. A save that finds its token on the row knows two things: its process has sent it, and
 * nobody has taken the cursor since. That is all that a renewal by the heartbeat knows. It costs no
 * statement, because the save changes the row anyway.
 *
 * - The new end counts only if the save commits, because it is a part of the row. A transaction that is
 *   frozen before its commit keeps the row, but the server ends it after the time of its handler. The lease
 *   is as it was then.
 * - A save never makes a lease shorter. The heartbeat may have made it longer at the same time, with another
 *   setting, and its process relies on that.
 * - A save that the server works off after its process has died lengthens the lease once, by its own length.
 *   Who sees that the process is dead does not wait for the lease.
 * - The process does not conclude from its saves how long it may go on. It reads the end of the lease with
 *   each beat (see `membership/lease-confirmation.ts`). So a process without a heartbeat begins nothing, as
 *   before: it would not see that its consumer is paused.
 */

/** The part of a save's SET that renews the lease. The save must find its own token on the row. */
export const KEEPS_LEASE = `lease_expires_at = greatest(lease_expires_at, clock_timestamp() + lease_ms * interval '1 millisecond')`;
