import type { ClientControl } from '../core/client-control.ts'
import type { Clock } from '../core/time/clock.ts'
import { within } from '../core/time/within.ts'
import { type FindingReference, SessionDestroyedError } from '../errors.ts'
import { fenceSession } from './fence.ts'

/** A server that does not answer a cancel request by then is not going to. */
const cancelMillis = 1000

/**
 * Takes the session away from its owner and frees the pool's slot. A running statement is cancelled first: closing
 * the connection alone would leave it running on the server, with its locks. Never fails.
 */
export async function destroySession(
  control: ClientControl,
  reference: FindingReference,
  clock: Clock,
): Promise<void> {
  const settle = fenceSession(control, reference)
  if (control.work() === 'query') {
    const cancelled = control.cancel().then(() => control.whenReady())
    await within(clock, cancelMillis, cancelled).catch(() => {})
  }
  control.destroy(new SessionDestroyedError(reference))
  settle()
}
