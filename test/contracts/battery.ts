import { beforeEach, describe, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { type Check, contractOf } from './contract.ts'
import { correctUse } from './facts/correct-use.ts'
import { leaks } from './facts/leaks.ts'
import { remedies } from './facts/remedies.ts'
import { waits } from './facts/waits.ts'
import { type Fact, facts, type LibrarySetUp } from './library.ts'

const checks: Readonly<Record<Fact, Check>> = { ...leaks, ...waits, ...remedies, ...correctUse }

/** What every library owes its users under guard; each fact runs on the real library and a real server. */
export function describeContracts(libraries: readonly LibrarySetUp[]): void {
  const db = useDatabase()
  beforeEach(() => db.query('CREATE TABLE IF NOT EXISTS notes (body text); TRUNCATE notes'))

  for (const setUp of libraries) describe(`under ${setUp.name} ${setUp.version}`, () => factsOf(setUp))

  function factsOf(setUp: LibrarySetUp): void {
    const excepted = new Set(setUp.exceptions?.map(({ fact }) => fact))
    for (const [fact, sentence] of Object.entries(facts) as [Fact, string][]) {
      const isException = excepted.has(fact)
      const test = isException ? it.fails : it
      test(`${fact}: ${isException ? 'not so that ' : ''}${sentence}`, () =>
        checks[fact](contractOf(setUp, db, isException)))
    }
  }
}
