import type pg from 'pg'
import type { Lifeguard, ManualClock } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'

// What the examples in the documentation find ready-made. They import it, as modules of their own; whoever plays one sets
// it up before.

/** Of two connections, watched. */
export let pool: pg.Pool
export let lifeguard: Lifeguard
/** Of the lifeguard: an example in which something takes long moves it. */
export let clock: ManualClock
export { eventually }

export const properties: readonly string[] = ['pool', 'lifeguard', 'clock', 'eventually']

export function setStage(next: { pool: pg.Pool; lifeguard: Lifeguard; clock: ManualClock }): void {
  ;({ pool, lifeguard, clock } = next)
}
