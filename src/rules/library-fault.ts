import type { Checkout } from '../core/checkout.ts'
import { type CapturedStack, passesThrough } from '../core/origin/origin.ts'

const drizzle = /[\\/]drizzle-orm[\\/]node-postgres[\\/]/
const knexStream = /[\\/]knex[\\/]lib[\\/]execution[\\/]runner\.js/
const kysely = /[\\/]kysely[\\/]dist[\\/]/

/** The hint for a client that a library does not release: a known fault of that library, not of the application. */
export function lostByLibrary(checkout: Checkout): string | undefined {
  const { lastQuery = '', lastQueryFailed } = checkout
  if (!lastQueryFailed) return undefined
  // https://github.com/drizzle-team/drizzle-orm/issues/6023
  if (/^\s*begin\b/i.test(lastQuery) && isOf(drizzle, checkout))
    return 'BEGIN failed, and Drizzle does not release the client in this case: a fault of Drizzle (its issue 6023)'
  if (/^\s*(begin|start|commit|rollback)\b/i.test(lastQuery) && isOf(kysely, checkout))
    return 'its last statement failed, and a controlled transaction of Kysely releases the client only after a successful commit or rollback: call rollback if commit fails, or use db.transaction()'
  return undefined
}

/** The hint for a second release by a library. */
export function releasedByLibrary(release: CapturedStack | undefined): string | undefined {
  if (release === undefined || !passesThrough(release, knexStream)) return undefined
  return 'released twice by Knex: stream() releases its client at the end of the rows and when the stream closes, which is a fault of Knex; on a connectionPool, run stream() inside a transaction'
}

function isOf(library: RegExp, { stack, laterStacks = [] }: Checkout): boolean {
  return [stack, ...laterStacks].some(
    (captured) => captured !== undefined && passesThrough(captured, library),
  )
}
