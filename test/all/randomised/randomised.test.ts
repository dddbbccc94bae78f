import { describe, it } from 'vitest'
import { correctAsBare, crowds, enforced, observedAsBare } from '../../randomised/runs.ts'
import { useDatabase } from '../../support/database.ts'

const timeout = 900_000
/** Other ones than those of test/randomised. */
const seeds = Array.from({ length: 22 }, (_, index) => 3 + index)

describe.each([
  ['changes nothing that a program sees in observe, and reports every leak once', observedAsBare],
  ['frees what leaks in enforce, loses no slot and lets no row of a lost transaction persist', enforced],
  ['finds nothing in a correct program and changes nothing for it, in either mode', correctAsBare],
])('a random program', (what, runs) => {
  const database = useDatabase()
  it(what, { timeout }, () => runs(database, seeds))
})

describe.each([
  ['loses no slot, no row and no finding among many owners at once', false],
  ['finds nothing in many correct owners at once', true],
])('a crowd', (what, correct) => {
  const database = useDatabase()
  it(what, { timeout }, () => crowds(correct)(database, seeds.slice(0, 8)))
})
