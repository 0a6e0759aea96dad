/** The name of the extension, and of what it says of a process in its row. */
export const RELAY_PART = 'relay';
/** How the names of the consumers of relays begin. */
export const RELAY_CONSUMERS = 'relay.';
