import type { ClientControl } from '../core/client-control.ts'
import type { Clock } from '../core/clock.ts'
import { itemKey, resetStatements, type SessionItem } from '../core/session-item.ts'
import { isUntold, pictureQuery, readPicture, type SessionPicture } from '../core/session-picture.ts'
import { within } from '../core/within.ts'
import type { FindingReference } from '../errors.ts'
import { destroySession } from './destroy.ts'
import type { RemedyResult } from './rollback.ts'

/** As for ROLLBACK: a session that has not answered by then will not. */
const resetMillis = 2000

/** Asks the server what the session holds, bounded. `items`: what is asked for in particular. */
export async function lookAt(
  control: ClientControl,
  items: Iterable<SessionItem>,
  clock: Clock,
): Promise<SessionPicture> {
  const known = [...(control.picture?.values() ?? [])].map(({ item }) => item)
  const settings = [...items, ...known].filter(({ kind }) => kind === 'setting')
  const query = pictureQuery(settings.map(({ name }) => name))
  return readPicture(await within(clock, resetMillis, control.read(query)))
}

export interface ResetOrder {
  readonly control: ClientControl
  readonly items: readonly SessionItem[]
  readonly reference: FindingReference
  readonly clock: Clock
}

/**
 * Takes back what was left in the session, and looks whether it is gone; else the session is destroyed, so that nobody
 * gets it. Never fails.
 */
export async function resetSession({ control, items, reference, clock }: ResetOrder): Promise<RemedyResult> {
  try {
    if (control.setUpByHost) throw new Error('the application sets its sessions up itself')
    await within(clock, resetMillis, control.run(resetStatements(items).join('; ')))
    const after = await lookAt(control, items, clock)
    const left = items.find((item) => after.has(itemKey(item)) && !isUntold(item))
    if (left !== undefined) throw new Error(`${left.name || left.kind} is still there`)
    if (control.picture !== undefined) control.picture = after
    return { outcome: 'reset' }
  } catch (error) {
    await destroySession(control, reference, clock)
    return {
      outcome: 'destroyed',
      detail: `not reset: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}
