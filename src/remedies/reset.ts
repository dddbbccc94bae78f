import type { ClientControl } from '../core/client-control.ts'
import {
  contentsQuery,
  differences,
  isUntold,
  readContents,
  type SessionContents,
} from '../core/session-state/contents.ts'
import { itemKey, resetStatements, type SessionItem } from '../core/session-state/item.ts'
import type { Clock } from '../core/time/clock.ts'
import { within } from '../core/time/within.ts'
import type { FindingReference } from '../errors.ts'
import { destroySession } from './destroy.ts'
import type { RemedyResult } from './rollback.ts'

/** The time limit, as for ROLLBACK: a session that has not answered by then will not answer. */
const resetMillis = 2000

/** Asks the server for the contents of the session, with a time limit. `items` selects what to ask for. */
export async function lookAt(
  control: ClientControl,
  items: Iterable<SessionItem>,
  clock: Clock,
): Promise<SessionContents> {
  const known = [...(control.contents?.values() ?? [])].map(({ item }) => item)
  const settings = [...items, ...known].filter(({ kind }) => kind === 'setting')
  const query = contentsQuery(settings.map(({ name }) => name))
  return readContents(await within(clock, resetMillis, control.read(query)))
}

export interface ResetOrder {
  readonly control: ClientControl
  readonly items: readonly SessionItem[]
  /** The contents of the session when the owner got it, if they are known. */
  readonly before: SessionContents | undefined
  readonly reference: FindingReference
  readonly clock: Clock
}

/**
 * Resets what was left in the session, and verifies it. If anything remains, the session is destroyed, so that no other
 * owner gets it. Never fails.
 */
export async function resetSession({
  control,
  items,
  before,
  reference,
  clock,
}: ResetOrder): Promise<RemedyResult> {
  try {
    if (control.setUpByHost) throw new Error('the application sets its sessions up itself')
    await within(clock, resetMillis, control.run(resetStatements(items).join('; ')))
    const after = await lookAt(control, items, clock)
    const differs = before === undefined ? isStillThere(after) : isNotAsBefore(before, after)
    const left = items.find(differs)
    if (left !== undefined) throw new Error(`${left.name || left.kind} is not what it was`)
    if (control.contents !== undefined) control.contents = after
    return { outcome: 'reset' }
  } catch (error) {
    await destroySession(control, reference, clock)
    return {
      outcome: 'destroyed',
      detail: `not reset: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}

function isStillThere(after: SessionContents): (item: SessionItem) => boolean {
  return (item) => after.has(itemKey(item)) && !isUntold(item)
}

function isNotAsBefore(before: SessionContents, after: SessionContents): (item: SessionItem) => boolean {
  const differing = new Set(differences(before, after).map(itemKey))
  return (item) => differing.has(itemKey(item))
}
