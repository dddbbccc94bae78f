import { describe, it } from 'vitest'
import { expectRightRequests } from '../../compatibility/requests-at-once.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

describe('two hundred requests at once on a pool of five, for long', () => {
  it.each(['observe', 'enforce'] as const)('each finding names the right one: %s', (mode) =>
    expectRightRequests(db, mode, { rounds: 12, leastLeaks: 51 }),
  )
})
