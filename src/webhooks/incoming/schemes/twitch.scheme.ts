import { headerProblem, type SignatureScheme } from '../definitions/signature-scheme.js';
import { hmac, matchOf, spelled } from './matching.js';

const ID = 'Twitch-Eventsub-Message-Id';
const TIME = 'Twitch-Eventsub-Message-Timestamp';
const SIGNATURE = 'Twitch-Eventsub-Message-Signature';
const PREFIX = 'sha256=';
/**
 * Id, time and body are signed one after the other with nothing between them. Because the time has exactly
 * this form, no letter can be moved from one to its neighbour.
 */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/**
 * Twitch EventSub: HMAC-SHA256 of the id of the message, its time and the body.
 *
 * https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#verifying-the-event-message
 */
export function twitchScheme(): SignatureScheme {
  return {
    name: 'Twitch EventSub',
    signsTime: true,
    secretKind: 'hmac',
    verify({ headers, body }, secrets) {
      const id = headers[ID.toLowerCase()];
      const given = headers[SIGNATURE.toLowerCase()];
      if (!id || !given?.startsWith(PREFIX))
        return headerProblem(`The headers ${ID} and ${SIGNATURE} with ${PREFIX} are needed`);
      const time = headers[TIME.toLowerCase()] ?? '';
      const signedAt = new Date(time);
      if (!RFC_3339.test(time) || Number.isNaN(signedAt.getTime()))
        return headerProblem(`The header ${TIME} is not a time such as 2026-01-31T12:00:00.5Z`);
      const signature = spelled(given.slice(PREFIX.length), 'hex');
      const match = matchOf([signature], secrets, (secret) => hmac('sha256', secret, 'hex', id, time, body));
      return match.ok ? { ...match, signedAt } : match;
    },
  };
}
