import { describe, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { correctAsBare, crowds, enforced, observedAsBare } from './runs.ts'

/** Multiplies the number of runs. */
const factor = Number(process.env.PGLIFEGUARD_STEPS ?? 1)

/**
 * The same ones each time, so that a change is judged by what it does and not by luck; `PGLIFEGUARD_SEED=random` goes
 * hunting, and a number replays one.
 */
function seeds(runs: number): readonly number[] {
  const given = process.env.PGLIFEGUARD_SEED
  if (given !== undefined && given !== 'random') return [Number(given)]
  const first = given === 'random' ? Math.floor(Math.random() * 1e9) : 1
  return Array.from({ length: Math.ceil(runs * factor) }, (_, index) => first + index)
}

const timeout = 300_000 * Math.max(1, factor)
const isHunting = process.env.PGLIFEGUARD_SEED !== undefined

// Each has a database of its own: one that failed may go on for a while, and its rows must not be found by the next.
describe.each([
  [
    'changes nothing that a program sees in observe, and reports every leak once',
    { runs: 3, of: observedAsBare },
  ],
  [
    'frees what leaks in enforce, loses no slot and lets no row of a lost transaction persist',
    { runs: 3, of: enforced },
  ],
  [
    'finds nothing in a correct program and changes nothing for it, in either mode',
    { runs: 2, of: correctAsBare },
  ],
])('a random program', (what, { runs, of }) => {
  const database = useDatabase()
  it(what, { timeout }, () => of(database, seeds(runs)))
})

// Real concurrency cannot be replayed to the letter, so these two hunt only when they are asked to.
describe.runIf(isHunting).each([
  ['loses no slot, no row and no finding among many owners at once', { runs: 8, correct: false }],
  ['finds nothing in many correct owners at once', { runs: 4, correct: true }],
])('a crowd', (what, { runs, correct }) => {
  const database = useDatabase()
  it(what, { timeout }, () => crowds(correct)(database, seeds(runs)))
})
