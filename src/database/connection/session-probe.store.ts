/** Marks a session and makes it listen to a channel, in one message. */
export function markSession(channel: string, mark: string): string {
  return `LISTEN "${channel}"; SELECT set_config('nestjs_integration.mark', '${mark}', false)`;
}

export const READ_MARK = `SELECT current_setting('nestjs_integration.mark', true) AS mark, pg_backend_pid() AS pid`;

/** Keeps one session busy, whichever it is. `NOTIFY_MARKED` ends that and notifies the channel. */
export const HOLD_SESSION = 'BEGIN; SELECT pg_backend_pid() AS pid';

export function notifyMarked(channel: string): string {
  return `SELECT pg_notify('${channel}', ''); COMMIT`;
}

export function forgetMark(channel: string): string {
  return `UNLISTEN "${channel}"`;
}
