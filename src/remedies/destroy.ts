import type { ClientControl } from '../core/client-control.ts'
import type { Clock } from '../core/time/clock.ts'
import { within } from '../core/time/within.ts'
import { type FindingReference, SessionDestroyedError } from '../errors.ts'
import { fenceSession } from './fence.ts'

/** The time limit of a cancel request: a server that has not answered by then will not answer. */
const cancelMillis = 1000

/**
 * Closes the session and frees the pool's slot. A running statement is cancelled first: closing the connection alone
 * would leave it running on the server, with its locks. Never fails.
 */
export async function destroySession(
  control: ClientControl,
  reference: FindingReference,
  clock: Clock,
): Promise<void> {
  const settle = fenceSession(control, reference)
  const work = control.work()
  if (work !== 'none') {
    // A cursor or a COPY is never done without its owner.
    const cancelled = control.cancel().then(() => (work === 'query' ? control.whenReady() : undefined))
    await within(clock, cancelMillis, cancelled).catch(() => {})
  }
  control.destroy(new SessionDestroyedError(reference))
  settle()
}
